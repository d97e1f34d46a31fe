"""Serves `rasa-bert-intent demo` to a browser."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
_QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
_PAGE_PYTHON = Path(__file__).parents[1] / ".venv-web" / "bin" / "python"


def python_with_gradio() -> str | None:
    """This Python, or that of `make web-setup`."""
    if importlib.util.find_spec("gradio") is not None:
        return sys.executable
    return str(_PAGE_PYTHON) if _PAGE_PYTHON.is_file() else None


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser, driven by playwright's client."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *_QUIET])
        yield browser
        browser.close()


def drawn(file: Path) -> str:
    """A page of figures after its scripts have run, as HTML."""
    flags = ["--headless=new", *_FLAGS, "--virtual-time-budget=10000", f"--user-data-dir={file.parent / 'profile'}"]
    command = [str(CHROMIUM), *flags, "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    return done.stdout


@contextmanager
def served(python: str, folder: Path, *arguments: str | Path) -> Iterator[str]:
    """The address of `rasa-bert-intent demo` that runs in a folder until the block is left."""
    command = [python, "-m", "rasa_bert_intent.cli", "demo", "--port", "0", *map(str, arguments)]
    with (folder / "page.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.search(r"open (http://127\.0\.0\.1:\d+) in a browser", said)
        assert found, said + (folder / "page.log").read_text("utf-8")
        yield found[1]
    finally:
        process.terminate()
        rest = process.communicate(timeout=60)[0]
    log_text = (folder / "page.log").read_text("utf-8")
    assert process.returncode == 0, log_text
    assert "Traceback" not in rest + log_text, rest + log_text
