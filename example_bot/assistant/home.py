"""The house: lights, sockets, vacuum, coffee machine, speaker, player. Their state is stored; nothing is switched."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from assistant.changes import enumerate_words
from assistant.household import Household
from assistant.rules import EXCEPTION, HOURS_OF_PARTS, LENGTH, NOT, UNIT
from assistant.store import Device
from assistant.time_words import in_digits, understand
from assistant.when import ordinal

State = dict[str, Any]

# Rooms with a light from the start; another is added when it is spoken of.
ROOMS = ("living room", "kitchen", "bedroom", "bathroom", "hall", "office")
_OTHER_ROOMS = (
    "dining room",
    "garage",
    "basement",
    "hallway",
    "porch",
    "attic",
    "garden",
    "stairs",
    "kids room",
    "study",
)
_LIGHT: State = {"on": False, "brightness": 100, "colour": "white"}
_SPEAKER: State = {"volume": 50, "muted": False}
_COLOURS = (
    "warm white", "white", "red", "green", "blue", "yellow", "orange", "purple", "violet", "pink", "gold", "turquoise"
)  # fmt: skip
_SOCKETS = "smart plug|smart socket|wemo plug|wemo socket|plug socket|wemo|plug|socket|outlet|fan|heater|oven|tv|iron"
_SOCKETS += "|washing machine|rice cooker|air conditioner"
_DRINKS = "espresso|latte macchiato|latte|cappuccino|americano|black coffee|strong coffee|coffee"
_STEP = 20
_AT_ONCE = "I can only switch at once, everything or what you name: nothing was changed."
_NOT = (
    rf"{NOT}(?:turn|switch|shut|put|dim|darken|brighten|make|change|set|lower"
    r"|raise|kill|cut|start|stop|use|touch|run|brew|vacuum|clean)\b"
)
_LATER = rf"\bfor {LENGTH}\b|\b(?:tonight|(?:in the|at|this|every|each|tomorrow) (?:{'|'.join(HOURS_OF_PARTS)}))\b"
# "How about vacuuming" and "is the tv off, turn it on" are orders.
_QUESTION = (
    r"\W*(?:olly )?(?!(?:how|what) about|what an? |is it possible|are you able)"
    r"(?:is|are|which|what|how|do i have|did)\b(?!.*\b(?:turn|switch) (?:it|them) )"
)
_NO_COFFEE = (
    r"^(?:please |olly )*(?:no(?: more)?|stop(?: (?:making|brewing))?|cancel)(?: (?:the|my))? coffee\b(?! left)"
)
_STOP = r"^(?:please |olly |can you |could you )*(?:stop|halt|pause|end)\b(?! by)|\b(?:turn|switch|shut)(?: \w+)* off\b"
# These name no time: "good night, turn off the christmas lights".
_NO_TIME = r"\b(?:good|my) (?:morning|afternoon|evening|night)\b|\b(?:christmas|easter|halloween|night)(?= lights?\b)"


def is_question(message: str) -> bool:
    """Whether it asks for a state ("are the lights on") instead of giving an order."""
    return re.match(_QUESTION, message, re.IGNORECASE) is not None


def refusal(household: Household, message: str) -> str | None:
    """Why an order is not done: done by half it would be another one. None where nothing speaks against it."""
    words = re.sub(_NO_TIME, "", in_digits(message).lower())
    numbered = rf"\b(?:{'|'.join((*ROOMS, *_OTHER_ROOMS))}) \d+\b(?! ?(?:percent|%))"
    if re.search(rf"{EXCEPTION}|{_NOT}|{_LATER}|{numbered}", words):
        return _AT_ONCE
    if {"on", "off"} <= set(re.findall(r"\b(?:turn|switch)\b.*?\b(on|off)\b", words)):
        return _AT_ONCE
    now = household.now()
    when = understand(words, now)
    if when.unclear or when.moment or when.repeats or (when.clock and not when.part):
        return _AT_ONCE
    return _AT_ONCE if when.days and when.days != (now.date(), now.date()) else None


def tell_lights(household: Household, message: str) -> str:
    """The state of the lights that are named, or of all that are on."""
    with household.store.session() as session:
        rooms = _rooms(message)
        if rooms:
            return _sentence(_show_light(room, _device(session, _key(room), _LIGHT)) for room in rooms)
        return _lights_on(session)


def light_on(household: Household, message: str) -> str:
    return _lights(household, message, lambda light: light | {"on": True})


def light_off(household: Household, message: str) -> str:
    return _lights(household, message, lambda light: light | {"on": False})


def light_up(household: Household, message: str) -> str:
    return _lights(household, message, lambda light: light | {"on": True, "brightness": _level(message, light, _STEP)})


def light_dim(household: Household, message: str) -> str:
    return _lights(household, message, lambda light: light | {"on": True, "brightness": _level(message, light, -_STEP)})


def light_colour(household: Household, message: str, colour: str | None) -> str:
    """Changes the colour, or the brightness where the message has a number and no colour."""
    words = re.sub(r"\b(?:instead of|rather than|not|no more) (?:an? |the )?\w+", "", message.lower())
    all_named = list(re.finditer(rf"\b(?:{'|'.join(_COLOURS)})\b", words))
    of_target = [name[0] for name in all_named if re.search(r"\bto (?:an? )?$", words[: name.start()])]
    named = next(iter(of_target), all_named[-1][0] if all_named else colour)
    if named:
        return _lights(household, message, lambda light: light | {"on": True, "colour": named})
    if re.search(r"\d", in_digits(message)):
        return light_up(household, message)
    return f"Which colour? I know {enumerate_words(sorted(_COLOURS))}."


def switch_socket(household: Household, message: str, on: bool, device: str | None) -> str:
    """Switches the sockets, or the devices on them, that the message names."""
    names = _sockets(message, device)
    with household.store.session() as session:
        again = " already" if all(_device(session, _socket(name), {"on": False})["on"] == on for name in names) else ""
        for name in names:
            _set(session, _socket(name), {"on": on})
        verb = "is" if len(names) == 1 else "are"
        return f"The {enumerate_words(names)} {verb} {_on(on)}{again}. {_sockets_on(session)}"


def tell_sockets(household: Household, message: str) -> str:
    """Whether the sockets that are named are on, and which are."""
    with household.store.session() as session:
        states = {name: _device(session, _socket(name), {"on": False})["on"] for name in _sockets(message, None)}
        return f"{_sentence(f'the {name} is {_on(on)}' for name, on in states.items())} {_sockets_on(session)}"


def _sockets(message: str, device: str | None) -> list[str]:
    named = list(dict.fromkeys(re.findall(rf"\b(?:{_SOCKETS})\b", message.lower())))
    # "The plug for the iron" is one.
    named = [name for name in named if not re.search("plug|socket|outlet|wemo", name)] or named[:1]
    return named if len(named) > 1 else [device or (named[0] if named else "smart plug")]


def _sockets_on(session: Session) -> str:
    devices = session.scalars(select(Device).where(Device.name.like("socket/%")).order_by(Device.name)).all()
    running = [row.name.removeprefix("socket/") for row in devices if row.value["on"]]
    return f"Switched on: {enumerate_words(running)}." if running else "No socket is switched on."


def change_volume(household: Household, message: str, step: int) -> str:
    """Sets the volume as a number in the message says, else by a step; zero lets the message alone decide."""
    with household.store.session() as session:
        speaker = _device(session, "speaker", _SPEAKER)
        digits = in_digits(message)
        if "unmute" in digits.lower():
            _set(session, "speaker", speaker | {"muted": False})
            return f"The sound is on again, at {speaker['volume']} %."
        if re.search(rf"\b(?:minus|negative) \d|(?<!\d)-\d|\bfor \d+(?:\.\d+)? (?:{UNIT})s?\b", digits.lower()):
            return f"That I cannot do. The volume stays at {_show_volume(speaker)}."
        if not step and not re.search(r"\d|half|full|max|min", digits):
            return f"The volume is at {_show_volume(speaker)}."
        level = _level(message, {"brightness": speaker["volume"]}, step or _STEP, least=0, scale_of_ten=True)
        _set(session, "speaker", {"volume": level, "muted": False})
        return f"Volume {level} %. It was at {_show_volume(speaker)}."


def mute(household: Household) -> str:
    with household.store.session() as session:
        speaker = _device(session, "speaker", _SPEAKER)
        _set(session, "speaker", speaker | {"muted": True})
        return f"Muted. The volume stays at {speaker['volume']} % for later."


def clean(household: Household, message: str) -> str:
    """Starts the vacuum cleaner in the rooms that are named, or stops it."""
    where = enumerate_words(_rooms(message)) if _rooms(message) else "whole house"
    with household.store.session() as session:
        former = _device(session, "vacuum", {"cleaning": None})["cleaning"]
        if re.search(_STOP, message.lower()):
            _set(session, "vacuum", {"cleaning": None})
            return "The vacuum cleaner has stopped." if former else "The vacuum cleaner is not at work."
        _set(session, "vacuum", {"cleaning": where})
        before = f" It was at work in the {former} before." if former and former != where else ""
        return f"The vacuum cleaner is cleaning the {where}.{before}"


def tell_cleaning(household: Household, message: str) -> str:
    with household.store.session() as session:
        where = _device(session, "vacuum", {"cleaning": None})["cleaning"]
        return f"The vacuum cleaner is {f'cleaning the {where}' if where else 'not at work'}."


def brew(household: Household, message: str) -> str:
    """Brews, and counts the cups of the day."""
    if re.search(_NO_COFFEE, message.lower()):
        return "No coffee is being brewed."
    found = re.search(rf"\b(?:{_DRINKS})\b", message.lower())
    drink, today = (found[0] if found else "coffee"), household.now().date().isoformat()
    with household.store.session() as session:
        machine = _device(session, "coffee machine", {"day": today, "cups": 0})
        cups = machine["cups"] + 1 if machine["day"] == today else 1
        _set(session, "coffee machine", {"day": today, "cups": cups})
        return f"One {drink} is being brewed, your {ordinal(cups)} of today."


def play(household: Household, what: str) -> None:
    """Remembers what is playing."""
    with household.store.session() as session:
        _set(session, "player", {"playing": what})


def tell_playing(household: Household) -> str:
    with household.store.session() as session:
        playing = _device(session, "player", {"playing": None})["playing"]
        speaker = _device(session, "speaker", _SPEAKER)
        return f"That is {playing}, at volume {_show_volume(speaker)}." if playing else "Nothing is playing."


def _lights(household: Household, message: str, change: Callable[[State], State]) -> str:
    """Changes the lights of the rooms named, or all lights, and tells their state."""
    with household.store.session() as session:
        rooms = _rooms(message)
        for room in rooms or _all_rooms(session):
            _set(session, _key(room), change(_device(session, _key(room), _LIGHT)))
        session.flush()
        if not rooms:
            return f"Done in every room. {_lights_on(session)}"
        changed = _sentence(_show_light(room, _device(session, _key(room), _LIGHT)) for room in rooms)
        return f"{changed} {_lights_on(session)}"


def _lights_on(session: Session) -> str:
    states = {room: _device(session, _key(room), _LIGHT) for room in _all_rooms(session)}
    burning = [f"{room} ({_show(state)})" for room, state in states.items() if state["on"]]
    return f"Lights on: {', '.join(burning)}." if burning else "All lights are off."


def _all_rooms(session: Session) -> list[str]:
    known = session.scalars(select(Device.name).where(Device.name.like("light/%")).order_by(Device.name)).all()
    return [*ROOMS, *(room for name in known if (room := name.removeprefix("light/")) not in ROOMS)]


def _rooms(message: str) -> list[str]:
    """The rooms that a message names, in its order."""
    words = message.lower().replace("'", "")
    places = {words.find(room): room for room in (*ROOMS, *_OTHER_ROOMS) if re.search(rf"\b{room}\b", words)}
    return [room for _, room in sorted(places.items())]


def _level(message: str, state: State, step: int, least: int = 1, scale_of_ten: bool = False) -> int:
    """The level meant, from `least` to 100: "to thirty percent", "by ten", "by half", "to full", else one step."""
    words, now = in_digits(message).lower(), state["brightness"]
    numbers = list(re.finditer(r"(?P<by>\bby )?\b(?P<n>\d+)(?!\d|st|nd|rd|th)(?: ?(?P<percent>percent|%))?", words))
    targets = [number for number in numbers if words[: number.start()].endswith("to ")]  # "from 80 to 40"
    if number := next(iter(targets or numbers), None):
        amount = int(number["n"])
        if scale_of_ten and amount <= 10 and not number["percent"]:
            amount *= 10  # "volume to five" is on a scale of ten
        level = now + (amount if step > 0 else -amount) if number["by"] else amount
    elif re.search(r"\bby half\b", words):
        level = now * 3 // 2 if step > 0 else now // 2
    elif re.search(r"\bhalf\b", words):
        level = 50
    elif part := re.search(r"\bto (?:a|1) (?P<part>3rd|third|quarter)\b", words):
        level = 25 if part["part"] == "quarter" else 33
    elif re.search(r"\b(?:full|max\w*)\b", words):
        level = 100
    elif re.search(r"\bmin\w*\b", words):
        level = least
    elif re.search(r"\b(?:a (?:little|bit|notch|touch)|slightly)\b", words):
        level = now + step // 2
    else:
        level = now + step
    return max(least, min(100, level))


def _device(session: Session, name: str, unknown: State) -> State:
    device = session.get(Device, name)
    return device.value if device else unknown


def _set(session: Session, name: str, value: State) -> None:
    session.merge(Device(name=name, value=value))


def _key(room: str) -> str:
    return f"light/{room}"


def _socket(name: str) -> str:
    return f"socket/{name}"


def _show_light(room: str, light: State) -> str:
    return f"the {room} light is {'on, ' + _show(light) if light['on'] else 'off'}"


def _show(light: State) -> str:
    return f"{light['colour']}, {light['brightness']} %"


def _show_volume(speaker: State) -> str:
    return f"{speaker['volume']} %" + (", muted" if speaker["muted"] else "")


def _sentence(parts: Any) -> str:
    words = enumerate_words(list(parts))
    return f"{words[0].upper()}{words[1:]}."


def _on(on: bool) -> str:
    return "on" if on else "off"
