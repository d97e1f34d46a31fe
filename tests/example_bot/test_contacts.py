import pytest

from assistant import contacts
from assistant.household import Household


@pytest.mark.parametrize(
    ("message", "name", "address"),
    [
        ("add nora to my contacts", "nora", None),
        ("save nora at example dot com in my address book", None, "nora@example.com"),
        ("new contact omar email omar dot b at mail dot example dot org", "omar", "omar.b@mail.example.org"),
        ("add Nora.Berg@example.com", None, "nora.berg@example.com"),
        ("create a contact for jim jones with this email", "jim jones", None),
        ("add my dentist to the address book", "dentist", None),
        ("i have a new contact to add", None, None),
        ("meet me at nine", None, None),
        ("o'brien@example.com", None, "o'brien@example.com"),
        ("'lucy@example.com'", None, "lucy@example.com"),
        ("lucy smith at example dot co dot uk", None, None),
        ("lucy at example dot co dot uk", None, "lucy@example.co.uk"),
        ("her address is lucy at example dot com", None, "lucy@example.com"),
    ],
)
def test_name_and_address(message: str, name: str | None, address: str | None):
    assert contacts.find_name(message) == name
    assert contacts.find_address(message) == address


def test_a_contact_is_saved_found_and_changed(household: Household):
    assert contacts.tell(household, "who is nora").reply == "You have no contacts yet."
    contacts.add(household, "nora berg", "nora@example.com")
    contacts.add(household, "omar", "omar@example.com")
    assert contacts.tell(household, "what is nora's address").reply == "nora berg, nora@example.com."
    changed = contacts.add(household, "Omar", "o@example.com")
    assert changed.reply == "Contact changed: omar, o@example.com. It was omar@example.com."
    assert contacts.tell(household, "where does fred live").reply == (
        "Nobody of that name. Your contacts: nora berg, nora@example.com; omar, o@example.com."
    )
