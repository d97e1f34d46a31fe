"""Writes an `Evaluation` to files: JSON for programs, Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.evaluation import Evaluation
from rasa_bert_intent.reports.markdown import to_markdown


def report_files(output: Path) -> list[Path]:
    """The files that a report goes to: itself if it ends in `.json` or `.md`, else both in that directory.

    Their directory is made, so that a place that cannot be written to is told before a model is loaded.

    Raises:
        DataError: if it ends in anything else, or the directory cannot be made.
    """
    if output.is_dir() or not output.suffix:
        files = [output / "report.json", output / "report.md"]
    elif output.suffix in (".json", ".md"):
        files = [output]
    else:
        raise DataError(f"--output: {output} ends in {output.suffix}. Give a file .json or .md, or a directory.")
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
    for file in files:
        content = to_markdown(evaluation) if file.suffix == ".md" else _to_json(evaluation)
        try:
            file.write_text(content, "utf-8")
        except OSError as error:
            raise DataError(f"--output: {file} cannot be written ({error.strerror}). Give another.") from None


def _to_json(evaluation: Evaluation) -> str:
    return json.dumps(asdict(evaluation), indent=1, ensure_ascii=False) + "\n"
