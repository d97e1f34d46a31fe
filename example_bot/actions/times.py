"""Alarms, calendar and clock."""

from typing import Any

from rasa_sdk.events import SlotSet

from actions.turn import UNCLEAR, Events, Turn, action, form
from assistant import schedule, titles, zones
from assistant.changes import Outcome
from assistant.when import describe_days, describe_repeats


@form
def alarm_form(turn: Turn) -> dict[str, Any]:
    if turn.asked and not _may_answer_when(turn, "alarm_set"):
        return {}
    said = f"{turn.slot('alarm_day')} {turn.message}" if turn.asked and turn.slot("alarm_day") else turn.message
    when = turn.understand(said)
    moment, trouble = schedule.moment_of(when, turn.now)
    if trouble:
        turn.say(trouble)
    elif turn.asked and not when.said:
        turn.say("I did not understand that as a time.")
    elif when.said and not moment and not (when.day or when.repeats):
        turn.say("That is more than one day.")
    # A day without a time is kept for the answer, in words that are understood again.
    day = describe_repeats(when.repeats) if when.repeats else when.day and when.day.isoformat()
    return {"alarm_when": said if moment else None, "alarm_day": None if moment or trouble else day}


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
        return _entry_when(turn) | {"entry_title": title}
    if turn.asked == "entry_title":
        if turn.is_dialogue_act() or turn.is_question():
            return {}
        return {"entry_title": title} | (_entry_when(turn) if when.said else {})
    if not _may_answer_when(turn, "calendar_set"):
        return {}
    if not when.said and not when.unclear:
        turn.say("I did not understand that as a time.")
    return _entry_when(turn)


@action
def calendar_set(turn: Turn) -> Events:
    outcome = schedule.add_entry(turn.household, turn.slot("entry_title"), turn.understand(turn.slot("entry_when")))
    return [*turn.tell(outcome), SlotSet("entry_title", None), SlotSet("entry_when", None)]


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


def _entry_when(turn: Turn) -> dict[str, Any]:
    when = turn.when
    moment, trouble = schedule.moment_of(when, turn.now, whole_day=True)
    if trouble:
        turn.say(trouble)
    elif when.days and not moment:
        turn.say(f"{describe_days(when.days, turn.now)}: on which day?")
    return {"entry_when": turn.message if moment else None}


def _may_answer_when(turn: Turn, own: str) -> bool:
    """Whether a message may be the answer to "When?"; else it asks for something of its own."""
    return not turn.is_dialogue_act() and (turn.when.alone or turn.intent in UNCLEAR | {own})
