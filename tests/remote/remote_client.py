"""What the tests of the client share."""

from collections.abc import Callable

import pytest
from remote_server import wait_until

from rasa_bert_intent.remote.client import RemoteModel

Load = Callable[..., RemoteModel]
LOGGER = "rasa_bert_intent.remote.client"


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The client's lines in the log."""
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def is_back(model: RemoteModel) -> None:
    wait_until(lambda: not model._outage.lasts, "the server is back", 30)
