import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from remote_client import Load
from remote_server import TOKEN, Server, train
from scripted import ScriptedServer

from rasa_bert_intent.config import Options
from rasa_bert_intent.remote.client import RemoteModel


@pytest.fixture(scope="package")
def models(examples, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models of the same intents, trained alike but for the seed."""
    folder = tmp_path_factory.mktemp("models")
    return tuple(train(examples, tiny_encoder, folder / str(seed), random_seed=seed) for seed in (1, 2))  # type: ignore[return-value]


@pytest.fixture(scope="package")
def with_ray() -> None:
    """Skips what needs Ray where there is none."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray Serve: pip install 'rasa-bert-intent[serve]'")


@pytest.fixture(scope="package")
def server(with_ray, models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a token and the first model; not to be harmed."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(models[0], folder / "model")
    server = Server.start(folder / "model", folder / "log", "--max-request-bytes", "20000", token=TOKEN)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def remote(models) -> Load:
    """Makes the first model, as a server at an address has it."""

    def load(url: str, **changes: Any) -> RemoteModel:
        return RemoteModel.load(models[0], Options(engine="remote", remote_url=url, **changes))

    return load


@pytest.fixture
def scripted(models) -> Iterator[ScriptedServer]:
    with ScriptedServer(models[0]) as server:
        yield server
