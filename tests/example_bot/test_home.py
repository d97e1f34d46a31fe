import pytest

from assistant import home
from assistant.household import Household
from assistant.store import Store


def test_a_light_keeps_its_state_through_a_restart(household: Household):
    assert home.light_on(household, "turn on the kitchen lights") == (
        "The kitchen light is on, white, 100 %. Lights on: kitchen (white, 100 %)."
    )
    home.light_colour(household, "make the kitchen blue", None)
    home.light_dim(household, "dim the kitchen lights to thirty percent")
    again = Household(Store(household.store.path), household.zone)
    assert home.tell_lights(again, "is the kitchen light on") == "The kitchen light is on, blue, 30 %."
    assert home.tell_lights(again, "is the bedroom light on") == "The bedroom light is off."
    assert home.tell_lights(again, "which lights are on") == "Lights on: kitchen (blue, 30 %)."


def test_no_room_means_every_room(household: Household):
    assert home.light_on(household, "lights on").count("100 %") == len(home.ROOMS)
    assert home.light_off(household, "turn the lights off") == "Done in every room. All lights are off."


def test_a_new_room_is_remembered(household: Household):
    home.light_on(household, "turn on the light in the garage")
    assert "garage" in home.tell_lights(household, "which lights are on")
    assert "garage" in home.light_on(household, "all lights on")


def test_brightness(household: Household):
    def brightness(message: str) -> str:
        reply = (home.light_dim if "dim" in message else home.light_up)(household, message)
        return reply.split(",")[2].split(".")[0].strip()

    assert brightness("dim the hall to sixty percent") == "60 %"
    assert brightness("dim the hall") == "40 %"
    assert brightness("dim the hall a little") == "30 %"
    assert brightness("dim the hall by half") == "15 %"
    assert brightness("dim the hall by ninety percent") == "1 %"
    assert brightness("hall brighter by fifty percent") == "51 %"
    assert brightness("hall to full brightness") == "100 %"
    assert brightness("hall to 900 percent") == "100 %"


def test_volume(household: Household):
    assert home.change_volume(household, "volume up", 10) == "Volume 60 %. It was at 50 %."
    assert home.change_volume(household, "set the volume to five", 0) == "Volume 50 %. It was at 60 %."
    assert home.change_volume(household, "what is the volume at", 0) == "The volume is at 50 %."
    home.mute(household)
    assert home.change_volume(household, "what is the volume at", 0) == "The volume is at 50 %, muted."
    assert home.change_volume(household, "unmute", 10) == "The sound is on again, at 50 %."


def test_sockets_coffee_vacuum_and_player(household: Household):
    assert home.switch_socket(household, "turn on the fan", True, None) == "The fan is on. Switched on: fan."
    assert home.switch_socket(household, "turn on the fan", True, None) == "The fan is on already. Switched on: fan."
    assert home.switch_socket(household, "fan off", False, None) == "The fan is off. No socket is switched on."
    assert home.brew(household, "an espresso please") == "One espresso is being brewed, your 1st of today."
    assert home.brew(household, "coffee") == "One coffee is being brewed, your 2nd of today."
    assert (
        home.clean(household, "vacuum the hall and the kitchen")
        == "The vacuum cleaner is cleaning the hall and kitchen."
    )
    assert home.tell_playing(household) == "Nothing is playing."
    home.play(household, "jazz")
    assert home.tell_playing(household) == "That is jazz, at volume 50 %."


@pytest.mark.parametrize(
    "message",
    [
        "turn off all the lights except the kitchen",
        "turn off every light but the kitchen one",
        "do not turn off the kitchen lights",
        "please don't dim the lights",
        "dim the lights in ten minutes",
        "turn on the lights for ten minutes",
        "turn off the lights at nine pm",
        "turn off the lights at nine in the evening",
        "lights off tonight",
        "turn on the porch lights tomorrow",
        "run the robot vacuum cleaner every morning",
        "start the coffee maker every other day",
        "brighten bedroom 2",
    ],
)
def test_what_cannot_be_done_at_once_is_not_done(message: str, household: Household):
    assert home.refusal(household, message) == (
        "I can only switch at once, everything or what you name: nothing was changed."
    )


@pytest.mark.parametrize(
    "message",
    [
        "turn off the lights",
        "good night turn the lights off",
        "turn on the christmas lights",
        "get my morning coffee started",
        "dim the bedroom to twenty percent",
        "dim the bedroom 20 percent",
        "set the lights to fifty",
        "we don't need the living room light any more",
        "turn off the lights in the kitchen and the hall",
        "make two cups of coffee please",
    ],
)
def test_what_can_be_done_at_once_is_not_refused(message: str, household: Household):
    assert home.refusal(household, message) is None
