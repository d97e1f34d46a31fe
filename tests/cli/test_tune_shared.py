"""`rasa-bert-intent tune` of several processes, as of several machines, on one database server."""

import signal
import time
from pathlib import Path

import optuna
import pytest
from databases import PASSWORD, DatabaseServer
from searches import QUICK, Examples, begun, configure, jsonl, started_in, table

from rasa_bert_intent.tuning.storage import open_storage
from rasa_bert_intent.tuning.study import SURPLUS

TRIALS = 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_two_searches_share_the_trials_and_one_takes_over_when_the_other_is_killed(
    kind: str, examples: Examples, tiny_encoder: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    server: DatabaseServer = request.getfixturevalue(kind)
    url = server.new_database()
    jsonl(tmp_path / "data.jsonl", examples)
    configure(tmp_path, encoder=str(tiny_encoder), **QUICK)
    with started_in(tmp_path) as start:
        # At once: both make the tables, and both begin with the defaults.
        first, second = (start("--trials", str(TRIALS), "--study", url, "--output", name) for name in "ab")
        while begun(url) < 4:
            assert (first.poll(), second.poll()) == (None, None), (first.communicate(), second.communicate())
            time.sleep(0.2)
        first.send_signal(signal.SIGKILL)
        told = [process.communicate(timeout=600) for process in (first, second)]
        assert second.returncode == 0, told[1]
        again = start("--trials", str(TRIALS), "--study", url, "--output", "c")
        told.append(again.communicate(timeout=600))
        assert again.returncode == 0, told[2]
    assert f"{TRIALS} trials on 2-fold" in told[1][0]
    assert told[2][0] == told[1][0]
    assert f"going on after {TRIALS} of {TRIALS} trials" in told[2][1]
    assert not any(PASSWORD in stream for streams in told for stream in streams)
    assert not any(PASSWORD in file.read_text("utf-8") for file in tmp_path.glob("[abc]/*"))
    rows = table(tmp_path / "b" / "trials.csv")
    ended = [row for row in rows if row["state"] in ("complete", "broken off")]
    points = [(row["head_learning_rate"], row["label_smoothing"]) for row in ended]
    assert len(ended) == TRIALS
    assert points.count(("0.003", "0.1")) == 1  # the defaults
    assert len({row["worker"] for row in rows}) == 2
    again_rows = [row for row in rows if row["state"] == "tried again"]
    assert len(again_rows) <= 1  # the one that was at work when it was killed, if it was
    for row in again_rows:
        drawn = {name: row[name] for name in ("head_learning_rate", "label_smoothing") if row[name]}  # before it died
        assert any(drawn.items() <= other.items() for other in ended)
    trials = optuna.load_study(storage=open_storage(url), study_name="tune").trials
    assert len(trials) == TRIALS + len(again_rows) + sum(SURPLUS in trial.user_attrs for trial in trials)
