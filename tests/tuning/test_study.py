"""The queue of trials: workers die, are interrupted, join, and fail."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from databases import PASSWORD, DatabaseServer
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from studies import POINT, opened, score

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.tuning.storage import address_of, shown, tried_again
from rasa_bert_intent.tuning.study import ERROR, counted, work

Start = Callable[[float, int], subprocess.Popen[str]]

# A worker whose trials take as long as told; its database thinks it dead after 3 s.
WORKER = """
import json, sys, time
from rasa_bert_intent.tuning.storage import open_storage
from rasa_bert_intent.tuning.study import open_study, work
seconds, budget = float(sys.argv[2]), int(sys.argv[3])
storage = open_storage(sys.argv[1], heartbeat=1, grace=3)
study = open_study(storage, "tune", fingerprint={"data": "1"}, first=[{"x": 0.5}])
def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    print(json.dumps({"trial": trial.number, "x": x}), flush=True)
    time.sleep(seconds)
    return x
work(study, objective, budget)
"""


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return address_of(str(tmp_path / "study.db"))
    return address_of(request.getfixturevalue(request.param).new_database())


@pytest.fixture
def start(address: str) -> Iterator[Start]:
    """Starts a worker, given the seconds of a trial and the budget; none outlives the test."""
    workers = []

    def start_one(seconds: float, budget: int) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, address, str(seconds), str(budget)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # who starts the tests in the background may have turned Ctrl-C off
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        workers.append(worker)
        return worker

    yield start_one
    for worker in workers:
        worker.kill()
        worker.communicate()


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.trials]


def test_the_first_point_comes_first_and_the_budget_is_that_of_the_study(address: str):
    for budget in (3, 5):
        work(opened(address), score, budget)
        study = opened(address)
        assert states(study) == ["COMPLETE"] * budget
    assert study.trials[0].params == POINT


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_trial_is_neither_lost_nor_doubled(how: signal.Signals, address: str, start: Start):
    worker = start(3600, 4)
    assert worker.stdout is not None
    begun = json.loads(worker.stdout.readline())
    worker.send_signal(how)
    worker.communicate(timeout=60)
    assert worker.returncode != 0
    study = opened(address)
    work(study, score, 4)
    assert begun == {"trial": 0, **POINT}
    assert states(study) == ["FAIL"] + ["COMPLETE"] * 4
    assert len(counted(study)) == 4
    again = next(trial for trial in study.trials if trial.params == POINT and trial.state == TrialState.COMPLETE)
    assert again.system_attrs["retry_history"] == [0]


def test_workers_share_the_trials_and_wait_for_each_other(address: str, start: Start):
    workers = [start(0.05, 12) for _ in range(3)]
    outputs = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], outputs
    done = [json.loads(line) for output, _ in outputs for line in output.splitlines()]
    assert len(done) == len({row["trial"] for row in done}) == 12
    assert sum(row["x"] == POINT["x"] for row in done) == 1
    study = opened(address)
    assert [trial.state for trial in counted(study)] == [TrialState.COMPLETE] * 12


def test_a_worker_waits_for_the_trial_of_another_and_takes_it_over_when_that_dies(
    address: str, start: Start, capsys: pytest.CaptureFixture
):
    other = start(3600, 1)
    assert other.stdout is not None
    other.stdout.readline()
    killer = subprocess.Popen(["sh", "-c", f"sleep 2; kill -9 {other.pid}"])
    study = opened(address)
    work(study, score, 1)
    killer.wait()
    other.communicate()
    assert states(study) == ["FAIL", "COMPLETE"]
    assert "the worker of trial 0 was killed: it is tried again" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trial_that_kills_every_worker_is_given_up(address: str, start: Start, capsys: pytest.CaptureFixture):
    for _ in range(3):
        worker = start(3600, 2)
        assert worker.stdout is not None
        assert json.loads(worker.stdout.readline())["x"] == POINT["x"]
        worker.kill()
        worker.communicate()
        time.sleep(4)
    study = opened(address, first=())
    work(study, score, 2)
    assert states(study) == ["FAIL", "FAIL", "FAIL", "COMPLETE"]
    assert capsys.readouterr().err == "the worker of trial 2 was killed: it is given up\n"


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    """One in a file, which needs no server."""
    return opened(address_of(str(tmp_path / "study.db")))


def interrupted(trial: optuna.Trial) -> float:
    trial.suggest_float("x", 0, 1)
    raise KeyboardInterrupt


def test_a_trial_that_was_interrupted_killed_no_worker(study: optuna.Study, capsys: pytest.CaptureFixture):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            work(study, interrupted, 1)
    for told in ["it is tried again", "it is tried again", "it is given up"]:
        trial = study.ask()
        assert trial.suggest_float("x", 0, 1) == POINT["x"]
        tried_again(study, study.tell(trial, state=TrialState.FAIL))
        assert capsys.readouterr().err.endswith(f"{told}\n")
        if told == "it is tried again":
            with pytest.raises(KeyboardInterrupt):  # which neither adds to the deaths nor forgets them
                work(study, interrupted, 1)
    assert [trial.number for trial in counted(study)] == [len(study.trials) - 1]


class Away:
    """A database that fails as it is told.

    Attributes:
        calls: How often each method of the storage fails from now on.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
        self.calls: dict[str, int] = {}
        for name in methods:
            monkeypatch.setattr(RDBStorage, name, self._failing(name, getattr(RDBStorage, name)))
        monkeypatch.setattr("rasa_bert_intent.tuning.storage._BETWEEN", 0.0)

    def _failing(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if self.calls.get(name, 0):
                self.calls[name] -= 1
                raise StorageInternalError("server closed the connection unexpectedly")
            return method(*arguments, **more)

        return call


def test_what_a_trial_found_is_noted_when_the_database_is_back(study: optuna.Study, monkeypatch: pytest.MonkeyPatch):
    away = Away(monkeypatch, "set_trial_user_attr")

    def notes(trial: optuna.Trial) -> float:
        away.calls["set_trial_user_attr"] = 3
        trial.set_user_attr("found", 1)
        return score(trial)

    work(study, notes, 1)
    assert [(trial.state, trial.user_attrs["found"]) for trial in study.trials] == [(TrialState.COMPLETE, 1)]


@pytest.mark.parametrize(
    ("method", "times"), [("set_trial_user_attr", 99), ("set_trial_intermediate_value", 1)], ids=["note", "report"]
)
def test_a_trial_that_lost_the_database_is_tried_again(
    method: str, times: int, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
):
    away, told = Away(monkeypatch, method), []

    def loses(trial: optuna.Trial) -> float:
        x = score(trial)
        away.calls[method] = times
        trial.report(x, 1)
        trial.set_user_attr("found", 1)
        return x

    with pytest.raises(StorageInternalError):
        work(study, loses, 2, tell=lambda study, trial: told.append(trial.number))
    assert told == []
    away.calls.clear()
    work(study, score, 2)
    assert states(study) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert study.trials[1].params == POINT
    assert not [trial for trial in study.trials if ERROR in trial.user_attrs]


@pytest.mark.parametrize("reads_fail", [0, 1])
def test_a_trial_whose_end_cannot_be_noted_is_left_as_a_dead_workers(
    reads_fail: int, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
):
    away = Away(monkeypatch, "set_trial_state_values", "get_trial")

    def loses(trial: optuna.Trial) -> float:
        away.calls = {"set_trial_state_values": 1, "get_trial": reads_fail}
        return score(trial)

    with pytest.raises(StorageInternalError):
        work(study, loses, 1)
    assert states(study) == ["RUNNING"]


def test_a_point_that_two_searches_put_into_the_queue_is_tried_once(address: str):
    study = opened(address)
    study.enqueue_trial(POINT)  # as one does that looked before the other's was there
    work(study, score, 3)
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.params for trial in study.trials].count(POINT) == 1
    assert len(counted(study)) == 3


def test_without_a_budget_of_its_own_a_study_has_what_is_in_its_queue(address: str):
    points = [{"x": 0.25}, {"x": 0.75}]
    for _ in range(2):
        work(opened(address, first=points), score, 0)
        assert [trial.params for trial in opened(address, first=()).trials] == points


def test_a_trial_that_fails_fails_alone_and_counts(address: str):
    def fails_once(trial: optuna.Trial) -> float:
        if trial.number == 1:
            raise RuntimeError("CUDA\nout of memory")
        return score(trial)

    study = opened(address)
    work(study, fails_once, 3)
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs[ERROR] == "RuntimeError: CUDA out of memory"


def test_no_trial_begins_after_the_time(address: str):
    study = opened(address)
    work(study, score, None, until=time.time() + 1.5)
    trials = len(study.trials)
    assert trials > 0
    work(study, score, None, until=time.time() - 1)
    assert len(study.trials) == trials


def test_the_answer_of_a_worker_that_was_taken_for_dead_is_dropped(address: str, capsys: pytest.CaptureFixture):
    study = opened(address)

    def slept(trial: optuna.Trial) -> float:
        if trial.number == 0:  # as another worker does when the heartbeat is missing
            study.tell(trial.number, state=TrialState.FAIL)
        return score(trial)

    work(study, slept, 2)
    assert states(study) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert "trial 0 was taken for dead meanwhile" in capsys.readouterr().err


def test_another_search_is_refused_in_one_line_and_stays_as_it_is(address: str):
    work(opened(address), score, 2)
    with pytest.raises(DataError) as error:
        opened(address, fingerprint={"data": "2"})
    told = f"--study: {shown(address)} holds a search with other data. Go on with those of that search, or give another"
    assert told in str(error.value)
    assert PASSWORD not in str(error.value)
    assert states(opened(address)) == ["COMPLETE"] * 2


def test_a_trial_goes_on_while_the_server_is_started_anew(postgresql: DatabaseServer):
    address = address_of(postgresql.new_database())

    def outlasts(trial: optuna.Trial) -> float:
        x = score(trial)
        if trial.number == 1:
            postgresql.stop()
            time.sleep(2)  # two signs of life are missed
            postgresql.start()
        return x

    study = opened(address)
    work(study, outlasts, 3)
    assert states(study) == ["COMPLETE"] * 3
