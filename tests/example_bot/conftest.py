import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

EXAMPLE_BOT = Path(__file__).parents[2] / "example_bot"
sys.path.insert(0, str(EXAMPLE_BOT))
pytest.importorskip("dateparser", reason="needs the extra 'bot'")

from assistant.household import Household  # noqa: E402
from assistant.store import Store  # noqa: E402
from assistant.time_words import understand  # noqa: E402
from assistant.when import When  # noqa: E402

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=ZoneInfo("Europe/London"))  # a Friday


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def household(tmp_path: Path) -> Household:
    return Household(Store(tmp_path / "state.db"), ZoneInfo("Europe/London"), NOW)


@pytest.fixture
def when() -> Callable[[str], When]:
    """What is understood of words on that Friday."""
    return lambda words: understand(words, NOW)
