"""Finds the words about time in the midst of a message.

text2num turns number words into digits, dateparser reads days and durations, dateutil recurrences. What is done here is
what none of them does: find the words among others, and read the hour as it is spoken ("quarter to seven").
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import dateparser
from dateutil.easter import easter
from dateutil.rrule import MONTHLY, rrule
from text_to_num import alpha2digit

from assistant.when import When

_DAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_UNIT = "second|minute|hour|day|week|month|year"
_LENGTH = rf"(?:\d+(?:\.\d+)?|half an?|an?) (?:{_UNIT})s?(?: and a half|(?: and)? \d+ (?:{_UNIT})s?)?"
_HALF = r"(?: ?(?P<half>am|pm))"
_AT = r"(?:\b(?:at|by|around|about|until|till|for|from) )"
# The hour meant by a part of the day that comes without one.
_HOUR = {"morning": 9, "afternoon": 15, "evening": 19, "night": 21}
_HOLIDAYS = {"christmas": (12, 25), "christmas eve": (12, 24), "new year": (1, 1), "new year's eve": (12, 31)}
_HOLIDAYS |= {"halloween": (10, 31), "valentine's day": (2, 14)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_FILLER = "at|on|in|by|for|from|to|of|the|this|please|it|an?|and|that|make|around|about|then|is|be|um|well"

Found = dict[str, Any]  # fields of When
Reader = Callable[[re.Match[str], datetime], Found]
_RULES: list[tuple[re.Pattern[str], Reader]] = []


def understand(message: str, now: datetime) -> When:
    """Finds what a message says about time.

    Args:
        message: What the user said.
        now: The present, in the user's time zone.
    """
    text, found = in_digits(message), Found()
    for pattern, read in _RULES:
        for match in pattern.finditer(text):
            news = {name: value for name, value in read(match, now).items() if name not in found}
            if news:
                found |= news
                text = re.sub(r"\s+", " ", f"{text[: match.start()]} {text[match.end() :]}").strip(" ,")
                break
    part = found.get("part")
    if "clock" in found and found.get("either_half") and part:
        found |= {"clock": _hour_in(part, found["clock"]), "either_half": False}
    elif part and "clock" not in found:
        found["clock"] = time(_HOUR[part])
    if part == "night" and found.get("day") == now.date() and _after_midnight(found["clock"], now):
        found |= {"day": now.date() + timedelta(days=1), "part": None}
    if "day" in found:
        found["days"] = (found["day"], found["day"])
    alone = bool(found) and not re.sub(rf"\b(?:{_FILLER})\b|\W", "", text, flags=re.IGNORECASE)
    return When(**found, rest=text, alone=alone)


def in_digits(message: str) -> str:
    """The message with number words as digits, "p. m." as "pm", and nothing after its last word.

    "1,000", "2.5 million" and "two and a half" are one number each: 1000, 2500000 and 2.5.
    """
    message = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", message, flags=re.IGNORECASE)
    message = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message)
    message = re.sub(rf"(\d+(?:\.\d+)?) ({'|'.join(_SCALES)})\b", _multiplied, message, flags=re.IGNORECASE)
    # text2num would make the unit of time the 2nd.
    kept = re.sub(r"(?<!\bthe )\bsecond\b", "\N{DAGGER}", message)
    digits = alpha2digit(kept, "en", threshold=0).replace("\N{DAGGER}", "second").strip(" .,?!")
    return re.sub(r"\b(\d+) and (?:a|1) half\b(?! of)", r"\1.5", digits)


def _multiplied(number: re.Match[str]) -> str:
    return f"{float(number[1]) * _SCALES[number[2].lower()]:.15g}"


def _reads(*patterns: str) -> Callable[[Reader], Reader]:
    """Adds rules; they are tried in the order in which they stand here: what is longer or surer comes first."""

    def add(read: Reader) -> Reader:
        _RULES.extend((re.compile(pattern, re.IGNORECASE), read) for pattern in patterns)
        return read

    return add


@_reads(r"\b(?:on )?the (?P<day>\d{1,2})(?:st|nd|rd|th) of (?:every|each) month\b")
def _monthly(match: re.Match[str], now: datetime) -> Found:
    return {"repeats": f"FREQ=MONTHLY;BYMONTHDAY={match['day']}"} if 1 <= int(match["day"]) <= 31 else {}


@_reads(
    rf"\b(?:every|each) (?P<unit>day|weekday|weekend|week|month|year|morning|afternoon|evening|night|{_DAY})\b"
    rf"|\b(?:on )?(?P<plural>weekday|weekend|{_DAY})s\b|\b(?P<kind>weekday|weekend)(?= (?:alarm|reminder)s?\b)"
    r"|\b(?P<adverb>daily|weekly|monthly|yearly)\b"
)
def _recurrence(match: re.Match[str], now: datetime) -> Found:
    what = next(filter(None, match.groups())).lower()
    if what in _HOUR:
        return {"repeats": "FREQ=DAILY", "part": what}
    by_day = {"weekday": "MO,TU,WE,TH,FR", "weekend": "SA,SU"}.get(what, what[:2].upper())
    frequency = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}.get(what, what.upper())
    return {"repeats": f"FREQ={frequency}" if frequency.endswith("LY") else f"FREQ=WEEKLY;BYDAY={by_day}"}


@_reads(rf"\b(?:in (?P<length>{_LENGTH})|(?P<length2>{_LENGTH}) from now)\b")
def _duration(match: re.Match[str], now: datetime) -> Found:
    words = (match["length"] or match["length2"]).lower()
    words = re.sub(r"\bhalf an?\b", "0.5", words)
    words = re.sub(r"^an?\b", "1", words)
    words = re.sub(r"^(\d+) (\w+) and a half$", r"\1.5 \2", words).replace(" and ", " ")
    base = now.replace(tzinfo=None)
    end = _parse(f"in {words}", base)
    if end is None:
        return {}
    if re.search("day|week|month|year", words):
        return {"day": end.date()}
    # Counted in the flow of time: across the change to summer time the clock on the wall tells another length.
    moment = datetime.fromtimestamp(now.timestamp() + (end - base).total_seconds(), now.tzinfo)
    return {"moment": moment.replace(microsecond=0)}


@_reads(
    r"(?:\b(?:at|by|for) )?(?:\ba )?\b(?P<minutes>half|quarter|\d{1,2})(?: minutes)? (?P<side>past|after|to|before)"
    rf" (?P<hour>\d{{1,2}}){_HALF}?\b"
)
def _spoken_clock(match: re.Match[str], now: datetime) -> Found:
    minutes = {"half": 30, "quarter": 15}.get(match["minutes"].lower()) or int(match["minutes"])
    found = _clock_of(match["hour"], "0", match["half"])
    if not found or minutes > 59:
        return {}
    late = match["side"].lower() in ("past", "after")
    at = datetime.combine(now, found["clock"]) + timedelta(minutes=minutes if late else -minutes)
    return found | {"clock": at.time()}


@_reads(
    rf"(?:\b(?:on|for) )?\b(?P<day>\d{{4}}-\d\d-\d\d|(?:{_MONTH}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?"
    rf"|(?:the )?\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTH})(?:,? \d{{4}})?)\b(?! ?[ap]m\b)"
)
def _date(match: re.Match[str], now: datetime) -> Found:
    # The end of yesterday: counted from today, a date that is today would be taken for next year's.
    yesterday = datetime.combine(now, time()) - timedelta(seconds=1)
    words = re.sub(r"\b(?:of|the) ", "", match["day"].lower())
    parsed = _parse(words, yesterday)
    return {"day": parsed.date()} if parsed else {}


@_reads(rf"(?:\b(?:on|for) )?(?:\bthe )?\b(?P<day>{'|'.join(sorted(_HOLIDAYS, reverse=True))}|easter)(?: day)?\b")
def _holiday(match: re.Match[str], now: datetime) -> Found:
    name, today = match["day"].lower(), now.date()
    month_day = _HOLIDAYS.get(name)
    years = (today.year, today.year + 1)
    days = [date(year, *month_day) if month_day else easter(year) for year in years]
    return {"day": next(day for day in days if day >= today)}


@_reads(r"(?:\b(?:on|for) )?\bthe (?P<day>\d{1,2})(?:st|nd|rd|th)\b|\b(?:on|for) (?P<day2>\d{1,2})(?:st|nd|rd|th)\b")
def _day_of_month(match: re.Match[str], now: datetime) -> Found:
    number = int(match["day"] or match["day2"])
    if not 1 <= number <= 31:
        return {}
    first = rrule(MONTHLY, bymonthday=number, dtstart=datetime.combine(now, time()), count=1)
    return {"day": first[0].date()}


@_reads(r"(?:\b(?:on|for) )?(?:\bthe )?\b(?P<day>day after tomorrow|today|tomorrow|yesterday)(?:'s)?\b")
def _near_day(match: re.Match[str], now: datetime) -> Found:
    ahead = {"today": 0, "tomorrow": 1, "day after tomorrow": 2, "yesterday": -1}[match["day"].lower()]
    return {"day": now.date() + timedelta(days=ahead)}


@_reads(rf"(?:\b(?:on|for) )?\b(?:(?:this|next|coming) )?(?P<day>{_DAY})(?:'s)?\b")
def _weekday(match: re.Match[str], now: datetime) -> Found:
    parsed = _parse(match["day"].lower(), datetime.combine(now, time()))
    return {"day": parsed.date()} if parsed else {}


@_reads(r"(?:\b(?:on|for) )?\b(?:(?P<which>this|next|the) (?P<what>week(?:end)?))\b")
def _week(match: re.Match[str], now: datetime) -> Found:
    today = now.date()
    monday = today - timedelta(days=today.weekday())
    if match["which"].lower() == "next":
        monday += timedelta(days=7)
    first = monday + timedelta(days=5 if match["what"].lower() == "weekend" else 0)
    return {"days": (max(first, today), monday + timedelta(days=6))}


@_reads(rf"\b(?:in |for )?(?:(?P<which>this|next|the) month|(?:in|for) (?P<name>{_MONTH}))\b")
def _month(match: re.Match[str], now: datetime) -> Found:
    today = now.date()
    first = today.replace(day=1)
    if match["name"]:
        parsed = _parse(f"{match['name']} 28", datetime.combine(first, time()) - timedelta(seconds=1))
        if parsed is None:
            return {}
        first = parsed.date().replace(day=1)
    elif match["which"].lower() == "next":
        first = _first_of_next_month(first)
    return {"days": (max(first, today), _first_of_next_month(first) - timedelta(days=1))}


@_reads(
    rf"{_AT}?\b(?P<hour>\d{{1,2}})(?:[: .]?(?P<minute>\d\d))?{_HALF}\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}}):(?P<minute>\d\d)\b",
    r"\b(?:at|by|around|about|until|till) (?P<hour>\d{1,2})\.(?P<minute>[0-5]\d)\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}})(?: (?P<minute>[0-5]\d))? o'? ?clock\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}}) (?P<minute>[0-5]\d)\b",
    rf"{_AT}?\b(?P<hour>\d{{1,2}})(?= (?:(?:in the|at|this) )?(?:{'|'.join(_HOUR)}|tonight)\b)",
    rf"\b(?:at|by|around|about|until|till) (?P<hour>\d{{1,2}})\b(?! (?:{_UNIT}|percent)|%|\.\d)",
    # "An alarm for 7", and "9" in answer to "When?": at the end, or it counts something.
    r"\b(?:for|make (?:it|that)) (?P<hour>\d{1,2})(?:\.(?P<minute>[0-5]\d))?$",
    rf"^(?:(?:{_FILLER}|no|sorry|actually)\b[ ,]*)*(?P<hour>\d{{1,2}})(?:\.(?P<minute>[0-5]\d))?(?: please)?$",
)
def _clock(match: re.Match[str], now: datetime) -> Found:
    parts = match.groupdict()
    return _clock_of(parts["hour"], parts.get("minute") or "0", parts.get("half"))


@_reads(rf"{_AT}?\b(?P<clock>noon|midday|midnight)\b")
def _twelve(match: re.Match[str], now: datetime) -> Found:
    return {"clock": time(0 if match["clock"].lower() == "midnight" else 12)}


@_reads(rf"\b(?:(?:in|at|for|by) )?(?:(?P<this>this)|the)? ?\b(?P<part>tonight|{'|'.join(_HOUR)})\b")
def _part(match: re.Match[str], now: datetime) -> Found:
    part = match["part"].lower()
    today = {"day": now.date()} if match["this"] or part == "tonight" else {}
    return {"part": "night" if part == "tonight" else part} | today


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


def _after_midnight(clock: time, now: datetime) -> bool:
    """Whether a time of this night is on the next day: "tonight at one", unless it is said at half past midnight."""
    return clock.hour < 5 and clock <= now.time()


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _parse(words: str, base: datetime) -> datetime | None:
    return dateparser.parse(words, languages=["en"], settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "future"})
