"""What a message says about time: "nine am on friday", "in two hours", "tomorrow evening", "every weekday at six"."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dateutil.rrule import rrulestr, weekdays

# First and last hour (excluded) that a question about a part of the day is about.
_HOURS = {"morning": (0, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 24)}
# Recurrences that take their day from the first time.
_AS_THE_FIRST = ("FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY")


@dataclass(frozen=True)
class When:
    """What was said about time; None for what was not.

    Attributes:
        day: The day. Past only where the past was said ("yesterday").
        days: First and last day of "next week", "the weekend", "june"; also of a single day.
        clock: The time of day; for "tomorrow evening" an hour of the evening.
        either_half: The hour came without am, pm or a part of the day: it is taken as on a clock of 24 hours.
        part: morning, afternoon, evening or night.
        moment: The exact moment of "in two hours".
        unclear: Words about time that were not understood; nothing else is taken of such a message but `rest`.
        repeats: The recurrence as iCalendar writes it: "FREQ=DAILY".
        rest: The message without all these words, its numbers in digits.
        alone: The message says nothing else.
    """

    day: date | None = None
    days: tuple[date, date] | None = None
    clock: time | None = None
    either_half: bool = False
    part: str | None = None
    moment: datetime | None = None
    repeats: str | None = None
    unclear: str | None = None
    rest: str = ""
    alone: bool = False

    @property
    def said(self) -> bool:
        return any((self.days, self.clock, self.moment, self.repeats))

    def next_moment(self, now: datetime) -> datetime | None:
        """The first such moment after now; None without a time of day, or in a stretch of days.

        A day that is past stays past.
        """
        if self.moment or self.clock is None or (self.days and not self.day):
            return self.moment
        start = datetime.combine(self.day or now, self.clock, now.tzinfo)
        if self.repeats:
            return next_occurrence(self.repeats, start, now)
        return start if self.day or start > now else start + timedelta(days=1)

    def corrected(self, former: datetime, now: datetime) -> datetime | None:
        """A former moment with what was said put in its place ("no, ten", "i meant saturday"); None if not a time."""
        if self.moment or not (self.day or self.clock or self.repeats) or (self.days and not self.day):
            return self.moment
        clock = self.clock or former.time()
        if self.either_half and former.hour >= 12 and clock.hour < 12:
            clock = clock.replace(hour=clock.hour + 12)  # nine pm was said before: "no, ten" is ten pm
        if self.repeats:
            first = self.day or (former if self.repeats in _AS_THE_FIRST else now)
            return next_occurrence(self.repeats, datetime.combine(first, clock, now.tzinfo), now)
        moment = datetime.combine(self.day or former, clock, now.tzinfo)
        return moment if self.day or moment > now else moment + timedelta(days=1)

    def covers(self, moment: datetime) -> bool:
        """Whether a moment is among those that a question such as "what is on friday morning" is about."""
        if self.moment:
            return moment == self.moment
        if self.days and not self.days[0] <= moment.date() <= self.days[1]:
            return False
        if self.part:
            first, end = _HOURS[self.part]
            return first <= moment.hour < end
        if self.clock is None:
            return True
        same_hour = moment.hour % 12 == self.clock.hour % 12 if self.either_half else moment.hour == self.clock.hour
        return same_hour and moment.minute == self.clock.minute


def next_occurrence(repeats: str, start: datetime, now: datetime) -> datetime:
    """The first occurrence after now, by the clock on the wall: summer time does not move it."""
    rule = rrulestr(repeats, dtstart=start.replace(tzinfo=None))
    return rule.after(now.replace(tzinfo=None)).replace(tzinfo=now.tzinfo)


def move_to(repeats: str, day: date) -> str:
    """A recurrence on one day of the week or of the month, on that of another day; any other as it is."""
    repeats = re.sub(r"(?<=BYDAY=)\w\w$", str(weekdays[day.weekday()]), repeats)
    return re.sub(r"(?<=BYMONTHDAY=)\d+$", str(day.day), repeats)


def not_understood(when: When) -> str:
    """What to say of words about time that were not understood."""
    return f'I did not understand "{when.unclear}" as a time.'


def describe(moment: datetime, now: datetime) -> str:
    """A moment in words that leave no doubt: "tomorrow, Friday 27 November, 09:00"."""
    return f"{describe_day(moment.date(), now)}, {moment:%H:%M}"


def describe_day(day: date, now: datetime) -> str:
    """A day in words that leave no doubt."""
    near = {-1: "yesterday, ", 0: "today, ", 1: "tomorrow, "}.get((day - now.date()).days, "")
    year = "" if day.year == now.year else f" {day.year}"
    return f"{near}{day:%A} {day.day} {day:%B}{year}"


def describe_days(days: tuple[date, date], now: datetime) -> str:
    """A stretch of days in words that leave no doubt."""
    first, last = days
    return describe_day(first, now) if first == last else f"{describe_day(first, now)} to {describe_day(last, now)}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def describe_repeats(repeats: str) -> str:
    """A recurrence in words that are understood again: "every weekday"."""
    if by_day := re.search(r"BYDAY=([\w,]+)$", repeats):
        names = [_DAYS[day] for day in by_day[1].split(",")]
        if len(names) == 6:
            return f"every day except {next(name for name in _DAYS.values() if name not in names)}"
        return f"every {_SEVERAL.get(by_day[1]) or ' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}"
    if by_month_day := re.search(r"BYMONTHDAY=(\d+)$", repeats):
        return f"the {ordinal(int(by_month_day[1]))} of every month"
    frequency = repeats.split(";")[0].removeprefix("FREQ=")
    return {"DAILY": "every day", "WEEKLY": "every week", "MONTHLY": "every month", "YEARLY": "every year"}[frequency]


_SEVERAL = {"MO,TU,WE,TH,FR": "weekday", "SA,SU": "weekend", "MO,TU,WE,TH,FR,SA,SU": "day"}
_DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
