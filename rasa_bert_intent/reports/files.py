"""Writes an `Evaluation` to files: JSON for programs, Markdown and HTML for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.evaluation import Evaluation
from rasa_bert_intent.reports.html import EXTRA, html_is_possible, to_html
from rasa_bert_intent.reports.markdown import to_markdown

_FORMS = (".json", ".md", ".html")
_DATA = (".yaml", ".yml")


def report_files(output: Path) -> list[Path]:
    """The files that a report goes to: itself if it ends in `.json`, `.md` or `.html`, else all in that directory.

    In a directory the HTML is left out where the extra `report` is not installed. The directory is made, so that a
    place that cannot be written to is told before a model is loaded.

    Raises:
        DataError: if it ends in anything else, in `.html` without that extra, or the directory cannot be made.
    """
    if output.is_dir() or not output.suffix:
        files = [output / f"report{form}" for form in _FORMS if form != ".html" or html_is_possible()]
    elif output.suffix not in _FORMS:
        raise DataError(f"--output: {output} ends in {output.suffix}. Give a file .json, .md or .html, or a directory.")
    elif output.suffix == ".html" and not html_is_possible():
        raise DataError(f"--output: {output} needs plotly and jinja2. Install them: {EXTRA}")
    else:
        files = [output]
    try:
        files[0].parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {files[0].parent} cannot be made ({error.strerror}). Give another.") from None
    return files


def write_report(evaluation: Evaluation, files: Iterable[Path]) -> None:
    """Writes the report to each file, as its ending says.

    Raises:
        DataError: naming the file that cannot be written.
    """
    forms = {".json": _to_json, ".md": to_markdown, ".html": to_html}
    for file in files:
        write_text(file, forms[file.suffix](evaluation))


def check_file(file: Path, *inputs: Path) -> None:
    """Tells before anything is calculated that a file that `--output` names cannot be written.

    Args:
        file: What is to be written.
        inputs: Files and folders that are read.

    Raises:
        DataError: if it is a folder, its folder does not exist, or it is one of the inputs or a file of data in one.
    """
    if file.is_dir():
        raise DataError(f"--output: {file} is a folder. Name a file.")
    if not file.parent.is_dir():
        raise DataError(f"--output: the folder {file.parent} does not exist. Make it, or name another.")
    output = file.resolve()
    for source in (each.resolve() for each in inputs):
        if output == source or (source in output.parents and output.suffix.lower() in _DATA):
            raise DataError(f"--output: {file} is what is read, or would be next time. Name another file.")


def write_text(file: Path, content: str) -> None:
    """Writes a file that `--output` names; `?` stands for what UTF-8 has not.

    Raises:
        DataError: if it cannot be written.
    """
    encoded = content.encode("utf-8", "replace")  # the name of a file may hold any byte
    try:
        file.write_bytes(encoded)
    except OSError as error:
        raise DataError(f"--output: {file} cannot be written ({error.strerror}). Give another.") from None


def _to_json(evaluation: Evaluation) -> str:
    return json.dumps(asdict(evaluation), indent=1, ensure_ascii=False) + "\n"
