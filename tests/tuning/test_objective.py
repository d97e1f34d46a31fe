"""Trials train for real, and are broken off."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState, create_trial

from rasa_bert_intent.reports.metrics import accuracy
from rasa_bert_intent.tuning.objective import CHANGES, LOOKS, SCORES, Compared, Measured, packed, unpacked
from rasa_bert_intent.tuning.space import Space, space_of
from rasa_bert_intent.tuning.task import Labelled, Task

QUICK = {"min_steps": 0, "epochs": 5, "max_length": 32, "pooling": "mean", "ngram_weight": 0}


@pytest.fixture
def task(examples: tuple[list[str], list[str]]) -> Task:
    every = Labelled(*examples)
    return Task(every, None, [index % 2 for index in range(len(every))], every.subset(range(0, len(every), 5)))


@pytest.fixture
def space(tiny_encoder: Any) -> Callable[..., Space]:
    def make(**config: Any) -> Space:
        return space_of({"encoder": str(tiny_encoder), **QUICK, **config}, ["learning_rate", "lora_r"], 24, 4)

    return make


def tried(measured: Measured | Compared, study: optuna.Study, point: dict[str, Any]) -> optuna.trial.FrozenTrial:
    study.enqueue_trial(point)
    study.optimize(measured, n_trials=1)
    return study.trials[-1]


def test_all_folds_are_scored_together(task: Task, space: Callable[..., Space]):
    measured = Measured(task, space(), "accuracy", 1)
    trial = tried(measured, optuna.create_study(direction="maximize"), measured.space.defaults)
    assert trial.user_attrs[CHANGES] == {}
    assert trial.value == trial.user_attrs[SCORES]["accuracy"]
    assert sorted(trial.intermediate_values) == list(range(1, 2 * LOOKS + 1))
    assert trial.intermediate_values[2 * LOOKS] == trial.value
    # 12 unseen examples in each fold
    assert trial.value * 24 == pytest.approx(round(trial.value * 24))


def test_a_look_that_the_database_cannot_take_costs_nothing_else(
    task: Task, space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
):
    lost = [1, 4]

    def loses(self: optuna.Trial, value: float, step: int) -> None:
        if step in lost:
            lost.remove(step)
            raise StorageInternalError("server closed the connection unexpectedly")
        report(self, value, step)

    report = optuna.Trial.report
    monkeypatch.setattr(optuna.Trial, "report", loses)
    measured = Measured(task, space(), "accuracy", 1)
    trial = tried(measured, optuna.create_study(direction="maximize"), {"learning_rate": 1.5, "lora_r": -1})
    assert lost == []
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == [2, 3, *range(5, 2 * LOOKS + 1)]


def test_the_same_point_scores_the_same(task: Task, space: Callable[..., Space]):
    measured = Measured(task, space(), "macro-f1", 1)
    study = optuna.create_study(direction="maximize")
    point = {"learning_rate": 1.5, "lora_r": -1}
    first, second = tried(measured, study, point), tried(measured, study, point)
    assert first.intermediate_values == second.intermediate_values
    assert first.user_attrs[CHANGES] == {"learning_rate": 0.0028, "lora_r": 8, "lora_alpha": 16}


@pytest.mark.parametrize(
    "config", [{}, {"method": "head", "epochs": 40, "head_learning_rate": 0.01}], ids=["lora", "head"]
)
def test_a_trial_below_the_median_is_broken_off_but_never_the_defaults(
    config: dict[str, Any], task: Task, space: Callable[..., Space], tiny_encoder: Any
):
    around = space_of({"encoder": str(tiny_encoder), **QUICK, **config}, ["head_learning_rate"], 24, 4)
    measured = Measured(task, around, "accuracy", 1)
    study = optuna.create_study(direction="maximize", pruner=measured.pruner())
    space_of_others = optuna.distributions.FloatDistribution(-2, 2)
    for _ in range(5):  # as good as can be, at every look
        study.add_trial(
            create_trial(
                value=1.0,
                params={"head_learning_rate": 0.5},
                distributions={"head_learning_rate": space_of_others},
                intermediate_values=dict.fromkeys(range(1, 11), 1.0),
            )
        )
    broken_off = tried(measured, study, {"head_learning_rate": -2.0})
    assert broken_off.state == TrialState.PRUNED
    assert list(broken_off.intermediate_values) == [1, 2]
    assert tried(measured, study, around.defaults).state == TrialState.COMPLETE


def test_the_final_comparison_trains_with_a_seed_each_and_notes_its_answers(task: Task, space: Callable[..., Space]):
    compared = Compared(task, space(), {"learning_rate": 0.01}, 2, "accuracy", 1)
    assert len(compared.points) == 4
    study = optuna.create_study(direction="maximize", sampler=compared.sampler(0), pruner=compared.pruner())
    for point in compared.points[:2]:
        trial = tried(compared, study, point)
        answers = [task.labels[column] for column in unpacked(trial.user_attrs["answers"])]
        assert trial.value == accuracy(task.test.intents, answers)


def test_answers_are_kept_short():
    columns = [number % 60 for number in range(10_000)]
    assert unpacked(packed(columns)).tolist() == columns
    assert len(packed(columns)) < 10_000
