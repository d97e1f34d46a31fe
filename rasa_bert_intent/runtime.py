"""What the machine offers: its device, whether bf16 pays on it, and its threads. Nothing here outlasts its use."""

from __future__ import annotations

import gc
import logging
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache

import numpy as np
import torch

from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.errors import OptionsError

logger = logging.getLogger(__name__)

# Families whose attention, as transformers has it, fills its mask with a number that is too large for bf16.
_ONLY_FP32 = {"deberta"}


def choose_device(name: str, *, strict: bool = True) -> torch.device:
    """The torch device for the option `device`.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        strict: Whether a device that this machine lacks is an error; if not, the CPU stands in and a warning says so:
            a model trained on a GPU is also served where there is none.

    Raises:
        OptionsError: if the device is not there and `strict`.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    missing = _missing(device)
    if missing is None:
        if device.type == "cuda" and device.index is None:
            return torch.device("cuda", torch.cuda.current_device())
        return device
    if strict:
        raise OptionsError(f"device: {name!r} was asked for, and {missing}. Use auto or cpu.")
    logger.warning(f"device: {name!r} was asked for, and {missing}. Using the CPU.")
    return torch.device("cpu")


def _missing(device: torch.device) -> str | None:
    if device.type == "mps" and not torch.backends.mps.is_available():
        return "torch sees no Apple GPU"
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count <= (device.index or 0):
            return f"torch sees {count or 'no'} CUDA device{'' if count == 1 else 's'}"
    return None


def trains_in_bf16(precision: str, device: torch.device, family: str) -> bool:
    """Whether training an encoder of a family on the device uses bf16, by the option `precision`.

    Raises:
        OptionsError: if bf16 is asked for, and the family's code does not run in it.
    """
    if family in _ONLY_FP32:
        if precision == "bf16":
            raise OptionsError(f"precision: bf16 was asked for, and {family} encoders run in fp32 alone. Use auto.")
        return False
    if precision == "auto":
        return bf16_pays(device)
    return precision == "bf16"


def serves_in_bf16(precision: str, device: torch.device, family: str) -> bool:
    """Whether serving on the device uses bf16: as asked, and by itself on a GPU alone, where it costs no accuracy."""
    if family in _ONLY_FP32:
        return False
    if precision == "auto":
        return device.type == "cuda" and bf16_pays(device)
    return precision == "bf16"


@lru_cache
def bf16_pays(device: torch.device) -> bool:
    """Whether bf16 is fast here: by the GPU's word, or by measuring the CPU, whose flags tell only half of it."""
    if device.type == "cuda":
        # Older ones than Ampere calculate in fp32 what they are given in bf16, and call it supported.
        return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    return _matmul_seconds(torch.bfloat16) * 1.5 < _matmul_seconds(torch.float32)


def _matmul_seconds(dtype: torch.dtype) -> float:
    """Of a product about as large as a small encoder's: of a far smaller one, starting the threads is the most."""
    matrix = torch.ones(512, 512, dtype=dtype)
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < 2 or (len(seconds) < 11 and time.perf_counter() - began < 0.1):
        start = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])  # the first one warms up; beside other work some take far longer than they must


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[object]:
    """A context in which matrix products run in bf16, or one that changes nothing."""
    return torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext()


@contextmanager
def young_garbage_only() -> Iterator[None]:
    """Inside the block Python looks for garbage among what was made inside alone.

    The libraries that train are a million objects, each of which it would look at again and again.
    """
    if gc.get_freeze_count():  # it is done already
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Gives torch this many CPU threads inside the block, and what it had before after it.

    None: as many as it has, but no more than there are CPUs for us, see `rasa_bert_intent.cpus`.
    """
    before = torch.get_num_threads()
    count = count or min(before, available_cpus())
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def untouched_random_state() -> Iterator[None]:
    """Leaves the process's random generators after the block as they were before it."""
    python, numpy, torch_cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_cpu)
