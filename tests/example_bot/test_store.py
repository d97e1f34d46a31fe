"""Several action servers may have one database open."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from assistant import home, lists
from assistant.household import Household
from assistant.store import Device, Item, Store

EXAMPLE_BOT = Path(__file__).parents[2] / "example_bot"
NUMBER = 15

# What is read, counted and written again: lost where another one reads in between.
COUNT = f"""
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo
from assistant import home, lists
from assistant.household import Household
from assistant.store import Store
zone = ZoneInfo("Europe/London")
household = Household(Store(Path(sys.argv[1])), zone, datetime(2026, 11, 20, 10, tzinfo=zone))
for number in range({NUMBER}):
    home.brew(household, "coffee")
    lists.add(household, (f"item {{number}} of {{sys.argv[2]}}",), f"list {{number}}")
"""


def _cups_and_items(household: Household) -> tuple[int, int]:
    with household.store.session() as session:
        return session.get(Device, "coffee machine").value["cups"], session.scalar(select(func.count(Item.id)))


def test_nothing_is_lost_between_processes(household: Household):
    command = [sys.executable, "-c", COUNT, str(household.store.path)]
    started = [subprocess.Popen([*command, name], cwd=EXAMPLE_BOT) for name in ("one", "two", "three")]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    assert _cups_and_items(household) == (3 * NUMBER, 3 * NUMBER)


def test_nothing_is_lost_between_threads_with_engines_of_their_own(household: Household):
    def count(name: str) -> None:
        own = Household(Store(household.store.path), ZoneInfo("Europe/London"), household.now())
        for number in range(NUMBER):
            home.brew(own, "coffee")
            lists.add(own, (f"item {number} of {name}",), f"list {number}")

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(count, ("one", "two", "three"))) == [None, None, None]
    assert _cups_and_items(household) == (3 * NUMBER, 3 * NUMBER)
