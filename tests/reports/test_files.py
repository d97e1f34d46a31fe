import json
from pathlib import Path

import pytest
from folders import files

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.files import write_text


def test_half_a_character_does_not_cost_the_report(tmp_path: Path):
    (tmp_path / "report.json").write_text("former")
    write_text(tmp_path / "report.json", json.dumps("m on bad\udce9.jsonl", ensure_ascii=False))
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == "m on bad?.jsonl"
    assert files(tmp_path) == ["report.json"]


def test_link_and_device_are_written_through(tmp_path: Path):
    (tmp_path / "report.md").symlink_to("kept.md")
    write_text(tmp_path / "report.md", "scores")
    assert (tmp_path / "report.md").is_symlink()
    assert (tmp_path / "kept.md").read_text() == "scores"
    write_text(Path("/dev/null"), "scores")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["/dev/full", "none/report.md"])
def test_what_cannot_be_written_is_told(name: str, tmp_path: Path):
    with pytest.raises(DataError, match=r"^--output: .* cannot be written.* Give another\.$"):
        write_text(tmp_path / name, "scores")
