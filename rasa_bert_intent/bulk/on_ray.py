"""Chunks on Ray: one process reads the input, others hold the model and do the chunks. Ray Data hands them around.

Chunks come and go one by one, and are read no further ahead than Ray's memory for them allows. One whose process died
is done by another, for which it is the same; and a part is there whole or not at all.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from rasa_bert_intent.archive import model_directory
from rasa_bert_intent.bulk.chunks import Settled, chunks, settle
from rasa_bert_intent.bulk.job import Job, check_claim, claim
from rasa_bert_intent.bulk.rows import open_rows
from rasa_bert_intent.config import ENVIRONMENT_PREFIX, MACHINE_OPTIONS
from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.own_ray import THREADS_VARIABLE, connected, folder_for_ray, own_ray, require
from rasa_bert_intent.serving import load_to_serve, takes_gpu
from rasa_bert_intent.storage import fitting_options, read_manifest

# A chunk that kills its process, by taking all memory, shall not do so for ever.
_TRIES_AGAIN = 3


@dataclass(frozen=True)
class OnRay:
    """Where chunks are done.

    Attributes:
        workers: Processes that hold the model; None: one for each CPU, or GPU where the model takes one.
        address: Of a cluster, HOST:PORT or auto; None: a Ray on this machine, for this job alone.
    """

    workers: int | None = None
    address: str | None = None


@contextmanager
def settled_on_ray(job: Job, where: OnRay) -> Iterator[Iterator[Settled]]:
    """Does the chunks of a job that are not done yet; what became of each comes in the order of their ends.

    Raises:
        DataError: as reading and writing raise it, wherever it was.
        ModelError: if the model cannot be served.
        ServerError: if Ray is not installed, cannot be reached, or fails.
    """
    require("--ray needs Ray Data", "ray", "ray", "pandas", "pyarrow")
    # Processes on Ray have a current directory of their own.
    job = replace(job, **{name: getattr(job, name).absolute() for name in ("model", "source", "output")})
    with model_directory(job.model) as directory:
        options = fitting_options(read_manifest(directory), None)
        on_gpu = takes_gpu(directory, options)
        claim(job, directory)
    with _ray(where, share_cpus=options.num_threads is None) as resources:
        gpus = int(resources.get("GPU", 0)) if on_gpu else 0
        workers = where.workers or gpus or int(resources["CPU"])
        yield _results(job, workers, num_gpus=int(gpus > 0))


@contextmanager
def _ray(where: OnRay, share_cpus: bool) -> Iterator[dict[str, float]]:
    """A Ray inside the block; gives what it has: CPUs, GPUs and so on."""
    with ExitStack() as stack:
        if where.address is None:
            folder, token = stack.enter_context(folder_for_ray())
            processes = where.workers or available_cpus()
            stack.enter_context(
                own_ray(folder / "ray", token, processes=processes, share_cpus=share_cpus, object_store_mb=200)
            )
        else:
            if share_cpus:
                os.environ.setdefault(THREADS_VARIABLE, "1")  # a process for each CPU
            stack.enter_context(connected(address=where.address))
        import ray  # now that its environment is set

        yield ray.cluster_resources()


def _results(job: Job, workers: int, num_gpus: int) -> Iterator[Settled]:
    from ray import data
    from ray.exceptions import RayTaskError

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are told by us, in one line
    context = data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.raise_original_map_exception = True
    context.target_max_block_size = 1  # so that each chunk is a block, and goes to whichever process is free
    chosen = {name: value for name, value in os.environ.items() if name in _MACHINE_VARIABLES}
    results = (
        data.from_items([0])
        .map_batches(_read, fn_args=[job], batch_size=None, num_cpus=0)
        .map_batches(
            _Worker,
            fn_constructor_args=[job, chosen],
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(size=workers),
            num_cpus=1,
            num_gpus=num_gpus,
            max_task_retries=_TRIES_AGAIN,
        )
    )
    try:
        for row in results.iter_rows():
            yield Settled(**row)
    except RayTaskError as error:
        if isinstance(error.cause, BertIntentError):
            raise error.cause from None
        raise


_MACHINE_VARIABLES = {ENVIRONMENT_PREFIX + name.upper() for name in MACHINE_OPTIONS}


def _read(_: Any, job: Job) -> Iterator[Any]:
    """Yields each chunk as a table of one row."""
    import pyarrow

    with open_rows(job.source, job.text_column, job.table) as (rows, progress):
        for chunk in chunks(rows, progress, job.chunk_size):
            yield pyarrow.table({"chunk": pyarrow.array([pickle.dumps(chunk)], pyarrow.large_binary())})


class _Worker:
    """A process that holds the model and does chunks.

    Args:
        job: Whose they are.
        environment: Variables that say how the model is served, as where the job was started.
    """

    def __init__(self, job: Job, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        with model_directory(job.model) as directory:
            check_claim(job, directory)
            self._model = load_to_serve(directory)
        self._job = job

    def __call__(self, table: Any) -> Any:
        """What became of chunks, a row each."""
        import pyarrow

        read = [pickle.loads(content) for content in table["chunk"].to_pylist()]
        done = [settle(chunk, self._model, self._job.output, self._job.form) for chunk in read]
        return pyarrow.Table.from_pylist([asdict(each) for each in done])
