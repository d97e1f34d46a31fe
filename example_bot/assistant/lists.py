"""Lists: what a message wants of them, and doing it."""

import re
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from assistant.changes import Change, Outcome, enumerate_words
from assistant.household import Household
from assistant.store import Item, TodoList

_ADD = "add|put|insert|include|append|write down|note down|note|place|save"
_ADDITIONS = [
    r"\b(?:we are|we're|i am|i'm|i have run|we have run|ran) out of (?P<item>.+?)"
    r"(?: (?:so )?(?:add|put) .*?(?:to|on) (?P<name>.+))?$",
    rf"\b(?:{_ADD}) (?P<item>(?:(?!\blists?\b).)+) (?:to|on|onto|in|into|down on) (?P<name>.*?\blists?\b.*)$",
    rf"\b(?:{_ADD}) (?P<item>.+?) (?:to|on|onto|in|into|down on) (?P<name>.+)$",
    r"\b(?:i|we) need (?:more |some )?(?P<item>.+?)(?: (?:to|on|onto|in|into) (?P<name>.+))?$",
    r"\b(?:update|edit|extend) (?P<name>.+?) (?:with|and add) (?P<item>.+)$",
]
_REMOVE = "remove|take|delete|cross|erase|drop|strike|scratch|get rid of|eliminate|scrap"
_CREATE = r"\b(?:create|make|start|begin|set up|generate|compile|new|fresh)\b"
_WHOLE = "everything|all|all items|the whole thing|it all"
_AROUND_NAME = (
    "my|the|our|a|an|new|fresh|any|all|me|called|named|on|off|from|in|to|of|for|this|that|it|which|available|existing|another"
    "|read|open|view|show|check|find|delete|remove|clear|empty|wipe|cancel|scrap|throw away|display|and"
)
_NO_ITEM = {
    "it",
    "this",
    "that",
    "item",
    "this item",
    "that item",
    "an item",
    "another item",
    "something",
    "a new item",
}
_NO_ITEM |= {"an entry", "this thing", "one more thing", "things", "something else", "another thing"}


@dataclass(frozen=True)
class Request:
    """What a message says of lists; None for what it does not say."""

    items: tuple[str, ...] = ()
    name: str | None = None
    whole: bool = False


def read_addition(message: str) -> Request:
    """What to add to which list; `whole` where a list is to be made and nothing said of its items."""
    text = _plain(message)
    for pattern in _ADDITIONS:
        if found := re.search(pattern, text, re.IGNORECASE):
            return Request(_items(found["item"]), _name(found["name"]))
    if re.search(_CREATE, text, re.IGNORECASE):
        return Request(name=_named(text), whole=True)
    if found := re.search(rf"\b(?:{_ADD})(?: (?:that )?(?:i|we) need)? (?P<item>.+)$", text, re.IGNORECASE):
        return Request(_items(found["item"]))
    return Request(name=_named(text))


def read_removal(message: str) -> Request:
    """What to take off which list; `whole` where that is the list itself or all of it."""
    text = _plain(message)
    if found := re.search(
        rf"\b(?:{_REMOVE}) (?:(?:off|out) )?(?P<item>.+?) (?:from|off|out of|on) (?P<name>.+)$", text, re.IGNORECASE
    ):
        if found["item"] in _WHOLE.split("|"):
            return Request(name=_name(found["name"]), whole=True)
        return Request(_items(found["item"]), _name(found["name"]))
    if re.search(r"\blists?\b", text, re.IGNORECASE):
        return Request(name=_named(text), whole=True)
    if found := re.search(rf"\b(?:{_REMOVE}) (?P<item>.+)$", text, re.IGNORECASE):
        return Request(_items(found["item"]))
    return Request()


def read_question(message: str) -> Request:
    """Which list is asked for, and whether one item is on it."""
    text = _plain(message)
    if found := re.search(
        r"\b(?:is|are|did (?:i|we) put|do (?:i|we) have) (?P<item>.+?) (?:already )?(?:on|in) (?P<name>.+)$",
        text,
        re.IGNORECASE,
    ):
        item = re.sub(r"^there |\balready$", "", found["item"]).strip()
        if item not in ("what", "anything", "there", "i", "left", "things", "items", "the items"):
            return Request(_items(item), _name(found["name"]))
    return Request(name=_named(text))


def add(household: Household, items: tuple[str, ...], name: str | None) -> Outcome:
    """Adds items to a list, which is made if need be; without items the list alone is made."""
    with household.store.session() as session:
        todo = _find(session, name) or _find(session, name or "shopping")
        made = todo is None
        if todo is None:
            todo = TodoList(name=name or "shopping")
            session.add(todo)
        if not items:
            session.flush()
            words = (
                f"I have made a list: {todo.name}." if made else f"There is a {todo.name} list already: {_show(todo)}."
            )
            return Outcome(words, made=Change.of(todo) if made else None)
        there = {item.text.lower() for item in todo.items}
        once: dict[str, str] = {}
        for text in items:
            once.setdefault(text.lower(), text)
        new = [Item(text=text) for name, text in once.items() if name not in there]
        todo.items.extend(new)
        session.flush()
        if not new:
            return Outcome(f"{enumerate_words(list(items)).capitalize()} is on your {todo.name} list already.")
        return Outcome(f"On your {todo.name} list now: {_show(todo)}.", made=Change.of(*new))


def tell(household: Household, request: Request) -> Outcome:
    """Reads a list, or all of them, or says whether something is on one."""
    with household.store.session() as session:
        todo = _find(session, request.name)
        if request.items and todo:
            there = {item.text.lower() for item in todo.items}
            missing = [item for item in _as_listed(request.items, there) if item.lower() not in there]
            verdict = f"No, {enumerate_words(missing)} is not" if missing else "Yes, that is"
            return Outcome(f"{verdict} on your {todo.name} list: {_show(todo)}.")
        if todo:
            return Outcome(f"Your {todo.name} list: {_show(todo)}.")
        everything = session.scalars(select(TodoList).order_by(TodoList.name)).all()
        if request.name and everything:
            return Outcome(
                f"There is no {request.name} list. You have: {enumerate_words([t.name for t in everything])}."
            )
        if not everything:
            return Outcome("You have no lists yet.")
        return Outcome("Your lists: " + "; ".join(f"{todo.name}: {_show(todo)}" for todo in everything) + ".")


def remove(household: Household, request: Request) -> Outcome:
    """Takes items off a list; a whole list is deleted at once only where it is empty."""
    with household.store.session() as session:
        todo = _find(session, request.name) or (None if request.name else _holder(session, request.items))
        if todo is None:
            names = session.scalars(select(TodoList.name).order_by(TodoList.name)).all()
            have = f"You have: {enumerate_words(list(names))}." if names else "You have no lists yet."
            return Outcome(f"Which list? {have}")
        if request.whole:
            if todo.items:
                return Outcome(f"Shall I delete your {todo.name} list: {_show(todo)}?", unsure=Change.of(todo))
            session.delete(todo)
            return Outcome(f"Your {todo.name} list is deleted.")
        wanted = _as_listed(request.items, {item.text.lower() for item in todo.items})
        found = [item for item in todo.items if item.text.lower() in map(str.lower, wanted)]
        if not found:
            what = enumerate_words(wanted) if wanted else "that"
            return Outcome(f"There is no {what} on your {todo.name} list: {_show(todo)}.")
        for item in found:
            todo.items.remove(item)
        session.flush()
        return Outcome(
            f"Taken off: {enumerate_words([item.text for item in found])}. Your {todo.name} list: {_show(todo)}."
        )


def rename(session: Session, todo: TodoList, name: str) -> str:
    """Gives a list another name, unless there is one of that name."""
    other = session.scalar(select(TodoList).where(func.lower(TodoList.name) == name.lower()))
    if other is not None and other is not todo:
        return f"There is a {other.name} list already; this one stays {todo.name}."
    todo.name = name
    return f"The name is {name} now."


def split_items(words: str) -> tuple[str, ...]:
    """The items of an answer such as "bread, milk and eggs"."""
    return _items(words)


def _find(session: Session, name: str | None) -> TodoList | None:
    """The list of a name ("grocery" finds "groceries"); without a name the only one."""
    if name is None:
        lists = session.scalars(select(TodoList)).all()
        return lists[0] if len(lists) == 1 else None
    exact = session.scalar(select(TodoList).where(func.lower(TodoList.name) == name.lower()))
    return exact or next((todo for todo in session.scalars(select(TodoList)) if _stem(todo.name) == _stem(name)), None)


def _stem(name: str) -> str:
    """What a name and its plural have in common: "grocer" of "grocery" and of "groceries"."""
    return re.sub(r"(?:ies?|ys?|(?<=[sxh])es|(?<!s)s)$", "", name.lower())


def _holder(session: Session, items: tuple[str, ...]) -> TodoList | None:
    """The list that has one of the items."""
    everything = {text.lower() for text in session.scalars(select(Item.text))}
    wanted = [item.lower() for item in _as_listed(items, everything)]
    return session.scalar(select(TodoList).join(Item).where(func.lower(Item.text).in_(wanted)))


def _as_listed(items: tuple[str, ...], there: set[str]) -> list[str]:
    """The items as they stand on a list: "the milk and eggs" are milk and eggs where these are two."""
    names = {_without_article(text): text for text in there}
    listed: list[str] = []
    for item in items:
        whole, *parts = (_without_article(part) for part in (item, *item.split(" and ")))
        wanted = parts if whole.lower() not in names and names.keys() & {part.lower() for part in parts} else [whole]
        listed += [names.get(part.lower(), part) for part in wanted]
    return listed


def _without_article(item: str) -> str:
    return re.sub(r"^(?:the|an?|some|my|our) ", "", item, flags=re.IGNORECASE)


def _show(todo: TodoList) -> str:
    return ", ".join(item.text for item in todo.items) or "nothing"


def _plain(message: str) -> str:
    text = re.sub(r"[.?!]+$", "", message.strip())
    text = re.sub(r"\bto[ -]do(?= lists?\b)", "todo", text, flags=re.IGNORECASE)  # its "to" parts no item from it
    return re.sub(r"^(?:(?:please|olly|hey|ok|can you|could you|would you) )+| please$", "", text, flags=re.IGNORECASE)


def _items(words: str) -> tuple[str, ...]:
    """Commas part items always, "and" only after one: "bread and butter" may be one thing."""
    parts = re.split(r"\s*,\s*(?:and )?", words.strip(" ,"))
    if len(parts) > 1:
        parts[-1:] = re.split(r" and ", parts[-1])
    return tuple(part for part in parts if part and part.lower() not in _NO_ITEM)


def _named(text: str) -> str | None:
    """The name in "the list called camping", "a list of movies" or "my camping list"."""
    if found := re.search(r"\blist (?:called|named|for|of) (?P<name>.+)$", text, re.IGNORECASE):
        return _name(found["name"])
    found = re.search(r"(?P<name>(?:[\w'-]+ ){1,3})lists?\b", text, re.IGNORECASE)
    return _name(found["name"]) if found else None


def _name(words: str | None) -> str | None:
    """A list's name without what stands around it."""
    if words is None:
        return None
    if found := re.search(
        r"\blist (?:called|named) (.+)$|^(?:(?:the|my|a|our|new) )*list of (.+)$", words, re.IGNORECASE
    ):
        words = found[1] or found[2]
    words = re.sub(r"\blists?\b.*$", "", words.lower())
    words = re.sub(r"\bto[ -]do\b", "todo", words)
    words = re.split(rf"\b(?:{_AROUND_NAME})\b", words)[-1].strip(" ,")
    return words.replace("todo", "to do") or None
