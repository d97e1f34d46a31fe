import importlib.util
import json
import sys
from pathlib import Path

import pytest
from ports import free_port

from rasa_bert_intent.cli import main
from rasa_bert_intent.cli.demo import EXTRA
from rasa_bert_intent.storage import FORMAT

HAS_GRADIO = importlib.util.find_spec("gradio") is not None


def _told(capsys: pytest.CaptureFixture, *arguments: object) -> str:
    assert main(["demo", *map(str, arguments)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1, told
    return told


@pytest.mark.skipif(HAS_GRADIO, reason="Gradio is here")
def test_without_the_extra_a_line_says_what_to_install(capsys: pytest.CaptureFixture):
    told = _told(capsys)
    assert EXTRA in told
    if sys.version_info < (3, 11):
        assert "Python 3.11" in told


@pytest.fixture
def _any_gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told before Gradio is needed is told without it too."""
    monkeypatch.setattr("rasa_bert_intent.cli.demo._gradio_is_here", lambda: True)


@pytest.mark.usefixtures("_any_gradio")
def test_mistakes_are_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture):
    nobody = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "file").touch()
    manifest = {"format": FORMAT + 1, "version": "99.0", "files": {}}
    (tmp_path / "model.json").write_text(json.dumps(manifest), "utf-8")
    for arguments, message in (
        (["--url", nobody], f"no Rasa answers at {nobody}"),
        (["--url", "http://127.0.0.1:abc"], "'http://127.0.0.1:abc' is no address"),
        (["--url", "http://[::1"], "'http://[::1' is no address"),
        ([tmp_path / "none"], "none does not exist"),
        ([tmp_path], "made by rasa-bert-intent 99.0"),
        (["--data", tmp_path / "none"], "--data:"),
        (["--corrections", tmp_path / "file"], "is a file. Name a folder"),
    ):
        assert message in _told(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "model.json"]
