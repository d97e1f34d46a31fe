"""A training on Ray: Ray Train starts the processes, and starts them anew when one of them dies."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.distributed.group import ProcessLostError
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import BertIntentError, OptionsError, ServerError
from rasa_bert_intent.own_ray import connected, folder_for_ray, own_ray, require
from rasa_bert_intent.training.job import Job

# What kills processes time and again, such as too little memory, shall not do so for ever.
_MOST_FAILURES = 20

_SECONDS_BETWEEN_LOOKS = 0.2

_SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "300",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}

_LOG = "log"
_PROBLEM = "problem"


def train_on_ray(job: Job, workers: int, address: str | None = None) -> None:
    """Does a job by several processes.

    Args:
        job: What is trained; its checkpoints are what goes on when a process dies, without any it begins anew.
        workers: How many processes.
        address: Of a cluster, HOST:PORT or auto; None: a Ray on this machine, for this job alone.

    Raises:
        OptionsError: if there are fewer CPUs, or GPUs where it trains on them.
        ServerError: if Ray is not installed, cannot be reached, or fails.
        BertIntentError: as `Job.run` raises it, wherever it was.
    """
    require("--ray-workers needs Ray Train", "ray", "ray", "pandas", "pyarrow")
    if World.of_environment().launched:
        raise OptionsError("--ray-workers starts the processes itself. Run the command without torchrun or accelerate.")
    job = replace(job, options=job.options.with_environment())
    with _ray(job, workers, address) as (folder, on_gpu), _shown(folder / _LOG):
        _fit(job, workers, on_gpu, folder)
        problem = folder / _PROBLEM
        if problem.exists():
            raise BertIntentError(problem.read_text("utf-8"))


@contextmanager
def _ray(job: Job, workers: int, address: str | None) -> Iterator[tuple[Path, bool]]:
    """A Ray inside the block; gives a folder that all its processes see, and whether they train on GPUs."""
    os.environ |= _SETTINGS
    if address is None:
        import torch

        on_gpu = _takes_gpus(job, workers, {"CPU": available_cpus(), "GPU": torch.cuda.device_count()})
        threads = {"OMP_NUM_THREADS": str(max(1, available_cpus() // workers))}
        with (
            folder_for_ray() as (folder, token),
            own_ray(folder / "ray", token, processes=workers, share_cpus=False, environment=threads),
        ):
            yield folder, on_gpu
        return
    import ray

    with connected(address=address):
        on_gpu = _takes_gpus(job, workers, ray.cluster_resources())
        job.output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{job.output.name}.", suffix=".ray", dir=job.output.parent) as shared:
            yield Path(shared), on_gpu


def _takes_gpus(job: Job, workers: int, resources: Mapping[str, float]) -> bool:
    """Whether each process takes a GPU; there must be as many, or as many CPUs."""
    kind = "GPU" if resources.get("GPU") and job.options.device != "cpu" else "CPU"
    most = int(resources.get(kind, 0))
    if not 1 <= workers <= most:
        raise OptionsError(f"--ray-workers: expected 1 to {most}, as many as there are {kind}s, got {workers}.")
    return kind == "GPU"


def _fit(job: Job, workers: int, on_gpu: bool, folder: Path) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchTrainer

    logging.getLogger("ray.train").setLevel(logging.ERROR)
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "folder": folder, "directory": Path.cwd()},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_gpu),
        run_config=RunConfig(
            name="train",
            storage_path=str(folder / "storage"),
            failure_config=FailureConfig(max_failures=_MOST_FAILURES),
        ),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        reasons = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ServerError(f"the training failed {_MOST_FAILURES + 1} times, last by: {reasons[-1]}") from None


def _work(config: dict[str, Any]) -> None:
    """What each process does."""
    job, folder = config["job"], config["folder"]
    if (folder / _PROBLEM).exists():
        return  # it would be the same again
    if config["directory"].is_dir():  # options may hold relative paths
        os.chdir(config["directory"])
    world = World.of_environment()
    logger = logging.getLogger("rasa_bert_intent")
    logger.setLevel(logging.INFO if world.is_main else logging.ERROR)
    logger.propagate = False
    with (folder / _LOG).open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.handlers = [handler]
    logging.getLogger("ray.train").setLevel(logging.CRITICAL)  # errors are told by us, in one line
    try:
        job.run()
    except ProcessLostError:
        raise
    except BertIntentError as error:
        (folder / _PROBLEM).write_text(str(error), "utf-8")
        raise


@contextmanager
def _shown(log: Path) -> Iterator[None]:
    """Inside the block what is written into a file appears on standard error."""
    log.touch()
    ended = threading.Event()

    def show() -> None:
        with log.open(encoding="utf-8", errors="replace", newline="") as lines:
            while True:
                last = ended.wait(_SECONDS_BETWEEN_LOOKS)
                sys.stderr.write(lines.read())
                sys.stderr.flush()
                if last:
                    return

    thread = threading.Thread(target=show)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
