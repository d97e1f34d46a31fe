"""Finds the words about time in the midst of a message.

text2num turns number words into digits, dateparser reads days and durations, dateutil recurrences. What is done here is
what none of them does: find the words among others, and read the hour as it is spoken ("quarter to seven"). Days are in
day_words.py.
"""

import re
from datetime import date, datetime, time, timedelta

from text_to_num import alpha2digit

from assistant import day_words
from assistant.rules import DAY, HOURS_OF_PARTS, MONTH, UNIT, Found, Rules
from assistant.when import When

_HALF = r"(?: ?(?P<half>am|pm))"
_AT = r"(?:\b(?:at|by|around|about|until|till|for|from) )"
_FIRST = r"(?P<hour>\d{1,2})(?:[:. ](?P<minute>[0-5]\d))?(?: ?(?P<half>am|pm))?"
_LAST = r"(?P<end>\d{1,2})(?:[:. ][0-5]\d)?(?: ?(?P<end_half>am|pm))"
_TWELVE = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_FILLER = "at|on|in|by|for|from|to|of|the|this|please|it|an?|and|that|make|around|about|then|is|be|um|well"

_EXCEPTION = re.compile(r"\b(?:except|apart from|other than|excluding|unless)\b.*", re.IGNORECASE)

_NIGHT_OF_DAY = rf"\b(?:(?:tomorrow|yesterday|{DAY})(?:'s)? night|last night|night (?:of|on))\b"
_BOUND = r"\b(?:before|after|until|till|between|from (?=\d))\b"
# What may stand between a day and the stretch of days that it is of.
_BESIDE = rf"(?:\W|\b(?:on|in|at|of|the|by|\d+|[ap]m|{'|'.join(HOURS_OF_PARTS)})\b)*"
# Words about a day that no rule took, as another was there already; without "on" they may be of a title.
_LEFT = (
    r"(?<!from )(?<!between )\b(?:today|tomorrow|yesterday|weeks? from)\b"
    rf"|\b(?:on|next|this|by|and|or|not) (?P<day>{DAY})\b(?!')"
)
_STRETCH = r"\b(?:this|next|last|the) (?:week(?:end)?|month|year)\b"

_SPOKEN, _CLOCKS = Rules(), Rules()


def understand(message: str, now: datetime) -> When:
    """Finds what a message says about time.

    Args:
        message: What the user said.
        now: The present, in the user's time zone.
    """
    text, found = in_digits(message), Found()
    for pattern, read in [*day_words.UNCLEAR, *_SPOKEN, *day_words.RULES, *_CLOCKS]:
        for match in pattern.finditer(text):
            news = {name: value for name, value in read(match, now).items() if name not in found}
            if news:
                found |= news
                text = re.sub(r"\s+", " ", f"{text[: match.start()]} {text[match.end() :]}").strip(" ,")
                break
    excluded = found.pop("excluded", None)
    exception = _EXCEPTION.search(in_digits(message))
    if excluded or ("repeats" in found and exception):
        repeats = excluded and day_words.without(found.get("repeats"), excluded)
        found |= {"repeats": repeats} if repeats else {"unclear": exception[0] if exception else "but"}
    part, clock_said = found.get("part"), "clock" in found
    if clock_said and found.get("either_half") and part:
        found |= {"clock": _hour_in(part, found["clock"]), "either_half": False}
    elif part and not clock_said:
        found["clock"] = time(HOURS_OF_PARTS[part])
    if part == "night" and "day" in found and _after_midnight(found["day"], found["clock"], now, in_digits(message)):
        found["day"] += timedelta(days=1)
    if part and clock_said and not re.search(_BOUND, in_digits(message), re.IGNORECASE):
        found["part"] = None  # it has told which nine is meant
    if "day" in found:
        found |= _one_day(found["day"], found.get("days"), text, in_digits(message))
    alone = bool(found) and not re.sub(rf"\b(?:{_FILLER})\b|\W", "", text, flags=re.IGNORECASE)
    if "unclear" in found:  # what is left is half of what was said
        found = {"unclear": found["unclear"]}
    return When(**found, rest=text, alone=alone)


def in_digits(message: str) -> str:
    """The message with number words as digits, "p. m." as "pm", and nothing after its last word.

    "1,000", "2.5 million" and "two and a half" are one number each: 1000, 2500000 and 2.5.
    """
    message = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", message, flags=re.IGNORECASE)
    message = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message)
    message = re.sub(rf"(\d+(?:\.\d+)?) ({'|'.join(_SCALES)})\b", _multiplied, message, flags=re.IGNORECASE)
    # text2num would make the unit of time the 2nd too.
    second = rf"\b((?:the|{MONTH}) )?second\b(?! of (?:{MONTH}))"
    kept = re.sub(second, lambda found: found[0] if found[1] else "\N{DAGGER}", message, flags=re.IGNORECASE)
    digits = alpha2digit(kept, "en", threshold=0).replace("\N{DAGGER}", "second").strip(" .,?!")
    return re.sub(r"\b(\d+) and (?:a|1) half\b(?! of)", r"\1.5", digits)


def _multiplied(number: re.Match[str]) -> str:
    return f"{float(number[1]) * _SCALES[number[2].lower()]:.15g}"


@_SPOKEN.reads(
    rf"\b(?:from|between) {_FIRST} (?:to|until|till|and) {_LAST}?\b(?! (?:{UNIT}|percent)|%)",
    rf"{_AT}?\b(?<![\d-]){_FIRST} ?- ?{_LAST}\b",
    # Nobody says "nine to five" for nine minutes before five.
    rf"\b(?P<hour>\d?[1-46-9])(?P<minute>)(?P<half>) to {_LAST}?"
    rf"(?=$|[,.]| (?:on|in|at|every|each|today|tomorrow|tonight|this|next|please|{DAY})\b)",
)
def _stretch(match: re.Match[str], now: datetime) -> Found:
    """The first of two hours; "from seven to eight pm" begins at seven pm, "from eleven to one pm" at eleven am."""
    half, end_half = match["half"], match["end_half"]
    if end_half and not half:
        same = int(match["hour"]) % 12 < int(match["end"]) % 12
        half = end_half if same else {"am": "pm", "pm": "am"}[end_half.lower()]
    return _clock_of(match["hour"], match["minute"] or "0", half) if int(match["end"]) <= 24 else {}


@_SPOKEN.reads(
    r"(?:\b(?:at|by|for) )?(?:\ba )?\b(?P<minutes>half|quarter|\d{1,2})(?: minutes)? (?P<side>past|after|to|before)"
    rf" (?:(?P<hour>\d{{1,2}}){_HALF}?|(?P<twelve>{'|'.join(_TWELVE)}))\b"
)
def _spoken_clock(match: re.Match[str], now: datetime) -> Found:
    minutes = {"half": 30, "quarter": 15}.get(match["minutes"].lower()) or int(match["minutes"])
    found = (
        _clock_of(match["hour"], "0", match["half"]) if match["hour"] else {"clock": _TWELVE[match["twelve"].lower()]}
    )
    late = match["side"].lower() in ("past", "after")
    # "Two to three people", without the word minutes, is no time either.
    counted = late or minutes % 5 == 0 or "minutes" in match[0].lower()
    if not found or minutes > 59 or not counted:
        return {}
    at = datetime.combine(now, found["clock"]) + timedelta(minutes=minutes if late else -minutes)
    return found | {"clock": at.time()}


@_CLOCKS.reads(
    rf"{_AT}?\b(?P<hour>\d{{1,2}})(?:[: .]?(?P<minute>\d\d))?{_HALF}\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}}):(?P<minute>\d\d)\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}}) oh (?P<minute>\d){_HALF}?\b",
    r"\b(?:at|by|around|about|until|till) (?P<hour>\d{1,2})\.(?P<minute>[0-5]\d)\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}})(?: (?P<minute>[0-5]\d))? o'? ?clock\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}}) (?P<minute>[0-5]\d)\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}})(?= (?:(?:in the|at|this) )?(?:{'|'.join(HOURS_OF_PARTS)}|tonight)\b)",
    rf"\b(?:at|by|around|about|until|till) (?P<hour>\d{{1,2}})\b(?! (?:{UNIT}|percent)|%|\.\d)",
    # "An alarm for 7", and "9" in answer to "When?": at the end, or it counts something.
    r"\b(?:for|make (?:it|that)) (?P<hour>\d{1,2})(?:\.(?P<minute>[0-5]\d))?$",
    rf"^(?:(?:{_FILLER}|no|sorry|actually)\b[ ,]*)*(?P<hour>\d{{1,2}})(?:\.(?P<minute>[0-5]\d))?(?: please)?$",
)
def _clock(match: re.Match[str], now: datetime) -> Found:
    parts = match.groupdict()
    return _clock_of(parts["hour"], parts.get("minute") or "0", parts.get("half"))


@_CLOCKS.reads(rf"{_AT}?\b(?P<clock>{'|'.join(_TWELVE)})\b")
def _twelve(match: re.Match[str], now: datetime) -> Found:
    return {"clock": _TWELVE[match["clock"].lower()]}


@_CLOCKS.reads(
    rf"\b(?:(?:in|at|for|by) )?(?:(?P<this>this)|(?P<last>last)|the)? ?"
    rf"\b(?P<part>tonight|{'|'.join(HOURS_OF_PARTS)})\b"
)
def _part(match: re.Match[str], now: datetime) -> Found:
    part = match["part"].lower()
    day: Found = {"day": now.date()} if match["this"] or part == "tonight" else {}
    if match["last"]:
        day = {"day": now.date() - timedelta(days=1)}
    return {"part": "night" if part == "tonight" else part} | day


def _clock_of(hour: str, minute: str, half: str | None) -> Found:
    """Nothing where there is no such hour."""
    h, m = int(hour), int(minute)
    if h > 23 or m > 59 or (half and not 1 <= h <= 12):
        return {}
    if half:
        h = h % 12 + (12 if half.lower() == "pm" else 0)
    return {"clock": time(h, m), "either_half": not half and 1 <= h <= 12 and len(hour) == len(str(h))}


def _hour_in(part: str, clock: time) -> time:
    """Seven in the evening is 19:00; two at night is 02:00."""
    if part == "night" and clock.hour == 12:
        return clock.replace(hour=0)
    late = part in ("afternoon", "evening") or (part == "night" and clock.hour > 4)
    return clock.replace(hour=clock.hour % 12 + 12) if late else clock


def _one_day(day: date, days: tuple[date, date] | None, rest: str, message: str) -> Found:
    """The one day that is meant by several words, "friday next week"; a day that is left over makes it unclear."""
    left = re.search(_LEFT, rest, re.IGNORECASE)
    if left and (left["day"] or "").lower() != f"{day:%A}".lower():
        return {"unclear": left["day"] or left[0]}
    if days and not days[0] <= day <= days[1] and _beside(message):
        in_stretch = days[0] + timedelta(days=(day.weekday() - days[0].weekday()) % 7)
        named = re.search(rf"\b(?:{DAY})\b", message, re.IGNORECASE)
        if not named or in_stretch > days[1] or days[1] - days[0] > timedelta(days=6):
            return {"unclear": named[0] if named else "that day"}
        day = in_stretch
    return {"day": day, "days": (day, day)}


def _beside(message: str) -> bool:
    """Whether a day and a stretch of days stand side by side: "friday next week", not "on sunday ... for next week"."""
    day = rf"\b(?:{DAY})\b(?:'s)?"
    found = rf"{day}{_BESIDE}{_STRETCH}(?!')|{_STRETCH}(?!'){_BESIDE}{day}"
    return re.search(found, message, re.IGNORECASE) is not None


def _after_midnight(day: date, clock: time, now: datetime, message: str) -> bool:
    """Whether a time of a night is on the next day: "tonight at one", unless it is said at half past midnight."""
    return clock.hour < 5 and (
        clock <= now.time() if day == now.date() else bool(re.search(_NIGHT_OF_DAY, message, re.I))
    )
