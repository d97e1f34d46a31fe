"""One message and what an action may ask about it; makes Rasa's actions of plain functions."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from assistant.changes import Change, Outcome
from assistant.household import Household
from assistant.store import StoreError
from assistant.time_words import understand
from assistant.when import When

Events = list[EventType]
# Slots for the next message: what to correct or undo, and what to delete if it says yes.
MADE, UNSURE = "last_change", "unsure_deletion"
# What the classifier makes of a few words that answer a question.
_REFUSED = {"nlu_fallback", "out_of_scope"}
UNCLEAR = {*_REFUSED, "correct"}
# From this confidence on a question in the midst of a form is taken for one.
_SURE = 0.8
# What is longer was pasted, not said: the patterns would take their time over it, and half of it may mean another.
_LONGEST = 500
_TOO_LONG = f"That is too long for me: I read {_LONGEST} characters at most. Nothing was done."

_log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def household() -> Household:
    """The one household of this process."""
    return Household.from_environment()


class Turn:
    """The message to answer, in its conversation."""

    def __init__(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        self._dispatcher = dispatcher
        self._tracker = tracker
        self.household = household()
        text: str = tracker.latest_message.get("text") or ""
        self.message, self.too_long = text[:_LONGEST], len(text) > _LONGEST

    @property
    def intent(self) -> str:
        return self._tracker.latest_message["intent"].get("name") or ""

    @cached_property
    def when(self) -> When:
        """What the message says about time."""
        return self.understand(self.message)

    @cached_property
    def now(self) -> datetime:
        return self.household.now()

    @property
    def form(self) -> str | None:
        """The form that is being filled in."""
        return self._tracker.active_loop_name

    @property
    def asked(self) -> str | None:
        """The slot that was asked for; None where the message itself brought the form up."""
        return self._tracker.get_slot("requested_slot")

    def understand(self, words: str) -> When:
        return understand(words, self.now)

    def slot(self, name: str) -> Any:
        return self._tracker.get_slot(name)

    def entity(self, name: str) -> str | None:
        return next(self._tracker.get_latest_entity_values(name), None)

    def from_before(self, slot: str, *, past_refused: bool = False) -> Change | None:
        """What the action on the message before this one left in a slot: "yes" must not answer an older question.

        With `past_refused` messages in between that were refused do not count: "make it ten" still means what came
        before them, while "yes" or "never mind" may be to the refusal.
        """
        users = 0
        for event in reversed(self._tracker.events):
            if event["event"] == "user":
                refused = event["parse_data"]["intent"].get("name") in _REFUSED
                users += not (refused and past_refused)
            if users == 2:
                break
            if event["event"] == "slot" and event["name"] == slot:
                return Change(**event["value"]) if event["value"] else None
        return None

    def is_question(self) -> bool:
        """Whether the message surely asks something: then it is no answer."""
        latest = self._tracker.latest_message["intent"]
        asks = self.intent.endswith("_query") or self.intent.startswith(("qa_", "datetime_", "recommendation_"))
        return asks and latest.get("confidence", 0) >= _SURE

    def is_dialogue_act(self) -> bool:
        return self.intent in ("cancel", "affirm", "deny")

    def say(self, text: str | None = None, **response: Any) -> None:
        """Says some words, or gives a response of the domain by its name."""
        self._dispatcher.utter_message(text=text, **response)

    def tell(self, outcome: Outcome) -> Events:
        """Says the outcome, and keeps what the next message may refer to."""
        self.say(outcome.reply)
        kept = {MADE: outcome.made, UNSURE: outcome.unsure}
        return [SlotSet(name, change and change.as_slot) for name, change in kept.items()]


def action(function: Callable[[Turn], Events | None]) -> type[Action]:
    """Makes of `alarm_query` the action "action_alarm_query"."""

    def act(turn: Turn) -> Events | None:
        if turn.too_long and not function.__name__.startswith("ask_"):  # a form asks after whatever message
            turn.say(_TOO_LONG)
            return []
        return function(turn)

    return _register(f"action_{function.__name__}", act)


def form(function: Callable[[Turn], dict[str, Any]]) -> type[Action]:
    """Makes of `alarm_form` the validation of that form: it returns the values of slots.

    None asks for the slot again; no values at all say that the message is no answer, and Rasa answers it by the rules
    before it asks again.
    """

    def validate(turn: Turn) -> Events:
        if turn.too_long:
            turn.say(_TOO_LONG)
            return [SlotSet(turn.asked, None)] if turn.asked else []
        return [SlotSet(name, value) for name, value in function(turn).items()]

    return _register(f"validate_{function.__name__}", validate)


def _register(name: str, function: Callable[[Turn], Events | None]) -> type[Action]:
    def run(self: Action, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        try:
            return function(Turn(dispatcher, tracker)) or []
        except StoreError as error:
            _log.error("%s", error)
            dispatcher.utter_message(text=f"Sorry, nothing was done: I {error}.")
            return []

    # rasa_sdk finds actions as subclasses.
    return type(name, (Action,), {"name": lambda self: name, "run": run, "__module__": function.__module__})
