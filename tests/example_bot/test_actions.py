"""The actions on every example of the training data: whatever is said, there is an answer."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant import lists, schedule
from assistant.household import Household
from assistant.time_words import understand

pytest.importorskip("rasa_sdk", reason="needs Rasa 3.6")

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import acts, things, times, turn

EXAMPLE_BOT = Path(__file__).parents[2] / "example_bot"
RULES = yaml.safe_load((EXAMPLE_BOT / "data" / "rules.yml").read_text("utf-8"))["rules"]
FORMS = yaml.safe_load((EXAMPLE_BOT / "domain.yml").read_text("utf-8"))["forms"]
ACTIONS = {
    made().name(): made()
    for module in (acts, things, times)
    for made in vars(module).values()
    if isinstance(made, type) and issubclass(made, Action)
}


ANSWERING = (
    "action_alarm_query",
    "action_alarm_remove",
    "action_calendar_query",
    "action_calendar_remove",
    "action_qa",
)
ANSWERING += ("action_lists_query", "action_lists_remove", "action_datetime", "action_email_query", "action_cooking")


@pytest.fixture(autouse=True)
def at_home(household: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    """The actions serve the household of the test."""
    monkeypatch.setattr(turn, "household", lambda: household)


def _examples() -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """Intent, message and entities of the training data."""
    for file in sorted((EXAMPLE_BOT / "data" / "nlu").glob("*.yml")):
        for entry in yaml.safe_load(file.read_text("utf-8"))["nlu"]:
            for line in entry["examples"].splitlines():
                marked = line.removeprefix("- ")
                entities = [
                    {"entity": name, "value": value} for value, name in re.findall(r"\[([^\]]+)\]\((\w+)\)", marked)
                ]
                yield entry["intent"], re.sub(r"\[([^\]]+)\]\(\w+\)", r"\1", marked), entities


def _run(name: str, intent: str, message: str, entities: Any = (), **slots: Any) -> tuple[list[Any], list[Any]]:
    """What an action says, and its events."""
    latest = {"text": message, "intent": {"name": intent, "confidence": 0.95}, "entities": list(entities)}
    form = next((form for form, needs in FORMS.items() if slots.get("requested_slot") in needs["required_slots"]), None)
    loop = {"name": form} if form else {}
    tracker = Tracker("me", slots, latest, [{"event": "user"}], False, None, loop, "action_listen")
    dispatcher = CollectingDispatcher()
    events = ACTIONS[name].run(dispatcher, tracker, {})
    return dispatcher.messages, events


def _tell_again(
    name: str, intent: str, message: str, made: Any, *, slot: str = turn.MADE, between: Sequence[str] = ()
) -> str:
    """What an action says that refers to what a message before this one made; between them were others, by intent."""
    latest = {"text": message, "intent": {"name": intent, "confidence": 1.0}, "entities": []}
    before = [{"event": "slot", "name": slot, "value": made.as_slot}]
    before += [{"event": "user", "parse_data": {"intent": {"name": said}}} for said in (*between, intent)]
    dispatcher = CollectingDispatcher()
    ACTIONS[name].run(dispatcher, Tracker("me", {}, latest, before, False, None, {}, "action_listen"), {})
    return dispatcher.messages[0]["text"]


def _action_of(intent: str) -> str | None:
    rule = next((rule for rule in RULES if rule["steps"][0] == {"intent": intent}), None)
    name = rule and rule["steps"][1]["action"]
    return None if name is None or name.startswith("utter_") else name


def test_every_example_is_answered():
    seen = 0
    for intent, message, entities in _examples():
        name = _action_of(intent)
        if name in FORMS:
            _, events = _run(f"validate_{name}", intent, message, entities)
            slots = {event["name"]: event["value"] for event in events}
            assert set(FORMS[name]["required_slots"]) <= set(slots), message
            if any(slots[slot] is None for slot in FORMS[name]["required_slots"]):
                continue
            said, _ = _run(f"action_{intent}", intent, message, entities, **slots)
        elif name:
            said, _ = _run(name, intent, message, entities)
        else:
            continue
        assert said, message
        assert all(reply["text"] or reply["response"] for reply in said), message
        assert "None" not in str([reply["text"] for reply in said if reply["text"]]), message
        seen += 1
    assert seen > 500


@pytest.mark.parametrize("slot", [slot for form in FORMS.values() for slot in form["required_slots"]])
def test_whatever_answers_a_form_is_taken_or_left_to_the_rules(slot: str):
    form = next(form for form, needs in FORMS.items() if slot in needs["required_slots"])
    for intent, message, entities in _examples():
        _, events = _run(f"validate_{form}", intent, message, entities, requested_slot=slot)
        assert {event["name"] for event in events} <= {*FORMS[form]["required_slots"], "alarm_day", "entry_day"}, (
            message
        )


@pytest.mark.parametrize(
    ("slot", "message", "value"),
    [
        ("alarm_when", "tomorrow at nine", "tomorrow at nine"),
        ("entry_title", "dentist", "dentist"),
        ("entry_when", "in ten minutes", "in ten minutes"),
        ("list_items", "milk", ["milk"]),
        ("contact_name", "lucy", "lucy"),
        ("contact_email", "lucy@example.com", "lucy@example.com"),
    ],
)
def test_an_answer_fills_what_a_form_asked_for_and_never_mind_does_not(slot: str, message: str, value: Any):
    form = next(form for form, needs in FORMS.items() if slot in needs["required_slots"])
    _, events = _run(f"validate_{form}", "inform", message, requested_slot=slot)
    assert {event["name"]: event["value"] for event in events}[slot] == value
    assert _run(f"validate_{form}", "deny", "never mind", requested_slot=slot) == ([], [])


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("wake me up on february 30 at 7 am", 'I did not understand "on february 30" as a time.'),
        ("wake me up every other day at six am", 'I did not understand "every other day" as a time.'),
        ("wake me up last friday at 9", "That is past: Friday 13 November, 09:00."),
        ("wake me up next week at nine", "That is more than one day."),
    ],
)
def test_a_day_that_is_half_understood_is_asked_for(message: str, reply: str):
    said, events = _run("validate_alarm_form", "alarm_set", message)
    assert [each["text"] for each in said] == [reply]
    assert {event["name"]: event["value"] for event in events} == {"alarm_when": None, "alarm_day": None}


@pytest.mark.parametrize(
    ("intent", "first", "answers", "expected"),
    [
        ("alarm_set", "set an alarm for monday", ["nine"], "Alarm set for Monday 23 November, 09:00."),
        (
            "alarm_set",
            "set an alarm for monday",
            ["actually tuesday at 9 am"],
            "Alarm set for Tuesday 24 November, 09:00.",
        ),
        (
            "alarm_set",
            "set an alarm for the fifteenth of every month",
            ["nine am"],
            "Alarm set for the 15th of every month, next Tuesday 15 December, 09:00.",
        ),
        ("alarm_set", "set an alarm every year on march 3", ["9 am"], "every year, next Wednesday 3 March 2027, 09:00"),
        (
            "calendar_set",
            "remind me to take my pills every day",
            ["at 9 am"],
            "take my pills, every day, next tomorrow",
        ),
        ("calendar_set", "remind me to call mum every monday", ["at 10 am"], "call mum, every Monday, next Monday 23"),
        ("calendar_set", "add dinner with bob next week at 7 pm", ["on wednesday"], "Wednesday 25 November, 19:00."),
        ("calendar_set", "add dinner with bob next week at 7 pm", ["on wednesday at 8 pm"], "25 November, 20:00."),
        (
            "alarm_set",
            "wake me up every weekday",
            ["at seven starting monday"],
            "every weekday, next Monday 23 November",
        ),
        (
            "alarm_set",
            "set an alarm for monday december 7",
            ["monday at 9 am"],
            "Alarm set for Monday 7 December, 09:00.",
        ),
        ("calendar_set", "add an event on friday", ["dinner at 7 pm"], "dinner, Friday 27 November, 19:00."),
        (
            "calendar_set",
            "add an event tomorrow at 3 pm",
            ["call mum on monday"],
            "call mum, Monday 23 November, 15:00.",
        ),
    ],
)
def test_what_was_said_before_a_form_asked_is_kept(intent: str, first: str, answers: list[str], expected: str):
    form = "alarm_form" if intent == "alarm_set" else "calendar_form"
    slots: dict[str, Any] = {}
    for message in (first, *answers):
        missing = next((slot for slot in FORMS[form]["required_slots"] if not slots.get(slot)), None)
        _, events = _run(f"validate_{form}", intent, message, **slots, requested_slot=missing if slots else None)
        slots |= {event["name"]: event["value"] for event in events}
    said, events = _run(f"action_{intent}", intent, answers[-1], **slots)
    assert expected in said[0]["text"]
    assert {event["name"] for event in events if event["value"] is None} >= set(slots)


def test_an_order_that_is_half_understood_switches_nothing():
    _run("action_home_control", "iot_hue_lighton", "turn on the kitchen lights")
    said, _ = _run("action_home_control", "iot_hue_lightoff", "turn off all the lights except the kitchen")
    assert said[0]["text"].startswith("I can only switch at once")
    assert _run("action_home_control", "iot_hue_lighton", "which lights are on")[0][0]["text"] == (
        "Lights on: kitchen (white, 100 %)."
    )


def test_a_list_is_not_renamed_to_another_one(household: Household):
    lists.add(household, ("soap",), "Shopping")
    made = lists.add(household, (), "camping").made
    reply = _tell_again("action_correct", "correct", "i meant shopping", made)
    assert reply == "There is a Shopping list already; this one stays camping."
    assert _tell_again("action_correct", "correct", "i meant hiking", made) == "The name is hiking now."


def test_a_correction_and_taking_back_wait_for_no_transaction_of_their_own(household: Household, now: datetime):
    made = schedule.add_alarm(household, understand("friday at nine", now)).made
    reply = _tell_again("action_correct", "correct", "no, make it ten", made)
    assert reply == "Changed to Friday 27 November, 10:00."
    assert _tell_again("action_cancel", "cancel", "cancel that", made) == "Taken back: Friday 27 November, 10:00."


@pytest.mark.parametrize("refused", ["nlu_fallback", "out_of_scope"])
def test_after_a_refused_message_the_one_before_it_can_be_corrected_and_nothing_is_deleted(
    refused: str, household: Household, now: datetime
):
    made = schedule.add_alarm(household, understand("friday at nine", now)).made
    reply = _tell_again("action_correct", "correct", "make it ten", made, between=[refused, refused])
    assert reply == "Changed to Friday 27 November, 10:00."
    reply = _tell_again("action_correct", "correct", "make it eleven", made, between=[refused, "play_music"])
    assert reply == "I do not know what to change. Please say all of it again."
    reply = _tell_again("action_cancel", "cancel", "never mind", made, between=[refused])
    assert reply == "There is nothing to take back."
    assert _tell_again("action_confirm", "affirm", "yes", made, slot=turn.UNSURE, between=[refused]) == "All right."
    assert _tell_again("action_confirm", "affirm", "yes", made, slot=turn.UNSURE) == "Deleted."


LONG = "add tea to my shopping list, " + "very " * 100 + "soon"
TOO_LONG = "That is too long for me: I read 500 characters at most. Nothing was done."


def test_a_message_that_is_too_long_does_nothing():
    for name in ("action_lists_createoradd", "action_home_control", "validate_list_form"):
        said, events = _run(name, "lists_createoradd", LONG, list_items=["tea"])
        assert [each["text"] for each in said] == [TOO_LONG]
        assert events == []
    assert _run("action_lists_query", "lists_query", "my lists")[0][0]["text"] == "You have no lists yet."


def test_an_answer_that_is_too_long_is_asked_for_again():
    said, events = _run("validate_alarm_form", "nlu_fallback", LONG, requested_slot="alarm_when")
    assert [each["text"] for each in said] == [TOO_LONG]
    assert [(event["name"], event["value"]) for event in events] == [("alarm_when", None)]
    assert _run("action_ask_alarm_when", "nlu_fallback", LONG)[0][0]["text"] == "For when shall I set the alarm?"


@pytest.mark.parametrize(
    "message", ["", "   ", "?", "é" * 5000, "1 " * 3000, "at " * 2000, "no, " * 2000, "'; DROP TABLE alarm; --", "\x00"]
)
def test_messages_that_nobody_says_are_answered_too(message: str):
    for name in ACTIONS:
        if name.startswith("validate_"):
            for slot in FORMS[name.removeprefix("validate_")]["required_slots"]:
                _run(name, "nlu_fallback", message, requested_slot=slot)
        elif name.startswith(ANSWERING):
            assert _run(name, "nlu_fallback", message)[0]
