"""Two processes of torchrun, by gloo: the losses of one process, and kill -9 of one of them and of the launcher."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from curve import train
from launch import CURVE, by_hand, end_of, jobs_file, steps_of, torchrun, wait_for, weights_of

pytestmark = pytest.mark.slow

# Of a loss. Sums come in another order, and a share is padded to its own longest message.
TOLERANCE = 1e-5

Job = Callable[..., dict[str, Any]]

RECIPES: dict[str, dict[str, Any]] = {
    "lora": {"class_weights": "balanced", "validation_split": 0.25},
    "contrastive term": {"contrastive_weight": 0.5, "gradient_accumulation_steps": 2, "ema_decay": 0.9},
    "names": {"learn_intent_names": None},
    # R-Drop wants dropout; so little of it changes nothing.
    "contrastive stage": {"contrastive_stage": "supervised", "r_drop": 1.0, "lora_dropout": 1e-12},
    "balanced batches": {"balanced_batches": True, "method": "full", "layer_lr_decay": 0.9},
    "head": {"method": "head", "learning_rate": 1e-3},
}


def test_losses_and_weights_of_two_processes_are_those_of_one(job: Job, tmp_path: Path):
    ones = [job(f"one {name}", **changes) for name, changes in RECIPES.items()]
    twos = [job(f"two {name}", **changes) for name, changes in RECIPES.items()]
    process = torchrun(CURVE, jobs_file(tmp_path, *twos))
    output = end_of(process)
    assert process.returncode == 0, output
    for one, two in zip(ones, twos, strict=True):
        train(one)
        alone, together = steps_of(one), steps_of(two)
        assert [step for step, _ in together] == [step for step, _ in alone]
        assert [loss for _, loss in together] == pytest.approx([loss for _, loss in alone], abs=TOLERANCE), two
        assert alone[0][1] != pytest.approx(alone[-1][1], abs=0.01)
        assert weights_of(two, rank=0) == weights_of(two, rank=1)


def test_all_train_in_the_precision_that_pays_on_the_machine_of_the_first(job: Job, tmp_path: Path):
    jobs = [
        job("bf16", precision="bf16"),
        job("first", precision="auto", more={"bf16_pays": [True, False]}),
        job("fp32", precision="fp32"),
        job("second", precision="auto", more={"bf16_pays": [False, True]}),
    ]
    process = torchrun(CURVE, jobs_file(tmp_path, *jobs))
    output = end_of(process)
    assert process.returncode == 0, output
    bf16, first, fp32, second = ([weights_of(each, rank) for rank in (0, 1)] for each in jobs)
    assert bf16[0] == bf16[1] != fp32[0]
    assert first == bf16
    assert second == fp32


def _uninterrupted(job: Job, tmp_path: Path, encoder: Path, **changes: Any) -> dict[str, Any]:
    whole = job("whole", encoder=encoder, **changes)
    process = torchrun(CURVE, jobs_file(tmp_path, whole))
    output = end_of(process)
    assert process.returncode == 0, output
    return whole


def test_killed_worker_is_started_again_and_nothing_is_lost_or_doubled(job: Job, tmp_path: Path, tiny_encoder: Path):
    changes = {"validation_split": 0.25, "ema_decay": 0.9}
    whole = _uninterrupted(job, tmp_path, tiny_encoder, **changes)
    more = {"every": 3, "kill": [1, 9]}  # before step 9: the last checkpoint is of step 6
    killed = job("killed", encoder=tiny_encoder, more=more, **changes)
    process = torchrun(CURVE, jobs_file(tmp_path, killed), restarts=1)
    output = end_of(process)
    assert process.returncode == 0, output
    done = [step for step, _ in steps_of(killed)]
    assert done == [1, 2, 3, 4, 5, 6, 7, 8, 7, 8, 9, 10, 11, 12]
    assert dict(steps_of(killed)) == dict(steps_of(whole))
    assert weights_of(killed) == weights_of(killed, rank=1) == weights_of(whole)


def test_killed_launcher_takes_its_processes_along_and_the_same_command_goes_on(
    job: Job, tmp_path: Path, tiny_encoder: Path
):
    whole = _uninterrupted(job, tmp_path, tiny_encoder)
    killed = job("killed", encoder=tiny_encoder, more={"every": 4, "pause": 0.3})
    jobs = jobs_file(tmp_path, killed)
    process = torchrun(CURVE, jobs)
    wait_for((Path(killed["folder"]) / "checkpoints/epochs/checkpoint-8").exists, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=30)
    assert not left
    before = [step for step, _ in steps_of(killed)]
    again = torchrun(CURVE, jobs)
    output = end_of(again)
    assert again.returncode == 0, output
    after = [step for step, _ in steps_of(killed)][len(before) :]
    assert after == list(range(after[0], 16))
    assert after[0] in (9, 13)
    assert dict(steps_of(killed)) == dict(steps_of(whole))
    assert weights_of(killed) == weights_of(whole)


def test_fewer_processes_go_on_after_a_lost_machine(job: Job, tmp_path: Path):
    one = job("one")
    train(one)
    killed = job("killed", more={"every": 4, "kill": [1, 7]})
    first, second = by_hand(CURVE, jobs_file(tmp_path, killed))
    output = end_of(first)
    assert first.returncode == 1
    assert "another of the 2 processes is lost" in output.splitlines()[-1]
    assert second.wait(60) == -signal.SIGKILL
    train(killed)
    losses = dict(steps_of(killed))
    assert [step for step, _ in steps_of(killed)][-11:] == list(range(5, 16))
    assert [losses[step] for step in range(1, 16)] == pytest.approx([loss for _, loss in steps_of(one)], abs=TOLERANCE)


def test_a_second_training_of_the_same_checkpoints_is_refused(job: Job, tmp_path: Path):
    running = job("same", more={"every": 4, "pause": 2})  # longer than is waited for the lock
    process = torchrun(CURVE, jobs_file(tmp_path, running))
    try:
        wait_for((Path(running["folder"]) / "checkpoints/training.json").exists, process)
        with pytest.raises(Exception, match="a training is at work there"):
            train(running)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
