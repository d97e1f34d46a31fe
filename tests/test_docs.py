"""The walk-throughs in `docs/` do what they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def _run(commands: str, folder: Path) -> str:
    """What commands print, both streams in order; they stop at the first that fails."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "ignore", "MPLBACKEND": "agg"}
    done = subprocess.run(
        ["bash", "-ec", f"exec 2>&1\n{commands}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a copy of `docs` alone."""
    shutil.copytree(DOCS, tmp_path / "docs")
    return tmp_path


def test_spam_is_converted_as_shown(checkout: Path):
    into, command = _blocks("spam.md", "sh")[:2]
    shown = _blocks("spam.md", "text")[0]
    without_time = re.compile(r"\(.* s\)")
    assert without_time.sub("", _run(into + command, checkout)) == without_time.sub("", shown)


@pytest.mark.slow
def test_spam_from_the_table_to_the_report(checkout: Path):
    pytest.importorskip("rasa", reason="Rasa needs Python 3.10")
    printed = _run("".join(_blocks("spam.md", "sh")), checkout)
    folder = checkout / "docs" / "spam"
    first, second = re.findall(r'^\{"text": .*?"intent": \{"name": "(\w+)"', printed, re.MULTILINE)
    assert (first, second) == ("spam", "ham")
    accuracy = re.search(r"22 examples: accuracy ([\d.]+)", printed)
    assert accuracy
    assert float(accuracy[1]) > 0.8
    assert (folder / "report" / "report.json").is_file()
    assert (folder / "results" / "intent_report.json").is_file()
    (code,) = _blocks("spam.md", "python")
    (folder / "without_rasa.py").write_text(code, "utf-8")
    assert "['ham', 'spam']" in _run("python without_rasa.py", folder)
