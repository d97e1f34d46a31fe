"""Alarms and the calendar: what both have in common is a time."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from assistant.changes import NOTHING_DELETED, Change, Outcome, enumerate_words, is_spared
from assistant.household import Household
from assistant.store import Alarm, Entry
from assistant.when import (
    When,
    describe,
    describe_day,
    describe_days,
    describe_repeats,
    move_to,
    next_occurrence,
    not_understood,
)

_ANY_ENTRY = {"appointment", "entry", "event", "meeting", "reminder"}
# Dates end with the year 9999, and until then recurrences are counted one by one.
_LAST_YEAR = 2999


def moment_of(when: When, now: datetime, whole_day: bool = False) -> tuple[datetime | None, str | None]:
    """The moment meant, or why there is none; neither where nothing is said of it.

    Args:
        when: What was said.
        now: The present.
        whole_day: A day without a time will do: its first minute is given.
    """
    if trouble := _trouble(when, now):
        return None, trouble
    moment = when.next_moment(now)
    if moment is None and whole_day and when.day:
        moment = datetime.combine(when.day, time(), now.tzinfo)
        past = when.day < now.date()
    else:
        past = moment is not None and moment.timestamp() <= now.timestamp()
    if moment and past:
        shown = describe_day(moment.date(), now) if whole_day and when.clock is None else describe(moment, now)
        return None, f"That is past: {shown}."
    return moment, None


def _trouble(when: When, now: datetime) -> str | None:
    """What was said of the time and cannot be done, in words."""
    if when.repeats and when.days and not when.day:
        return f"I cannot repeat it in {describe_days(when.days, now)} alone."
    return _nothing_to_look_for(when, now)


def _nothing_to_look_for(when: When, now: datetime) -> str | None:
    """Why nothing can be found of a time either; None where something may."""
    if when.unclear:
        return not_understood(when)
    day = when.moment.date() if when.moment else when.day
    return f"{describe_day(day, now)} is too far away." if day and day.year > _LAST_YEAR else None


def add_alarm(household: Household, when: When) -> Outcome:
    """Sets an alarm for what `moment_of` understands."""
    now = household.now()
    moment, trouble = moment_of(when, now)
    if moment is None:
        return Outcome(trouble or "I did not understand when.")
    with household.store.session() as session:
        alarm = Alarm(at=moment, repeats=when.repeats)
        session.add(alarm)
        session.flush()
        return Outcome(f"Alarm set for {show(alarm, now)}.", made=Change.of(alarm))


def add_entry(household: Household, title: str, when: When) -> Outcome:
    """Puts an event or a reminder into the calendar."""
    now = household.now()
    moment, trouble = moment_of(when, now, whole_day=True)
    if moment is None:
        return Outcome(trouble or "I did not understand when.")
    with household.store.session() as session:
        whole_day = when.clock is None and when.moment is None
        entry = Entry(title=title, at=moment, whole_day=whole_day, repeats=when.repeats)
        session.add(entry)
        session.flush()
        return Outcome(f"In your calendar: {show(entry, now)}.", made=Change.of(entry))


def tell_alarms(household: Household, when: When) -> Outcome:
    return _tell(household, Alarm, when, "", "no alarm", "Your alarms")


def tell_entries(household: Household, when: When, words: str) -> Outcome:
    """Says what is in the calendar at a time, or all that has one of some words in its title."""
    return _tell(household, Entry, when, words, "nothing in your calendar", "In your calendar")


def remove_alarms(household: Household, when: When) -> Outcome:
    return _remove(household, Alarm, when, "", "alarm")


def remove_entries(household: Household, when: When, words: str) -> Outcome:
    return _remove(household, Entry, when, words, "calendar entry")


def correct(session: Session, row: Any, when: When, now: datetime) -> str | None:
    """Gives an alarm or an entry another time; None where no time was said."""
    former = local(row.at, now)
    if trouble := when.said and _trouble(when, now):
        return f"{trouble} It stays as it was: {show(row, now)}."
    if "," in (row.repeats or "") and not when.repeats and when.day:
        return f"I do not know which of its days to change. It stays as it was: {show(row, now)}."
    if row.repeats and not when.repeats and when.day and when.day >= now.date():
        moved = move_to(row.repeats, when.day)
        when = replace(when, repeats=moved) if moved != row.repeats else when
    moment = when.corrected(former, now)
    if moment is None:
        return None
    whole_day = _whole_day(row) and not (when.clock or when.moment)
    if _end(moment, whole_day).timestamp() <= now.timestamp():
        return f"That is past: {describe(moment, now)}. It stays as it was: {show(row, now)}."
    row.at = moment
    row.repeats = when.repeats or row.repeats
    if isinstance(row, Entry):
        row.whole_day = whole_day
    return f"Changed to {show(row, now)}."


def show(row: Any, now: datetime) -> str:
    """An alarm or an entry in words, with its next date."""
    moment = upcoming(row, now) or local(row.at, now)
    shown = describe_day(moment.date(), now) if _whole_day(row) else describe(moment, now)
    if row.repeats:
        shown = f"{describe_repeats(row.repeats)}, next {shown}"
    return f"{row.title}, {shown}" if isinstance(row, Entry) else shown


def upcoming(row: Any, now: datetime) -> datetime | None:
    """When it is due next; None when it is past. One of a whole day is due until the day ends."""
    at = local(row.at, now)
    if row.repeats:
        return next_occurrence(row.repeats, at, now - timedelta(days=1) if _whole_day(row) else now)
    return at if _end(at, _whole_day(row)).timestamp() > now.timestamp() else None


def _whole_day(row: Any) -> bool:
    return isinstance(row, Entry) and bool(row.whole_day)


def _end(moment: datetime, whole_day: bool) -> datetime:
    return moment + timedelta(days=1) if whole_day else moment


def local(moment: datetime, now: datetime) -> datetime:
    return moment.astimezone(now.tzinfo)


def _find(session: Session, table: Any, when: When, words: str, now: datetime, whole: bool = False) -> list[Any]:
    """What is to come, at a time and with one of some words in its title, or the whole of them, by its date."""
    due = [(moment, row) for row in session.scalars(select(table)) if (moment := upcoming(row, now))]
    found = [(moment, row) for moment, row in due if when.covers(moment) or _repeats_on(row, when, now)]
    if when.repeats:
        found = [(moment, row) for moment, row in found if row.repeats == when.repeats]
    if words:
        found = [(moment, row) for moment, row in found if _alike(words, row.title, whole)]
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def _repeats_on(row: Any, when: When, now: datetime) -> bool:
    """Whether it recurs on the days asked for, though its next time is before them."""
    if not (row.repeats and when.days):
        return False
    eve = datetime.combine(when.days[0], time(), now.tzinfo) - timedelta(seconds=1)
    return when.covers(next_occurrence(row.repeats, local(row.at, now), max(eve, now)))


def _alike(words: str, title: str, whole: bool) -> bool:
    """Whether a title has one of the words, or the whole of them: "the dentist" finds "dentist appointment".

    Of the whole, what any entry may be called need not be there: "the appointment with bob" finds "lunch with bob".
    """
    wanted = set(re.findall(r"\w+", words.lower())) - {"the", "my", "a", "an", "with", "to", "of", "next", "and"}
    named = set(re.findall(r"\w+", title.lower()))
    return (wanted - _ANY_ENTRY or wanted) <= named if whole else bool(wanted & named)


def _tell(household: Household, table: Any, when: When, words: str, none: str, some: str) -> Outcome:
    now = household.now()
    if trouble := _nothing_to_look_for(when, now):
        return Outcome(trouble)
    with household.store.session() as session:
        rows = _find(session, table, when, words, now)
        asked = _asked(when, words, now)
        if not rows:
            others = _all(session, table, now, enumerate_words) if asked else ""
            return Outcome(f"There is {none}{asked}.{others}")
        return Outcome(f"{some}{asked}: {'; '.join(show(row, now) for row in rows)}.")


def _remove(household: Household, table: Any, when: When, words: str, kind: str) -> Outcome:
    now = household.now()
    if is_spared(when.rest):
        return Outcome(NOTHING_DELETED)
    if trouble := _nothing_to_look_for(when, now):
        return Outcome(trouble)
    plural = kind.replace("entry", "entrie") + "s"
    with household.store.session() as session:
        named = _find(session, table, when, words, now, whole=True)
        rows = named or _find(session, table, when, words, now)
        asked = _asked(when, words, now)
        if not rows:
            return Outcome(f"There is no {kind}{asked}.{_all(session, table, now, '; '.join)}")
        shown = "; ".join(show(row, now) for row in rows)
        if len(rows) > 1:
            return Outcome(f"Shall I delete these {len(rows)} {plural}: {shown}?", unsure=Change.of(*rows))
        if not named:
            return Outcome(f"Shall I delete this: {shown}?", unsure=Change.of(*rows))
        if rows[0].repeats and when.days and not when.repeats:  # of one day alone nothing can be deleted
            return Outcome(f"Shall I delete all of this: {shown}?", unsure=Change.of(*rows))
        session.delete(rows[0])
        return Outcome(f"Deleted: {shown}.")


def _all(session: Session, table: Any, now: datetime, joined: Callable[[list[str]], str]) -> str:
    """What there is in all, as a sentence more; empty where there is nothing."""
    everything = _find(session, table, When(), "", now)
    return f" There is {joined([show(row, now) for row in everything])}." if everything else ""


def _asked(when: When, words: str, now: datetime) -> str:
    """What was asked for, in words: " with "dentist" for Friday 27 November"."""
    named = f' with "{words}"' if words else ""
    if when.moment:
        return f"{named} at {describe(when.moment, now)}"
    days = f" for {describe_days(when.days, now)}" if when.days else ""
    part = f" in the {when.part}" if when.part else ""
    clock = f" at {when.clock:%H:%M}" if when.clock and not when.part else ""
    repeats = f" {describe_repeats(when.repeats)}" if when.repeats else ""
    return f"{named}{days}{part}{clock}{repeats}"
