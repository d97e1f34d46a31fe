"""Alarms, calendar and clock."""

from typing import Any

from rasa_sdk.events import SlotSet

from actions.turn import UNCLEAR, Events, Turn, action, form
from assistant import schedule, titles, zones
from assistant.changes import Outcome
from assistant.when import When, describe_days, describe_repeats


@form
def alarm_form(turn: Turn) -> dict[str, Any]:
    if turn.asked and not _may_answer_when(turn, "alarm_set"):
        return {}
    said = _completed(turn, turn.slot("alarm_day"))
    when = turn.understand(said)
    moment, trouble = schedule.moment_of(when, turn.now)
    if trouble:
        turn.say(trouble)
    elif turn.asked and not when.said:
        turn.say("I did not understand that as a time.")
    elif when.said and not moment and not (when.day or when.repeats):
        turn.say("That is more than one day.")
    return {"alarm_when": said if moment else None, "alarm_day": None if moment or trouble else _day_of(when)}


@action
def ask_alarm_when(turn: Turn) -> None:
    when = turn.understand(turn.slot("alarm_day") or "")
    if when.repeats:
        turn.say(f"At what time {describe_repeats(when.repeats)}?")
    elif when.days:
        turn.say(f"At what time? It is for {describe_days(when.days, turn.now)}.")
    else:
        turn.say("For when shall I set the alarm?")


@action
def alarm_set(turn: Turn) -> Events:
    outcome = schedule.add_alarm(turn.household, turn.understand(turn.slot("alarm_when")))
    return [*turn.tell(outcome), SlotSet("alarm_when", None), SlotSet("alarm_day", None)]


@action
def alarm_query(turn: Turn) -> Events:
    return turn.tell(schedule.tell_alarms(turn.household, turn.when))


@action
def alarm_remove(turn: Turn) -> Events:
    return turn.tell(schedule.remove_alarms(turn.household, turn.when))


@form
def calendar_form(turn: Turn) -> dict[str, Any]:
    when = turn.when
    title = titles.title_of(when.rest)
    if turn.asked is None:
        return _entry_when(turn, turn.message) | {"entry_title": title}
    if turn.asked == "entry_title":
        if turn.is_dialogue_act() or turn.is_question():
            return {}
        said = _completed(turn, turn.slot("entry_when") or turn.slot("entry_day"))
        return {"entry_title": title} | (_entry_when(turn, said) if when.said else {})
    if not _may_answer_when(turn, "calendar_set"):
        return {}
    if not when.said and not when.unclear:
        turn.say("I did not understand that as a time.")
    return _entry_when(turn, _completed(turn, turn.slot("entry_day")))


@action
def calendar_set(turn: Turn) -> Events:
    outcome = schedule.add_entry(turn.household, turn.slot("entry_title"), turn.understand(turn.slot("entry_when")))
    return [*turn.tell(outcome), *(SlotSet(slot, None) for slot in ("entry_title", "entry_when", "entry_day"))]


@action
def calendar_query(turn: Turn) -> Events:
    when = turn.when
    return turn.tell(schedule.tell_entries(turn.household, when, titles.words_asked_for(when.rest)))


@action
def calendar_remove(turn: Turn) -> Events:
    when = turn.when
    return turn.tell(schedule.remove_entries(turn.household, when, titles.words_asked_for(when.rest)))


@action
def datetime_query(turn: Turn) -> Events:
    return turn.tell(Outcome(zones.answer_time(turn.message, turn.now)))


@action
def datetime_convert(turn: Turn) -> Events:
    if zones.sets_zone(turn.message) and (place := zones.find_zone(turn.message)):
        name, turn.household.zone = place
        return turn.tell(Outcome(f"Your time zone is that of {name} now: {turn.household.now():%H:%M}."))
    return turn.tell(Outcome(zones.convert_time(turn.message, turn.now)))


def _entry_when(turn: Turn, said: str) -> dict[str, Any]:
    when = turn.understand(said)
    moment, trouble = schedule.moment_of(when, turn.now, whole_day=True)
    if trouble:
        turn.say(trouble)
    elif when.days and not moment:
        turn.say(f"{describe_days(when.days, turn.now)}: on which day?")
    day = _day_of(when) or (said if when.days else None)
    return {"entry_when": said if moment else None, "entry_day": None if moment or trouble else day}


def _completed(turn: Turn, before: str | None) -> str:
    """The answer to a question, with what was said of time before it and is not said again."""
    if not (turn.asked and before):
        return turn.message
    own, former = turn.when, turn.understand(before)
    stretch = bool(former.days and not former.day)
    if own.moment or own.repeats:
        day = ""
    elif own.day and stretch:  # "on wednesday", of "next week"
        of_those = turn.understand(f"{before} {turn.message}").day
        day = of_those.isoformat() if of_those and of_those != own.day else ""
    elif own.days:
        day = describe_repeats(former.repeats) if former.repeats else ""
        if own.day and former.day and own.day < former.day and own.day.weekday() == former.day.weekday():
            day = _day_of(former) or ""  # "monday", of "monday december 7"
    else:
        day = _day_of(former) or (before if stretch else "")
    clock = f" at {former.clock:%H:%M}" if former.clock and not (own.clock or own.moment or day == before) else ""
    return f"{day} {turn.message}{clock}".strip()


def _day_of(when: When) -> str | None:
    """The one day, or the recurrence, in words that are understood again; None of a stretch of days."""
    repeats = describe_repeats(when.repeats) if when.repeats else ""
    return f"{repeats} {when.day.isoformat() if when.day else ''}".strip() or None


def _may_answer_when(turn: Turn, own: str) -> bool:
    """Whether a message may be the answer to "When?"; else it asks for something of its own."""
    return not turn.is_dialogue_act() and (turn.when.alone or turn.intent in UNCLEAR | {own})
