"""Runs a job: all chunks of its input, here or on Ray, and a summary of what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rasa_bert_intent.archive import model_directory
from rasa_bert_intent.bulk.chunks import Settled, chunks, settle
from rasa_bert_intent.bulk.job import Job, claim, write_json
from rasa_bert_intent.bulk.on_ray import OnRay, settled_on_ray
from rasa_bert_intent.bulk.rows import Progress, Row, open_rows
from rasa_bert_intent.serving import load_to_serve

_SUMMARY = "summary.json"


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


def run(job: Job, ray: OnRay | None = None, progress: bool = True) -> Summary:
    """Does the chunks that are not done yet.

    Args:
        job: What to do. A folder with a part of its results is gone on with.
        ray: Where and by how many processes; None: here, one after the other.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: if the input cannot be read, the results cannot be written, or the folder holds those of another job.
        ModelError: if the model cannot be served.
        ServerError: if Ray is not installed, cannot be reached, or fails.
    """
    begin = time.perf_counter()
    before = list(job.output.glob(".*.partial"))
    with (
        open_rows(job.source, job.text_column, job.table) as (rows, read),
        settled_on_ray(job, ray) if ray else _settled_here(job, rows, read) as done,
    ):
        numbers = _count(done, read, progress)
    scored = numbers["rows"] - numbers["bad"]
    summary = Summary(**numbers, scored=scored, seconds=round(time.perf_counter() - begin, 1))
    write_json(job.output / _SUMMARY, asdict(summary))
    for left_behind in before:  # by a run that was killed; a later one is of another that is at work
        left_behind.unlink(missing_ok=True)
    return summary


@contextmanager
def _settled_here(job: Job, rows: Iterator[Row], read: Progress) -> Iterator[Iterator[Settled]]:
    with model_directory(job.model) as directory:
        model = load_to_serve(directory)
        claim(job, directory)
    yield (settle(chunk, model, job.output, job.form) for chunk in chunks(rows, read, job.chunk_size))


def _count(done: Iterator[Settled], read: Progress, progress: bool) -> dict[str, int]:
    """What the chunks come to, with a bar that shows it."""
    from tqdm import tqdm

    numbers = {"rows": 0, "bad": 0, "chunks": 0, "earlier": 0}
    with tqdm(total=read.total, unit=read.unit, unit_scale=True, disable=not progress) as bar:
        for chunk in done:
            numbers["rows"] += chunk.rows
            numbers["bad"] += chunk.bad
            numbers["chunks"] += 1
            numbers["earlier"] += chunk.earlier
            _show(bar, chunk.read, numbers)
    return numbers


def _show(bar: Any, read: int, numbers: dict[str, int]) -> None:
    bar.set_postfix({"rows": f"{numbers['rows']:,}", "bad": f"{numbers['bad']:,}"}, refresh=False)
    bar.update(max(0, read - bar.n))  # on Ray a chunk may overtake another
