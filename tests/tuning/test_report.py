"""What is told of a search."""

import csv
import io
import math

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from rasa_bert_intent.tuning.gain import gain
from rasa_bert_intent.tuning.objective import CHANGES
from rasa_bert_intent.tuning.report import table, trials_table
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


@pytest.mark.parametrize(
    ("trainings", "told"),
    [
        ((3, 3), "mean of 3 trainings of each:"),
        ((3, 1), "mean of 3 of 3 trainings with the defaults and 1 with the best (others failed):"),
        ((2, 2), "mean of 2 of 3 trainings with the defaults and 2 with the best (others failed):"),
    ],
)
def test_the_comparison_tells_of_how_many_trainings_it_is(trainings: tuple[int, int], told: str, search: Search):
    defaults, best = (np.zeros((number, 2), int) for number in trainings)
    heading = next(table(search, [gain("accuracy", [0, 1], defaults, best)]))
    assert heading == f"On 2 examples that the search did not see, {told}"
