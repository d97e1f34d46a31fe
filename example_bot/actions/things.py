"""Lists, contacts, sums and the house."""

from typing import Any

from rasa_sdk.events import SlotSet

from actions.turn import Events, Turn, action, form
from assistant import contacts, home, lists, money, sums, units
from assistant.changes import NOTHING_DELETED, Outcome, is_spared


@form
def list_form(turn: Turn) -> dict[str, Any]:
    request = lists.read_addition(turn.message)
    if turn.asked is None:
        # No items are asked for where the list itself is wanted.
        return {
            "list_items": list(request.items) if request.items or request.whole else None,
            "list_target": request.name,
        }
    if turn.is_dialogue_act() or turn.is_question():
        return {}
    return {"list_items": list(request.items or lists.split_items(turn.message)) or None}


@action
def lists_createoradd(turn: Turn) -> Events:
    outcome = lists.add(turn.household, tuple(turn.slot("list_items")), turn.slot("list_target"))
    return [*turn.tell(outcome), SlotSet("list_items", None), SlotSet("list_target", None)]


@action
def lists_query(turn: Turn) -> Events:
    return turn.tell(lists.tell(turn.household, lists.read_question(turn.message)))


@action
def lists_remove(turn: Turn) -> Events:
    if is_spared(turn.message):
        return turn.tell(Outcome(NOTHING_DELETED))
    return turn.tell(lists.remove(turn.household, lists.read_removal(turn.message)))


@form
def contact_form(turn: Turn) -> dict[str, Any]:
    address = contacts.find_address(turn.message)
    name = contacts.find_name(turn.message)
    if turn.asked is None:
        return {"contact_name": name, "contact_email": address}
    if turn.is_dialogue_act() or turn.is_question():
        return {}
    if turn.asked == "contact_name":
        return {"contact_name": name or turn.message} | ({"contact_email": address} if address else {})
    if not address:
        turn.say('That is no email address. Say it as in "lucy at example dot com".')
    return {"contact_email": address}


@action
def email_addcontact(turn: Turn) -> Events:
    outcome = contacts.add(turn.household, turn.slot("contact_name"), turn.slot("contact_email"))
    return [*turn.tell(outcome), SlotSet("contact_name", None), SlotSet("contact_email", None)]


@action
def email_querycontact(turn: Turn) -> Events:
    return turn.tell(contacts.tell(turn.household, turn.message))


@action
def qa_maths(turn: Turn) -> Events:
    result = units.convert(turn.message) or sums.solve(turn.message)
    return turn.tell(Outcome(f"{result}." if result else "I can only work out sums and convert units."))


@action
def qa_currency(turn: Turn) -> Events:
    result = money.convert(turn.message)
    return turn.tell(
        Outcome(f"{result}." if result else "Between which currencies? I know those of the European Central Bank.")
    )


@action
def qa_factoid(turn: Turn) -> None:
    """Units and sums are answered; knowledge of the world is not here."""
    if result := units.convert(turn.message) or sums.solve(turn.message):
        turn.say(f"{result}.")
    else:
        turn.say(response="utter_qa_factoid")


@action
def cooking_query(turn: Turn) -> None:
    """Cups in a litre are answered; knowledge of cooking is not here."""
    if result := units.convert(turn.message):
        turn.say(f"{result}.")
    else:
        turn.say(response="utter_cooking_query")


@action
def home_control(turn: Turn) -> Events:
    house, message = turn.household, turn.message
    orders = {
        "iot_hue_lighton": lambda: home.light_on(house, message),
        "iot_hue_lightoff": lambda: home.light_off(house, message),
        "iot_hue_lightup": lambda: home.light_up(house, message),
        "iot_hue_lightdim": lambda: home.light_dim(house, message),
        "iot_hue_lightchange": lambda: home.light_colour(house, message, turn.entity("color_type")),
        "iot_wemo_on": lambda: home.switch_socket(house, message, True, turn.entity("device_type")),
        "iot_wemo_off": lambda: home.switch_socket(house, message, False, turn.entity("device_type")),
        "iot_cleaning": lambda: home.clean(house, message),
        "iot_coffee": lambda: home.brew(house, message),
        "audio_volume_up": lambda: home.change_volume(house, message, 10),
        "audio_volume_down": lambda: home.change_volume(house, message, -10),
        "audio_volume_other": lambda: home.change_volume(house, message, 0),
        "audio_volume_mute": lambda: home.mute(house),
    }
    states = {"iot_hue": home.tell_lights, "iot_wemo": home.tell_sockets, "iot_cleaning": home.tell_cleaning}
    tell = next((tell for kind, tell in states.items() if turn.intent.startswith(kind)), None)
    if tell and home.is_question(message):
        return turn.tell(Outcome(tell(house, message)))
    if turn.intent.startswith("iot") and (reason := home.refusal(house, message)):
        return turn.tell(Outcome(reason))
    return turn.tell(Outcome(orders[turn.intent]()))


@action
def play(turn: Turn) -> None:
    """Remembers what was asked for; the wording is the domain's."""
    names = ("song_name", "artist_name", "music_genre", "playlist_name", "podcast_name", "audiobook_name", "radio_name")
    found = [value for name in (*names, "game_name") if (value := turn.entity(name))]
    what = {"play_radio": "the radio", "play_podcasts": "a podcast", "play_audiobook": "an audiobook"}.get(turn.intent)
    home.play(turn.household, " by ".join(found[:2]) or what or "some music")
    turn.say(response=f"utter_{turn.intent}")


@action
def music_query(turn: Turn) -> Events:
    return turn.tell(Outcome(home.tell_playing(turn.household)))
