"""How the processes of a training talk to each other: by `torch.distributed`, and not at all where there is but one."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import BertIntentError, OptionsError
from rasa_bert_intent.runtime import choose_device

T = TypeVar("T")


class ProcessLostError(BertIntentError):
    """Another of the processes that train together has ended."""


@contextmanager
def joined(world: World, device: str) -> Iterator[None]:
    """Inside the block the processes of a world can talk: by NCCL where they train on GPUs, else by gloo.

    Args:
        world: This process alone needs nothing.
        device: The option `device`. Each process of a machine gets a GPU of its own.

    Raises:
        OptionsError: if there is not a GPU for each, the device is of a kind that cannot be shared in, or the
            processes do not find each other.
        ProcessLostError: inside the block.
    """
    if not world.launched:
        yield
        return
    on_gpu = _take_gpu(world, device)
    # Where it is missing accelerate chooses a number of threads itself.
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    if not dist.is_initialized():  # by Ray Train, or by a training before
        _meet("nccl" if on_gpu else "gloo", world)
        # Not before the end: torch cannot be sure to make another by the same launcher.
        atexit.register(_leave)
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise ProcessLostError(
                f"another of the {world.size} processes is lost ({str(error).splitlines()[0]}). Start them again: with "
                "--checkpoints they go on where the last one was written."
            ) from None
        raise


def _meet(backend: str, world: World) -> None:
    """Finds the other processes."""
    try:
        store, rank, size = next(dist.rendezvous("env://"))
        dist.init_process_group(backend, store=dist.PrefixStore(_attempt(), store), rank=rank, world_size=size)
    except (RuntimeError, ValueError) as error:
        where = ":".join(os.environ[name] for name in ("MASTER_ADDR", "MASTER_PORT"))
        raise OptionsError(
            f"MASTER_ADDR:MASTER_PORT: the {world.size} processes do not find each other at {where} "
            f"({str(error).splitlines()[0]}). Start all of them with the address of the first one's machine, and a "
            "port that is free there, such as by torchrun --master-port."
        ) from None


def _attempt() -> str:
    """What torchrun's attempt at this training is called in the store by which its processes find each other.

    torchrun keeps one store for all attempts: a process that is started again would find where another one was in the
    attempt before. On several machines attempts are counted differently; torchrun can be told to take a new store each
    time (`TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1`).

    Source:
        https://github.com/pytorch/pytorch/issues/135712
    """
    on_one_machine = os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]
    return f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0) if on_one_machine else 0}"


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _take_gpu(world: World, device: str) -> bool:
    """Makes this process's GPU the current one; returns whether it has one."""
    kind = choose_device(device).type
    if kind == "mps":
        raise OptionsError("device: several processes train on CPUs or NVIDIA GPUs. Set device: cpu.")
    if kind != "cuda":
        return False
    if torch.device("cuda" if device == "auto" else device).index is not None and world.size > 1:
        raise OptionsError(f"device: {device!r} is one GPU, and {world.size} processes train. Use cuda or auto.")
    if world.local_rank >= torch.cuda.device_count():
        raise OptionsError(
            f"device: torch sees {torch.cuda.device_count()} CUDA devices for the {world.local_rank + 1} processes or "
            "more of this machine. Start one for each, or set device: cpu."
        )
    torch.cuda.set_device(world.local_rank)
    return True


def told_by_main(world: World, decide: Callable[[], T]) -> T:
    """What the first process finds, in every process; an error of the package's is raised in every process too."""
    if not dist.is_initialized():
        return decide()
    told: list[Any] = [None]
    if world.is_main:
        try:
            told = [(decide(), None)]
        except BertIntentError as error:
            told = [(None, error)]
    dist.broadcast_object_list(told)
    value, problem = told[0]
    if problem is not None:
        raise problem
    return value


def rows_of_all(world: World, function: Callable[[Sequence[T]], np.ndarray], rows: Sequence[T]) -> np.ndarray:
    """What a function makes of rows, `[rows, ...]`, in every process; each computes its share of them."""
    own = function(world.share(rows))
    if not dist.is_initialized():
        return own
    parts: list[Any] = [None] * world.size
    dist.all_gather_object(parts, own)
    return np.concatenate(parts)[: len(rows)]


def views_of_all(views: tuple[Tensor, ...], rows: int) -> tuple[Tensor, ...]:
    """What all processes computed of their shares of a batch, in the order of the batch.

    A loss of it is the same in every process, and is what one process has for the whole batch. Its gradient goes
    through the own share alone, as many times as there are processes: the mean over the processes, which
    DistributedDataParallel takes, is then the gradient of the whole batch, both before this point and after it.

    Args:
        views: Of the own share, each `[share, hidden]`.
        rows: Of the batch.

    Returns:
        As many, each `[rows, hidden]`.
    """
    if not dist.is_initialized():
        return views
    size, own = dist.get_world_size(), torch.stack(views, dim=1)
    if own.requires_grad:
        own.register_hook(lambda gradient: gradient * size)
    parts = [torch.empty_like(own) for _ in range(size)]
    dist.all_gather(parts, own.detach())
    parts[dist.get_rank()] = own
    return torch.cat(parts)[:rows].unbind(dim=1)
