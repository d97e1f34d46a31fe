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
        "turn off all lights excluding the kitchen",
        "turn off the lights without the kitchen",
        "turn off the lights and leave the hall light on",
        "turn off the lights in the kitchen and turn on the hall light",
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
        "a coffee without sugar",
        "i am leaving the house switch all lights off",
        "keep the light at 50 percent",
        "the lights are switched off please turn them on",
    ],
)
def test_what_can_be_done_at_once_is_not_refused(message: str, household: Household):
    assert home.refusal(household, message) is None


def test_a_question_switches_nothing(household: Household):
    home.switch_socket(household, "turn on the fan and the heater", True, None)
    assert home.tell_sockets(household, "is the smart plug on") == "The smart plug is off. Switched on: fan and heater."
    assert home.tell_cleaning(household, "is the vacuum running") == "The vacuum cleaner is not at work."


def test_what_is_to_stop_is_not_started(household: Household):
    home.clean(household, "vacuum the hall")
    assert home.clean(household, "stop the vacuum cleaner") == "The vacuum cleaner has stopped."
    assert home.tell_cleaning(household, "") == "The vacuum cleaner is not at work."
    assert home.brew(household, "no coffee please") == "No coffee is being brewed."
    assert home.brew(household, "make me a coffee no sugar please").startswith("One coffee is being brewed, your 1st")
    assert "cleaning the hall" in home.clean(household, "vacuum the hall from end to end")
    assert not home.is_question("how about vacuuming the living room")
    assert not home.is_question("is the tv off turn it on")


def test_the_plug_of_a_device_is_one(household: Household):
    assert home.switch_socket(household, "turn on the plug for the rice cooker", True, None).startswith(
        "The rice cooker is"
    )
    assert home.switch_socket(household, "the wemo smart plug", True, None).startswith("The wemo is")


@pytest.mark.parametrize("message", ["turn down the volume for 10 minutes", "set the volume to minus ten"])
def test_a_volume_that_cannot_be_is_not_set(message: str, household: Household):
    assert home.change_volume(household, message, -10) == "That I cannot do. The volume stays at 50 %."


def test_of_two_numbers_or_colours_the_one_after_to_is_meant(household: Household):
    assert home.change_volume(household, "lower the volume from 80 to 40 percent", -10).startswith("Volume 40 %.")
    assert "40 %" in home.light_dim(household, "dim the hall from eighty to forty percent")
    assert "33 %" in home.light_dim(household, "dim the hall light to a third")
    assert "blue" in home.light_colour(household, "change the light from red to blue in the hall", None)
    assert "red" in home.light_colour(household, "make the lights red, not blue, in the hall", None)
    assert "warm white" in home.light_colour(household, "from blue to a warm white in the hall", None)
