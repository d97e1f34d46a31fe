"""Yes, no, never mind, and "no, make it ten"."""

from datetime import datetime

from rasa_sdk.events import ActiveLoop, SlotSet

from actions.turn import MADE, UNSURE, Events, Turn, action
from assistant import contacts, lists, schedule
from assistant.changes import Change, Outcome
from assistant.dialogue_acts import correction
from assistant.store import Contact, Item, TodoList

_FORM_SLOTS = {
    "alarm_form": ("alarm_when", "alarm_day"),
    "calendar_form": ("entry_title", "entry_when", "entry_day"),
    "list_form": ("list_items", "list_target"),
    "contact_form": ("contact_name", "contact_email"),
}


@action
def cancel(turn: Turn) -> Events:
    """Leaves a form, or a question open; else takes back what the message before added."""
    if turn.form:
        turn.say("All right, I have left it.")
        return [ActiveLoop(None), *(SlotSet(slot, None) for slot in ("requested_slot", *_FORM_SLOTS[turn.form]))]
    if turn.from_before(UNSURE):
        return turn.tell(Outcome("All right, nothing is deleted."))
    made = turn.from_before(MADE)
    if turn.intent == "deny" or made is None:
        return turn.tell(Outcome("All right." if turn.intent == "deny" else "There is nothing to take back."))
    now = turn.now
    with turn.household.store.session() as session:
        shown = "; ".join(_show(row, now) for row in made.rows(session))
        made.delete(session)
    return turn.tell(Outcome(f"Taken back: {shown}." if shown else "That is gone already."))


@action
def confirm(turn: Turn) -> Events:
    """Deletes what was asked about."""
    unsure = turn.from_before(UNSURE)
    if unsure is None:
        turn.say("All right.")
        return []
    with turn.household.store.session() as session:
        number = unsure.delete(session)
    return turn.tell(
        Outcome(
            "The list is deleted."
            if unsure.kind == "list"
            else "Deleted."
            if number == 1
            else f"Deleted, all {number} of them."
        )
    )


@action
def correct(turn: Turn) -> Events:
    """Changes what the message before added."""
    words = correction(turn.message)
    made: Change | None = turn.from_before(MADE, past_refused=True)
    if made is None or words is None:
        return turn.tell(Outcome("I do not know what to change. Please say all of it again."))
    when = turn.understand(words)
    with turn.household.store.session() as session:
        rows = made.rows(session)
        if len(rows) != 1:
            return turn.tell(Outcome("I do not know which of them to change. Please say all of it again."))
        row = rows[0]
        if made.kind in ("alarm", "entry"):
            reply = schedule.correct(session, row, when, turn.now)
        elif isinstance(row, Item):
            former, row.text = row.text, words
            reply = f"On your {row.list.name} list: {words} instead of {former}."
        elif isinstance(row, Contact) and (address := contacts.find_address(words)):
            row.email = address
            reply = f"Contact changed: {contacts.show(row)}."
        elif isinstance(row, TodoList):
            reply = lists.rename(session, row, words)
        else:
            row.name = words
            reply = f"The name is {words} now."
    return turn.tell(Outcome(reply or "I did not understand that as a time; it stays as it was.", made=made))


def _show(row: object, now: datetime) -> str:
    if isinstance(row, Item):
        return row.text
    if isinstance(row, Contact):
        return contacts.show(row)
    return getattr(row, "name", None) or schedule.show(row, now)
