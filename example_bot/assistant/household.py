"""The household that the assistant serves: its store, its clock and its time zone."""

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session
from tzlocal import get_localzone_name

from assistant.store import Alarm, Entry, Setting, Store

DATABASE = Path(__file__).parents[1] / "state.db"


class SettingsError(Exception):
    """An environment variable has a value that cannot be used."""


class Household:
    """Store, clock and time zone.

    What is of a whole day or recurs goes by the clock on the wall: in another time zone a birthday keeps its date, and
    what is every Monday at two is on Mondays at two there. Any other moment stays the moment that it is.

    Args:
        store: Where everything is kept.
        zone: The time zone, until the household chooses one.
        fixed: The present, for tests; None lets time go by.
    """

    def __init__(self, store: Store, zone: ZoneInfo, fixed: datetime | None = None) -> None:
        self.store = store
        self._zone = zone
        self._fixed = fixed
        zone = self.zone
        with store.session() as session:  # the machine may have gone to another zone since
            _keep_wall_clock(session, zone)

    @classmethod
    def from_environment(cls) -> "Household":
        """As EXAMPLE_BOT_DATABASE, EXAMPLE_BOT_TIME_ZONE and EXAMPLE_BOT_NOW say.

        Raises:
            SettingsError: One of them cannot be used.
            StoreError: The database cannot be used.
        """
        name = os.environ.get("EXAMPLE_BOT_TIME_ZONE") or get_localzone_name() or "UTC"
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones is none
            raise SettingsError(f"EXAMPLE_BOT_TIME_ZONE is {name!r}: give a name such as Europe/Berlin") from None
        fixed = None
        if now := os.environ.get("EXAMPLE_BOT_NOW"):
            try:
                fixed = datetime.fromisoformat(now)
            except ValueError:
                fixed = None
            if fixed is None or fixed.tzinfo:  # the time zone is a setting of its own
                raise SettingsError(f"EXAMPLE_BOT_NOW is {now!r}: give a time such as 2026-11-20T10:00")
            fixed = fixed.replace(tzinfo=zone)
        path = os.environ.get("EXAMPLE_BOT_DATABASE") or DATABASE
        return cls(Store(Path(path).absolute()), zone, fixed)

    @property
    def zone(self) -> ZoneInfo:
        """The one that was chosen in a conversation, else the machine's."""
        with self.store.session() as session:
            chosen = session.get(Setting, "time_zone")
            return ZoneInfo(chosen.value) if chosen else self._zone

    @zone.setter
    def zone(self, zone: ZoneInfo) -> None:
        with self.store.session() as session:
            session.merge(Setting(name="time_zone", value=zone.key))
            _keep_wall_clock(session, zone)

    def now(self) -> datetime:
        """The present, in the household's time zone."""
        return (self._fixed or datetime.now(self._zone)).astimezone(self.zone)


def _keep_wall_clock(session: Session, zone: ZoneInfo) -> None:
    """Moves what goes by the clock on the wall from the time zone that it was kept in to another."""
    former = session.get(Setting, "wall_clock_zone")
    if former and former.value != zone.key:
        recurring = session.scalars(select(Alarm).where(Alarm.repeats.is_not(None)))
        days = session.scalars(select(Entry).where(Entry.whole_day | Entry.repeats.is_not(None)))
        for row in (*recurring, *days):
            row.at = row.at.astimezone(ZoneInfo(former.value)).replace(tzinfo=zone)
    session.merge(Setting(name="wall_clock_zone", value=zone.key))
