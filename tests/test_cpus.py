from pathlib import Path

import pytest

from rasa_bert_intent import cpus


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes a machine of eight CPUs with these files of its container."""

    def make(**files: str) -> None:
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
        for name, attribute in {"v2": "_QUOTA", "quota": "_QUOTA_V1", "period": "_PERIOD_V1"}.items():
            monkeypatch.setattr(cpus, attribute, tmp_path / name)
            if name in files:
                Path(tmp_path / name).write_text(files[name])

    return make


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        ({"v2": "max 100000\n"}, 8),
        ({"v2": "150000 100000\n"}, 2),
        ({"v2": "20000 100000\n"}, 1),
        ({"v2": "9900000 100000\n"}, 8),
        ({"quota": "-1\n", "period": "100000\n"}, 8),
        ({"quota": "300000\n", "period": "100000\n"}, 3),
        ({"v2": "damaged"}, 8),
    ],
)
def test_a_containers_quota_counts(machine, files, count):
    machine(**files)
    assert cpus.available_cpus() == count


def test_this_machine_has_at_least_one():
    assert cpus.available_cpus() >= 1
