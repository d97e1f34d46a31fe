"""What needs no running Ray."""

import pytest
from folders import may_be_cleaned
from ports import free_port

from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.own_ray import connected, folder_for_ray


def test_no_cleaner_takes_the_folder_of_a_ray_away():
    with folder_for_ray() as (folder, _):
        assert not may_be_cleaned(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "http://10.0.0.1:8265",
        "ray://10.0.0.1:10001",
        "head.example.com",
        "local",
        "",
        ":6379",
        "h:0",
        "h:70000",
        "a b:1",
    ],
)
def test_what_is_no_address_is_told(address: str):
    with pytest.raises(ServerError, match="--ray-address: expected HOST:PORT") as error, connected(address):
        pass
    assert repr(address) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "no.such.host.invalid", "a..b"])
def test_a_cluster_that_is_down_is_told_before_ray_asks_it(host: str):
    pytest.importorskip("ray")
    address = f"{host}:{free_port()}"
    with pytest.raises(ServerError) as error, connected(address):
        pass
    assert str(error.value).startswith(f"--ray-address: {address} cannot be reached (")


def test_what_a_process_of_ray_raised_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "init", lambda **_: None)
    cause = RuntimeError("CUDA out of memory.\nTried to allocate")
    error = ray.exceptions.RayTaskError("work", "Traceback (most recent call last):\n  x", cause)
    for raised in (error, error.as_instanceof_cause()):
        with pytest.raises(ServerError) as told, connected("auto"):
            raise raised
        assert str(told.value) == "Ray failed: RuntimeError: CUDA out of memory."
