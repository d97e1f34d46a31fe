"""Contacts: a name and an email address."""

import re

from sqlalchemy import func, select

from assistant.changes import Change, Outcome
from assistant.household import Household
from assistant.store import Contact

_SPOKEN = r"[\w+-]+(?: (?:dot|underscore|dash) [\w+-]+)* at [\w-]+(?: dot [\w-]+)+"
_WRITTEN = r"[\w+-][\w.+'-]*@[\w-]+(?:\.[\w-]+)+"
# Before a spoken address; any other word may be the half of it that would be lost: "lucy smith at example dot com".
_BEFORE = (
    r"(?:^|[,:;.] |\b(?:add|save|store|put|insert|include|e-?mail|mail|address|contact|is|it's|to|as|with|under|use) )"
)
_NAMINGS = [
    r"\b(?:add|save|store|put|insert|include) (?P<name>.+?)(?:'s)?(?: (?:new )?(?:e-?mail|address|email address))*"
    r" (?:to|in|into|as|with|under)\b",
    r"\b(?:contact for|contact called|contact named|under|named|contact) (?P<name>.+?)(?:'s)?"
    r"(?: (?:with|e-?mail)\b.*)?$",
]
_NO_NAME = r"\b(?:contacts?|list|to add|email|address|this|the|a|an|new|person|it)\b"
_ADDRESS = re.compile(rf"{_WRITTEN}|{_SPOKEN}", re.IGNORECASE)


def find_address(message: str) -> str | None:
    """The address in "lucy at hotmail dot com" as lucy@hotmail.com."""
    found = _ADDRESS.search(message)
    if found is None or (
        "@" not in found[0] and not re.search(rf"{_BEFORE}$", message[: found.start()], re.IGNORECASE)
    ):
        return None
    address = found[0].lower().replace(" at ", "@")
    return address.replace(" dot ", ".").replace(" underscore ", "_").replace(" dash ", "-")


def find_name(message: str) -> str | None:
    """Whose contact it is in "add lucy to my contacts"; None where nobody is named."""
    text = _ADDRESS.sub("", message.strip(" .?!"))
    for pattern in _NAMINGS:
        found = re.search(pattern, text, re.IGNORECASE)
        if found and not re.search(_NO_NAME, found["name"], re.IGNORECASE):
            return re.sub(r"^my ", "", found["name"].strip(), flags=re.IGNORECASE)
    return None


def add(household: Household, name: str, address: str) -> Outcome:
    """Saves a contact; one of that name gets the new address."""
    with household.store.session() as session:
        contact = session.scalar(select(Contact).where(func.lower(Contact.name) == name.lower()))
        if contact:
            former, contact.email = contact.email, address
            return Outcome(f"Contact changed: {show(contact)}. It was {former}.")
        contact = Contact(name=name, email=address)
        session.add(contact)
        session.flush()
        return Outcome(f"Contact saved: {show(contact)}.", made=Change.of(contact))


def tell(household: Household, message: str) -> Outcome:
    """The contacts whose names are in a message; all of them where it names none."""
    words = set(re.findall(r"[\w-]+", message.lower().replace("'s", "")))
    with household.store.session() as session:
        contacts = session.scalars(select(Contact).order_by(Contact.name)).all()
        if not contacts:
            return Outcome("You have no contacts yet.")
        named = [contact for contact in contacts if words & set(contact.name.lower().split())]
        if named:
            return Outcome("; ".join(show(contact) for contact in named) + ".")
        return Outcome("Nobody of that name. Your contacts: " + "; ".join(show(c) for c in contacts) + ".")


def show(contact: Contact) -> str:
    return f"{contact.name}, {contact.email}"
