"""Words about days: recurrences, dates, "in two weeks", "next friday"."""

import re
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import dateparser
from dateutil.easter import easter
from dateutil.rrule import MONTHLY, rrule, weekday, weekdays

from assistant.rules import DAY, HOURS_OF_PARTS, LENGTH, MONTH, UNIT, Found, Rules, unclear

UNCLEAR, RULES = Rules(), Rules()

_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_YEAR = r"(?:19|20)\d\d"
_CLOCK = r"\d{1,2}(?:[: ][0-5]\d)?(?: ?[ap]m)?"
_AND = r"(?:,? and |, | & )(?:(?:every|each|on) )*"
_DAYS = rf"(?:{DAY}|weekend)s?(?:(?:{_AND}| or )(?:{DAY})s?)*"
_HOLIDAYS = {"christmas": (12, 25), "christmas eve": (12, 24), "new year": (1, 1), "new year's eve": (12, 31)}
_HOLIDAYS |= {"halloween": (10, 31), "valentine's day": (2, 14)}
# Two numbers with a slash that are no day of a month unless "on" or "for" stands before them.
_NO_DATES = {"1/2", "1/3", "2/3", "1/4", "3/4", "24/7"}

# What is too much for one time: two of them, a time counted from something else, every other day.
UNCLEAR.reads(
    rf"\b(?:every|each) (?:(?:other|alternate) (?:{UNIT}|weekday|weekend|{DAY})|second (?:{UNIT}|{DAY})"
    rf"|(?:few|\d+) (?:{UNIT})s|hour|minute|{_ORDINAL}(?: (?:{DAY}|day|week|month|year))?)\b",
    rf"\b(?:hourly|(?:once|twice|\d+ times) an? (?:{UNIT}))\b",
    rf"\b(?:the )?(?:{_ORDINAL}|first|second|last) (?:{DAY}|day|weekday|weekend|week) (?:of|in)\b"
    rf"(?: (?:the|this|next|last|each|every|month|year|{MONTH})\b)*",
    r"\b(?:the|an?|\d+) (?:day|night|evening|morning|week|month|year)s? (?:before|after)\b"
    r"(?! (?:tomorrow|yesterday)\b)",
    r"\b(?:half an?|an?|\d+) hours? (?:before|after)\b|\b\d+ minutes (?:before|after)\b(?! \d)",
    rf"\bthe {_ORDINAL} (?:and|or|to|through|until|till) (?:the )?{_ORDINAL}\b",
    rf"\b(?:{MONTH}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)? (?:and|or|to|through|until|till) "
    r"(?:the )?\d{1,2}(?:st|nd|rd|th)?\b(?! ?(?:[ap]m\b|:))",
    rf"\b(?:at|for|by) {_CLOCK} (?:and|or) (?:(?:at|for) )?{_CLOCK}"
    rf"(?=$|[,.]| (?:on|in|at|every|each|today|tomorrow|tonight|please|{DAY})\b)",
    r"\b(?:on|for) (?:the )?(?:3[2-9]|[4-9]\d)(?:st|nd|rd|th)\b|\bthe (?:3[2-9]|[4-9]\d)(?:st|nd|rd|th)(?= at\b|$)",
)(unclear)


@RULES.reads(r"\b(?:on )?the (?P<day>\d{1,2})(?:st|nd|rd|th) of (?:every|each) month\b")
def _monthly(match: re.Match[str], now: datetime) -> Found:
    return {"repeats": f"FREQ=MONTHLY;BYMONTHDAY={match['day']}"} if 1 <= int(match["day"]) <= 31 else unclear(match)


@RULES.reads(
    rf"\b(?P<every>(?:every|each)(?: ?day)?,? )?(?:from )?(?P<first>{DAY})s? (?:to|through|thru|until|till) "
    rf"(?P<last>{DAY})s?\b"
)
def _from_to(match: re.Match[str], now: datetime) -> Found:
    first, last = _number(match["first"]), _number(match["last"])
    number = (last - first) % 7 + 1
    if match["every"]:
        return {"repeats": _weekly({(first + ahead) % 7 for ahead in range(number)})}
    day = _weekday_after(match["first"], now)
    return {"days": (day, day + timedelta(days=number - 1))}


@RULES.reads(
    rf"\b(?:on )?(?:every|each) (?P<days>(?:{DAY})s?(?:{_AND}(?:{DAY})s?)+)\b",
    rf"\b(?:on )?(?P<days>(?:{DAY})s(?:{_AND}(?:{DAY})s)+)\b",
)
def _several_days(match: re.Match[str], now: datetime) -> Found:
    return {"repeats": _weekly(set(_numbers(match["days"])))}


@RULES.reads(
    rf"\b(?:except|apart from|other than|excluding|but)(?: (?:not|for|on|the))* (?P<days>{_DAYS})\b",
)
def _exception(match: re.Match[str], now: datetime) -> Found:
    return {"excluded": set(_numbers(match["days"].lower().replace("weekend", "saturday sunday")))}


@RULES.reads(
    rf"\b(?:every|each) (?P<unit>day|weekday|weekend|week|month|year|morning|afternoon|evening|night|{DAY})\b"
    rf"|\b(?:on )?(?P<plural>weekday|weekend|{DAY})s\b|\b(?P<kind>weekday|weekend)(?= (?:alarm|reminder)s?\b)"
    r"|\b(?P<adverb>daily|weekly|monthly|yearly)\b"
)
def _recurrence(match: re.Match[str], now: datetime) -> Found:
    what = next(filter(None, match.groups())).lower()
    if what in HOURS_OF_PARTS:
        return {"repeats": "FREQ=DAILY", "part": what}
    by_day = {"weekday": "MO,TU,WE,TH,FR", "weekend": "SA,SU"}.get(what, what[:2].upper())
    frequency = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}.get(what, what.upper())
    return {"repeats": f"FREQ={frequency}" if frequency.endswith("LY") else f"FREQ=WEEKLY;BYDAY={by_day}"}


@RULES.reads(rf"\b(?:every|each)(?= (?:(?:{MONTH}) (?:the )?\d|{'|'.join(_HOLIDAYS)}))")
def _yearly(match: re.Match[str], now: datetime) -> Found:
    return {"repeats": "FREQ=YEARLY"}


@RULES.reads(rf"\b(?:in (?P<length>{LENGTH})|(?P<length2>{LENGTH}) from now|(?P<past>{LENGTH}) ago)\b")
def _duration(match: re.Match[str], now: datetime) -> Found:
    words = next(filter(None, match.groups())).lower()
    words = re.sub(r"\bhalf an?\b", "0.5", words)
    words = re.sub(r"^an?\b", "1", words)
    words = re.sub(r"^(\d+) (\w+) and a half$", r"\1.5 \2", words).replace(" and ", " ")
    words = re.sub(r"(\d+) fortnights?\b", lambda two: f"{2 * int(two[1])} weeks", words)
    base = now.replace(tzinfo=None)
    end = _parse(f"{words} ago" if match["past"] else f"in {words}", base)
    if end is None:
        return unclear(match)
    if re.search("day|week|month|year", words):
        return {"day": end.date()}
    # Counted in the flow of time: across the change to summer time the clock on the wall tells another length.
    moment = datetime.fromtimestamp(now.timestamp() + (end - base).total_seconds(), now.tzinfo)
    return {"moment": moment.replace(microsecond=0)}


@RULES.reads(
    rf"(?:\b(?:on|for) )?(?:\b(?P<weekday>{DAY}),? (?:the )?)?\b(?P<day>\d{{4}}-\d\d-\d\d"
    rf"|(?:{MONTH}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?"
    rf"|(?:the )?\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{MONTH})(?:,? \d{{4}})?)\b(?! ?[ap]m\b)"
)
def _date(match: re.Match[str], now: datetime) -> Found:
    # The end of yesterday: counted from today, a date that is today would be taken for next year's.
    yesterday = datetime.combine(now, time()) - timedelta(seconds=1)
    words = re.sub(r"\b(?:of|the) ", "", match["day"].lower())
    parsed = _parse(words, yesterday)
    return _on(parsed and parsed.date(), match)


@RULES.reads(
    rf"(?:\b(?:on|for|by) )?(?:\b(?P<weekday>{DAY}),? )?(?<![\d/.])(?P<one>\d{{1,2}})/(?P<two>\d{{1,2}})"
    r"(?:/(?P<year>\d{4}|\d\d))?(?![\d/])",
    r"(?:\b(?:on|for|by) )?(?<![\d/.])(?P<one>\d{1,2})\.(?P<two>\d{1,2})\.(?P<year>\d{4})?(?![\d.])",
    r"\bon (?P<one>\d{1,2})\.(?P<two>1[0-2]|0?[1-9])(?P<year>)(?![\d.])",
)
def _numeric_date(match: re.Match[str], now: datetime) -> Found:
    """ "12/25" and "25/12/2026"; "5/6" is May 6 for some and June 5 for others."""
    if match[0] in _NO_DATES:
        return {}
    one, two = int(match["one"]), int(match["two"])
    dotted = "." in match[0]  # where dots are written, the day comes first
    if not dotted and one <= 12 and two <= 12 and one != two:
        return unclear(match)
    month, day = (two, one) if dotted or one > 12 else (one, two)
    year = match["year"] and f"20{match['year']}"[-4:]
    return _on(_next_date(month, day, now, int(year) if year else None), match)


@RULES.reads(
    rf"(?:\b(?:on|for) )?(?:\bthe )?\b(?P<day>{'|'.join(sorted(_HOLIDAYS, reverse=True))}|easter)(?: day)?\b"
    rf"(?: (?:in |of )?(?P<year>{_YEAR})\b)?"
)
def _holiday(match: re.Match[str], now: datetime) -> Found:
    name, today = match["day"].lower(), now.date()
    month_day = _HOLIDAYS.get(name)
    years = [int(match["year"])] if match["year"] else [today.year, today.year + 1]
    days = [date(year, *month_day) if month_day else easter(year) for year in years]
    return {"day": next((day for day in days if day >= today), days[-1])}


@RULES.reads(
    rf"(?:\b(?:on|for) )?(?:\b(?P<weekday>{DAY}),? )?\bthe (?P<day>\d{{1,2}})(?:st|nd|rd|th)\b"
    r"(?! birthday| anniversary)",
    r"\b(?:on|for) (?P<day>\d{1,2})(?:st|nd|rd|th)\b",
)
def _day_of_month(match: re.Match[str], now: datetime) -> Found:
    number, name = int(match["day"]), match.groupdict().get("weekday")
    if not 1 <= number <= 31:
        return {}
    # "Friday the 13th" may be far away.
    by_weekday = weekdays[_number(name)] if name else None
    days = rrule(MONTHLY, bymonthday=number, byweekday=by_weekday, dtstart=datetime.combine(now, time()), count=1)
    return {"day": days[0].date()}


@RULES.reads(
    rf"(?:\b(?:on|for) )?\b(?:today|tomorrow|{DAY})(?:(?:,? and|,? or|,) (?:(?:on|next|this) )?(?:tomorrow|{DAY}))+\b"
)
def _these_days(match: re.Match[str], now: datetime) -> Found:
    """Days in a row are a stretch of days, as "the weekend" is; others are too much for one time."""
    near = {"today": now.date(), "tomorrow": now.date() + timedelta(days=1)}
    names = re.findall(rf"today|tomorrow|{DAY}", match[0].lower())
    days = [near.get(name) or _weekday_after(name, now) for name in names]
    in_a_row = all(later - day == timedelta(days=1) for day, later in pairwise(days))
    return {"days": (days[0], days[-1])} if in_a_row else unclear(match)


@RULES.reads(
    r"(?:\b(?:on|for) )?(?:\bthe )?\b(?P<day>day after tomorrow|day before yesterday|today|tomorrow|yesterday)(?:'s)?\b"
)
def _near_day(match: re.Match[str], now: datetime) -> Found:
    ahead = {"today": 0, "tomorrow": 1, "day after tomorrow": 2, "yesterday": -1, "day before yesterday": -2}
    return {"day": now.date() + timedelta(days=ahead[match["day"].lower()])}


@RULES.reads(rf"(?:\b(?:on|for) )?\b(?:(?P<which>this|next|coming|this past|past|last) )?(?P<day>{DAY})(?:'s)?\b")
def _weekday(match: re.Match[str], now: datetime) -> Found:
    day = _weekday_after(match["day"], now)
    if (match["which"] or "").lower().endswith(("past", "last")):
        day -= timedelta(days=14 if day - now.date() == timedelta(days=7) else 7)
    return {"day": day}


@RULES.reads(r"(?:\b(?:on|for) )?\b(?:(?P<which>this|next|last|the) (?P<what>week(?:end)?))\b")
def _week(match: re.Match[str], now: datetime) -> Found:
    today, which = now.date(), match["which"].lower()
    monday = today - timedelta(days=today.weekday()) + timedelta(days={"next": 7, "last": -7}.get(which, 0))
    first = monday + timedelta(days=5 if match["what"].lower() == "weekend" else 0)
    return {"days": (first if which == "last" else max(first, today), monday + timedelta(days=6))}


@RULES.reads(
    rf"\b(?:in |for )?(?:(?P<which>this|next|last|the) month"
    rf"|(?:in|for) (?P<name>{MONTH})(?: (?:of )?(?P<year>{_YEAR}))?)\b"
)
def _month(match: re.Match[str], now: datetime) -> Found:
    today = now.date()
    first = today.replace(day=1)
    if match["name"]:
        base = datetime.combine(first, time()) - timedelta(seconds=1)
        parsed = _parse(f"{match['name']} 28 {match['year'] or ''}".strip(), base)
        if parsed is None:
            return {}
        first = parsed.date().replace(day=1)
    elif match["which"].lower() == "next":
        first = _first_of_next_month(first)
    elif match["which"].lower() == "last":
        first = (first - timedelta(days=1)).replace(day=1)
    last = _first_of_next_month(first) - timedelta(days=1)
    return {"days": (max(first, today) if last >= today else first, last)}


@RULES.reads(rf"\b(?:in )?(?P<which>next|last) year\b|\b(?:in|for) (?P<year>{_YEAR})\b(?! ?(?:{UNIT}))")
def _year(match: re.Match[str], now: datetime) -> Found:
    which = (match["which"] or "").lower()
    year = int(match["year"]) if match["year"] else now.year + (1 if which == "next" else -1)
    return {"days": (date(year, 1, 1), date(year, 12, 31))}


def without(repeats: str | None, excluded: set[int]) -> str | None:
    """A recurrence without some days of the week; None where that is none, or none of days of the week."""
    every = range(7) if repeats == "FREQ=DAILY" else [day.weekday for day in _weekdays_of(repeats or "")]
    kept = set(every) - excluded
    return _weekly(kept) if kept else None


def _weekdays_of(repeats: str) -> list[weekday]:
    found = re.search(r"BYDAY=([\w,]+)$", repeats)
    return [day for day in weekdays if found and str(day) in found[1].split(",")]


def _weekly(numbers: set[int]) -> str:
    return f"FREQ=WEEKLY;BYDAY={','.join(str(weekdays[number]) for number in sorted(numbers))}"


def _number(name: str) -> int:
    return DAY.split("|").index(name.lower())


def _numbers(words: str) -> list[int]:
    return [_number(name) for name in re.findall(DAY, words, re.IGNORECASE)]


def _weekday_after(name: str, now: datetime) -> date:
    """The next such day; today is none."""
    return now.date() + timedelta(days=(_number(name) - now.weekday() - 1) % 7 + 1)


def _on(day: date | None, match: re.Match[str]) -> Found:
    """A day, unless there is none such or it is another day of the week than was said."""
    name = match.groupdict().get("weekday")
    return {"day": day} if day and (not name or day.weekday() == _number(name)) else unclear(match)


def _next_date(month: int, day: int, now: datetime, year: int | None) -> date | None:
    """The date in that year, else the next one; None where there is no such day."""
    for each in range(now.year, now.year + 9) if year is None else [year]:
        try:
            found = date(each, month, day)
        except ValueError:
            continue
        if year or found >= now.date():
            return found
    return None


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _parse(words: str, base: datetime) -> datetime | None:
    return dateparser.parse(words, languages=["en"], settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "future"})
