import logging
import random

import numpy as np
import pytest
import torch

from rasa_bert_intent import runtime
from rasa_bert_intent.errors import OptionsError


def test_auto_takes_the_cpu_where_there_is_nothing_else(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert runtime.choose_device("auto").type == "cpu"


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_missing_gpu_is_an_error_when_training(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionsError, match=f"device: '{name}' was asked for, and torch sees no CUDA device"):
        runtime.choose_device(name)


def test_a_model_trained_on_a_gpu_is_served_on_the_cpu_where_there_is_none(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert runtime.choose_device("cuda:1", strict=False).type == "cpu"
    assert "Using the CPU" in caplog.text


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with runtime.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_threads_are_given_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), runtime.threads(before + 1):
        raise RuntimeError
    assert torch.get_num_threads() == before


def test_random_generators_go_on_as_if_nothing_had_been_drawn():
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = draw()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with runtime.untouched_random_state():
        draw()
    assert draw() == expected


def test_precision_is_as_asked():
    cpu = torch.device("cpu")
    assert runtime.trains_in_bf16("bf16", cpu, "bert")
    assert not runtime.trains_in_bf16("fp32", cpu, "bert")
    assert runtime.serves_in_bf16("bf16", cpu, "bert")


def test_a_cpu_serves_in_fp32_by_itself():
    assert not runtime.serves_in_bf16("auto", torch.device("cpu"), "bert")


def test_bf16_is_for_gpus_that_calculate_in_it(monkeypatch):
    generations = {"cuda:0": (8, 0), "cuda:1": (7, 5)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: generations[str(device)])
    runtime.bf16_pays.cache_clear()
    try:
        assert runtime.trains_in_bf16("auto", torch.device("cuda:0"), "bert")
        assert not runtime.trains_in_bf16("auto", torch.device("cuda:1"), "bert")
    finally:
        runtime.bf16_pays.cache_clear()


@pytest.mark.parametrize(("bf16_seconds", "pays"), [(0.5, True), (0.9, False), (100, False)])
def test_bf16_is_used_where_it_is_measured_to_be_faster(monkeypatch, bf16_seconds, pays):
    monkeypatch.setattr(runtime, "_matmul_seconds", lambda dtype: bf16_seconds if dtype == torch.bfloat16 else 1.0)
    runtime.bf16_pays.cache_clear()
    try:
        assert runtime.trains_in_bf16("auto", torch.device("cpu"), "bert") == pays
    finally:
        runtime.bf16_pays.cache_clear()
