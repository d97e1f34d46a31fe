from pathlib import Path

import pytest
import yaml

from assistant.dialogue_acts import act_of, correction

NLU = Path(__file__).parents[2] / "example_bot" / "data" / "nlu"


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("Never mind.", "cancel"),
        ("cancel that please", "cancel"),
        ("Stop!", "cancel"),
        ("yes", "affirm"),
        ("Yes, please do it", "affirm"),
        ("ok", "affirm"),
        ("no", "deny"),
        ("No, thanks", "deny"),
        ("no, make it ten", "correct"),
        ("i meant saturday", "correct"),
        ("sorry, i said margarine", "correct"),
        ("actually at eight", "correct"),
        ("make that half past nine", "correct"),
        ("no tomorrow", "correct"),
        ("actually play some rock", None),
        ("make it louder please", None),
        ("no alarm tomorrow please", None),
        ("cancel my alarm for six", None),
        ("tomorrow at nine", None),
        ("", None),
    ],
)
def test_act(message: str, act: str | None):
    assert act_of(message) == act


def test_no_example_of_an_intent_is_taken_for_an_act():
    for file in NLU.glob("*.yml"):
        for entry in yaml.safe_load(file.read_text("utf-8"))["nlu"]:
            texts = [line.removeprefix("- ") for line in entry["examples"].splitlines()]
            assert {text: act for text in texts if (act := act_of(text))} == {}


def test_what_a_correction_says():
    assert correction("no, I meant saturday") == "saturday"
    assert correction("no, make it ten") == "ten"
    assert correction("change it from nine am to half past ten") == "half past ten"
    assert correction("play some jazz") is None
