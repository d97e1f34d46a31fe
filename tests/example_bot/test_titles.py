from collections.abc import Callable

import pytest

from assistant.titles import title_of, words_asked_for
from assistant.when import When


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("remind me to water the plants tomorrow", "water the plants"),
        ("please remind me about the school play on monday", "school play"),
        ("schedule a call with the bank on tuesday at ten", "call with the bank"),
        ("add grandpa's birthday to my calendar on july fifth", "grandpa's birthday"),
        ("set a reminder for five p. m. to fetch the parcel", "fetch the parcel"),
        ("create an event for the street party on saturday", "street party"),
        ("please remember that i have a meeting with the team at four pm", "meeting with the team"),
        ("brunch with nora on sunday at eleven put it in my calendar", "brunch with nora"),
        ("open the calendar and schedule a car inspection on the twelfth", "car inspection"),
        ("add an event to my calendar", None),
        ("set a reminder for tomorrow", None),
        ("tomorrow at nine", None),
        ("dentist", "dentist"),
    ],
)
def test_title(message: str, title: str | None, when: Callable[[str], When]):
    assert title_of(when(message).rest) == title


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("what is on my calendar for monday", ""),
        ("when is my dentist appointment", "dentist appointment"),
        ("delete the street party on saturday", "street party"),
        ("do i have anything planned tomorrow evening", ""),
        ("clear my schedule for friday", ""),
    ],
)
def test_words_that_may_stand_in_a_title(message: str, words: str, when: Callable[[str], When]):
    assert words_asked_for(when(message).rest) == words
