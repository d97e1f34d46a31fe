import pytest

from assistant import lists
from assistant.household import Household
from assistant.lists import Request
from assistant.store import Store


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("add honey to my shopping list", Request(("honey",), "shopping")),
        ("Add honey, jam and tea to the Shopping list", Request(("honey", "jam", "tea"), "shopping")),
        ("put salt and pepper on the grocery list", Request(("salt and pepper",), "grocery")),
        ("put wash the car on my to do list", Request(("wash the car",), "to do")),
        ("add call mum to my to-do list", Request(("call mum",), "to do")),
        ("add go to the bank to my to do list", Request(("go to the bank",), "to do")),
        ("add rock and roll to my list of movies", Request(("rock and roll",), "movies")),
        ("add pay rent to my to do list for monday", Request(("pay rent",), "to do")),
        ("create a to-do list", Request(name="to do", whole=True)),
        ("we are out of rice so put it on the groceries list", Request(("rice",), "groceries")),
        ("i have run out of flour add that to the list", Request(("flour",))),
        ("we need more soap", Request(("soap",))),
        ("update the list with plums", Request(("plums",))),
        ("write down candles", Request(("candles",))),
        ("create a new list called camping", Request(name="camping", whole=True)),
        ("start a birthday gifts list", Request(name="birthday gifts", whole=True)),
        ("add something to my shopping list", Request((), "shopping")),
        ("can you add another item to the list", Request()),
    ],
)
def test_what_is_to_be_added(message: str, expected: Request):
    assert lists.read_addition(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("take honey off my shopping list", Request(("honey",), "shopping")),
        ("cross out wash the car from my to do list", Request(("wash the car",), "to do")),
        ("delete the camping list", Request(name="camping", whole=True)),
        ("remove everything from my chores list", Request(name="chores", whole=True)),
        ("clear my list", Request(whole=True)),
    ],
)
def test_what_is_to_be_removed(message: str, expected: Request):
    assert lists.read_removal(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("what is on my camping list", Request(name="camping")),
        ("is honey already on my shopping list", Request(("honey",), "shopping")),
        ("which lists do i have", Request()),
        ("read my list", Request()),
        ("is there anything on my to do list", Request(name="to do")),
    ],
)
def test_what_is_asked(message: str, expected: Request):
    assert lists.read_question(message) == expected


def test_items_are_added_once_and_survive_a_restart(household: Household):
    lists.add(household, ("honey", "jam"), "shopping")
    assert lists.add(household, ("Honey",), "shopping").reply == "Honey is on your shopping list already."
    again = Household(Store(household.store.path), household.zone)
    assert lists.tell(again, Request(name="shopping")).reply == "Your shopping list: honey, jam."


def test_a_list_is_found_by_a_like_name_and_the_only_one_without(household: Household):
    lists.add(household, ("honey",), "groceries")
    assert lists.tell(household, Request(name="grocery")).reply == "Your groceries list: honey."
    assert lists.tell(household, Request()).reply == "Your groceries list: honey."
    assert lists.tell(household, Request(("honey",))).reply == "Yes, that is on your groceries list: honey."
    assert lists.tell(household, Request(("jam",))).reply == "No, jam is not on your groceries list: honey."


def test_an_unknown_list_is_told_with_those_that_are_there(household: Household):
    assert lists.tell(household, Request(name="camping")).reply == "You have no lists yet."
    lists.add(household, (), "books")
    assert lists.tell(household, Request(name="camping")).reply == "There is no camping list. You have: books."
    assert lists.remove(household, Request(("tent",), "camping")).reply == "Which list? You have: books."


@pytest.mark.parametrize(
    ("there", "name"),
    [("workout", "work"), ("barbecue", "bar"), ("shopping", "shop"), ("to do today", "to do"), ("boys", "boss")],
)
def test_a_name_that_only_begins_like_another_is_of_another_list(there: str, name: str, household: Household):
    lists.add(household, ("honey",), there)
    assert lists.remove(household, Request(name=name, whole=True)).reply == f"Which list? You have: {there}."
    assert lists.add(household, (), name).reply == f"I have made a list: {name}."


@pytest.mark.parametrize(
    ("there", "name"), [("dishes", "dish"), ("movie", "movies"), ("box", "boxes"), ("Toys", "toy"), ("boss", "bosses")]
)
def test_a_name_finds_its_plural_and_its_singular(there: str, name: str, household: Household):
    lists.add(household, ("honey",), there)
    lists.add(household, ("jam",), "camping")
    assert lists.tell(household, Request(name=name)).reply == f"Your {there} list: honey."


def test_what_is_added_to_no_list_in_particular_is_put_on_the_shopping_list(household: Household):
    lists.add(household, ("honey",), "shopping")
    lists.add(household, ("tent",), "camping")
    assert lists.add(household, ("eggs",), None).reply == "On your shopping list now: honey, eggs."


def test_names_with_wildcards_of_sql_find_nothing_else(household: Household):
    lists.add(household, ("honey",), "shopping")
    assert lists.tell(household, Request(name="%")).reply == "There is no % list. You have: shopping."


def test_an_item_is_taken_off(household: Household):
    lists.add(household, ("honey", "jam"), "shopping")
    lists.add(household, ("tent",), "camping")
    assert lists.remove(household, Request(("jam",))).reply == "Taken off: jam. Your shopping list: honey."
    assert (
        lists.remove(household, Request(("jam",), "shopping")).reply == "There is no jam on your shopping list: honey."
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("remove milk and eggs from my shopping list", "Taken off: milk and eggs. Your shopping list: bread."),
        ("take the milk off my shopping list", "Taken off: milk. Your shopping list: bread, eggs."),
        ("delete the milk and the eggs", "Taken off: milk and eggs. Your shopping list: bread."),
        ("remove some tea from my shopping list", "There is no tea on your shopping list: bread, milk, eggs."),
    ],
)
def test_items_are_found_as_they_were_added(message: str, expected: str, household: Household):
    lists.add(household, ("bread", "milk", "eggs"), "shopping")
    assert lists.remove(household, lists.read_removal(message)).reply == expected
    question = lists.read_question("is the bread on my shopping list")
    assert lists.tell(household, question).reply.startswith("Yes, that is on your shopping list")


def test_one_thing_with_an_and_stays_one(household: Household):
    lists.add(household, ("salt and pepper", "salt", "a tent"), "shopping")
    taken = lists.remove(household, Request(("salt and pepper",), "shopping")).reply
    assert taken == "Taken off: salt and pepper. Your shopping list: salt, a tent."
    assert lists.remove(household, Request(("the tent",))).reply == "Taken off: a tent. Your shopping list: salt."


def test_what_is_said_twice_is_added_once(household: Household):
    added = lists.add(household, ("soap", "Soap", "soap", "tea"), "shopping").reply
    assert added == "On your shopping list now: soap, tea."


def test_a_list_with_items_is_deleted_only_after_a_yes(household: Household):
    lists.add(household, ("honey",), "shopping")
    outcome = lists.remove(household, Request(name="shopping", whole=True))
    assert outcome.reply == "Shall I delete your shopping list: honey?"
    with household.store.session() as session:
        outcome.unsure.delete(session)
    assert lists.tell(household, Request()).reply == "You have no lists yet."


def test_what_was_made_can_be_taken_back(household: Household):
    lists.add(household, ("honey",), "shopping")
    made = lists.add(household, ("jam", "tea"), "shopping").made
    with household.store.session() as session:
        made.delete(session)
    assert lists.tell(household, Request()).reply == "Your shopping list: honey."
