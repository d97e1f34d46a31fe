"""What is told of a search."""

import csv
import io
import math

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from rasa_bert_intent.tuning.objective import CHANGES
from rasa_bert_intent.tuning.report import trials_table
from rasa_bert_intent.tuning.search import Search
from rasa_bert_intent.tuning.space import space_of
from rasa_bert_intent.tuning.study import ERROR
from rasa_bert_intent.tuning.task import Labelled, Task


@pytest.fixture
def search() -> Search:
    """Around a high rank, three trainings of each side in the end."""
    examples = Labelled(["hi", "bye"], ["greet", "bye"])
    return Search(
        task=Task(examples, examples, [], examples),
        space=space_of({"lora_r": 512}, ["lora_r"], 100, 10),
        metric="accuracy",
        address="sqlite:///study.db",
        name="tune",
        trials=1,
        until=math.inf,
        trainings=3,
        workers=1,
        threads=1,
    )


def test_a_trial_that_failed_by_options_that_are_not_allowed_is_a_row_too(search: Search):
    study = optuna.create_study(direction="maximize")
    told = "lora_r: expected a whole number from 1 to 1024, got 2048"
    attributes = {CHANGES: {"lora_r": 2048, "lora_alpha": 128}, ERROR: told}
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attributes))
    (row,) = csv.DictReader(io.StringIO(trials_table(search, study)))
    assert (row["state"], row["lora_r"], row["lora_alpha"], row["error"]) == ("failed", "2048", "128", told)
