"""A job: all chunks of a file in a folder of results, which says what they are results of."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rasa_bert_intent.archive import model_directory
from rasa_bert_intent.bulk.chunks import Chunk, chunks, do, is_done
from rasa_bert_intent.bulk.rows import Progress, open_rows
from rasa_bert_intent.data.output import whole_file
from rasa_bert_intent.data.table import TableForm
from rasa_bert_intent.encoder import file_checksum
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.storage import MANIFEST
from rasa_bert_intent.version import __version__

logger = logging.getLogger(__name__)

_JOB = "job.json"
_SUMMARY = "summary.json"


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


@dataclass(frozen=True)
class Summary:
    """What became of the rows: `rows` is `scored` and `bad` together; `earlier` of them were done before a restart."""

    rows: int
    scored: int
    bad: int
    chunks: int
    earlier: int
    seconds: float

    def __str__(self) -> str:
        earlier = f", {self.earlier:,} of them earlier" if self.earlier else ""
        return (
            f"{self.rows:,} rows{earlier}: {self.scored:,} scored, {self.bad:,} bad, in {self.chunks:,} chunks "
            f"({self.seconds:.1f} s)"
        )


def run(job: Job, progress: bool = True) -> Summary:
    """Does the chunks that are not done yet, one after the other.

    Args:
        job: What to do. A folder with a part of its results is gone on with.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: if the input cannot be read, the results cannot be written, or the folder holds those of another job.
        ModelError: if the model cannot be served.
    """
    from tqdm import tqdm

    begin = time.perf_counter()
    with open_rows(job.source, job.text_column, job.table) as (rows, read):
        with model_directory(job.model) as directory:
            model = load_to_serve(directory)
            _claim(job, file_checksum(directory / MANIFEST))
        numbers = {"rows": 0, "bad": 0, "chunks": 0, "earlier": 0}
        with tqdm(total=read.total, unit=read.unit, unit_scale=True, disable=not progress) as bar:
            for chunk in chunks(rows, job.chunk_size):
                done = is_done(chunk, job.output, job.form)
                if not done:
                    do(chunk, model, job.output, job.form)
                _count(numbers, chunk, done)
                _show(bar, read, numbers)
    scored = numbers["rows"] - numbers["bad"]
    summary = Summary(**numbers, scored=scored, seconds=round(time.perf_counter() - begin, 1))
    _write_json(job.output / _SUMMARY, asdict(summary))
    for left_behind in job.output.glob(".*.partial"):  # by a run that was killed
        left_behind.unlink(missing_ok=True)
    return summary


def _count(numbers: dict[str, int], chunk: Chunk, done: bool) -> None:
    numbers["rows"] += len(chunk.rows)
    numbers["bad"] += len(chunk.bad)
    numbers["chunks"] += 1
    numbers["earlier"] += len(chunk.rows) * done


def _show(bar: Any, read: Progress, numbers: dict[str, int]) -> None:
    bar.set_postfix({"rows": f"{numbers['rows']:,}", "bad": f"{numbers['bad']:,}"}, refresh=False)
    bar.update(read.done() - bar.n)


def _claim(job: Job, model_checksum: str) -> None:
    """Writes into the folder what its results are of, or checks that it says the same.

    Raises:
        DataError: naming what differs.
    """
    status = job.source.stat()
    wanted = {
        "version": __version__,
        "model": model_checksum,
        "input": job.source.name,
        "input_bytes": status.st_size,
        "input_changed": status.st_mtime_ns,
        "text_column": job.text_column,
        "table": asdict(job.table),
        "chunk_size": job.chunk_size,
        "form": job.form,
    }
    file = job.output / _JOB
    if file.is_file():
        try:
            found = json.loads(file.read_text("utf-8"))
        except ValueError:
            raise DataError(f"--output: {file} is damaged. Name another folder, or delete {job.output}.") from None
        others = [name for name in wanted if found.get(name) != wanted[name]]
        if others:
            raise DataError(
                f"--output: {job.output} holds results of another job, which differs in {', '.join(others)}: "
                + "; ".join(f"{name} was {found.get(name)!r}, now {wanted[name]!r}" for name in others)
                + ". Run that one again, or name another folder."
            )
        return
    if job.output.exists() and (not job.output.is_dir() or any(job.output.iterdir())):
        raise DataError(f"--output: {job.output} is no empty folder and no job's. Name another.")
    try:
        job.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {job.output} cannot be made ({error.strerror}). Name another.") from None
    _write_json(file, wanted)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with whole_file(path) as file:
        file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
