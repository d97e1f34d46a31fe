"""A job: what is scored and how, and the folder of its results, which says what they are results of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rasa_bert_intent.data.output import whole_file
from rasa_bert_intent.data.table import TableForm
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.storage import fingerprint
from rasa_bert_intent.version import __version__

_JOB = "job.json"
# By a run that was killed while it wrote its first file.
_LEFT_BEHIND = f".{_JOB}.*.partial"


@dataclass(frozen=True)
class Job:
    """What is scored, and how.

    Attributes:
        model: As `rasa_bert_intent.archive.open_model` takes it.
        source: As `rasa_bert_intent.bulk.rows.open_rows` takes it.
        output: The folder of results.
        text_column: Which column holds the text.
        table: How a table is written.
        chunk_size: Rows a chunk.
        form: Of the results: `jsonl` or `parquet`.
    """

    model: Path
    source: Path
    output: Path
    text_column: str | None = None
    table: TableForm = field(default_factory=TableForm)
    chunk_size: int = 10_000
    form: str = "jsonl"


def claim(job: Job, directory: Path) -> None:
    """Writes into the folder what its results are of, or checks that it says the same.

    Args:
        job: The job.
        directory: Of its model.

    Raises:
        DataError: naming what differs, or what else the folder holds.
    """
    if (job.output / _JOB).is_file():
        check_claim(job, directory)
        return
    if job.output.exists() and (
        not job.output.is_dir() or any(not path.match(_LEFT_BEHIND) for path in job.output.iterdir())
    ):
        raise DataError(f"--output: {job.output} is no empty folder and no job's. Name another.")
    try:
        job.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {job.output} cannot be made ({error.strerror}). Name another.") from None
    write_json(job.output / _JOB, _content(job, directory))


def check_claim(job: Job, directory: Path) -> None:
    """Checks that the folder says that its results are of this job.

    Raises:
        DataError: naming what differs.
    """
    file = job.output / _JOB
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"--output: {file} cannot be read ({error.strerror}).") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(f"--output: {file} is damaged. Name another folder, or delete {job.output}.")
    wanted = _content(job, directory)
    others = [name for name in wanted if found.get(name) != wanted[name]]
    if others:
        raise DataError(
            f"--output: {job.output} holds results of another job, which differs in {', '.join(others)}: "
            + "; ".join(f"{name} was {found.get(name)!r}, now {wanted[name]!r}" for name in others)
            + ". Run that one again, name another folder, or delete this one."
        )


def _content(job: Job, directory: Path) -> dict[str, Any]:
    try:
        status = job.source.stat()
    except OSError as error:
        raise DataError(f"--input: {job.source} cannot be read: {error.strerror}") from None
    return {
        "version": __version__,
        "model": fingerprint(directory),
        "input": job.source.name,
        "input_bytes": status.st_size,
        "input_changed": status.st_mtime_ns,
        "text_column": job.text_column,
        "table": asdict(job.table),
        "chunk_size": job.chunk_size,
        "form": job.form,
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file whole or not at all."""
    with whole_file(path) as file:
        file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
