from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from assistant.time_words import understand
from assistant.when import When, describe, describe_repeats, next_occurrence

# Now is Friday 20 November 2026, 10:00.
MOMENTS = {
    "nine am on friday": "2026-11-27 09:00",
    "in two hours": "2026-11-20 12:00",
    "tomorrow evening": "2026-11-21 19:00",
    "at nine": "2026-11-21 09:00",
    "at eleven": "2026-11-20 11:00",
    "quarter to seven tomorrow": "2026-11-21 06:45",
    "a quarter past five pm": "2026-11-20 17:15",
    "twenty to nine": "2026-11-21 08:40",
    "seven fifteen am": "2026-11-21 07:15",
    "half past eight": "2026-11-21 08:30",
    "in forty five minutes": "2026-11-20 10:45",
    "in half an hour": "2026-11-20 10:30",
    "an hour and a half from now": "2026-11-20 11:30",
    "in two and a half hours": "2026-11-20 12:30",
    "in one hour and ten minutes": "2026-11-20 11:10",
    "noon tomorrow": "2026-11-21 12:00",
    "midnight": "2026-11-21 00:00",
    "march tenth at three p. m.": "2027-03-10 15:00",
    "on the tenth of march at 15:00": "2027-03-10 15:00",
    "july 4th 2027 at 9": "2027-07-04 09:00",
    "tonight at eight": "2026-11-20 20:00",
    "this afternoon at four": "2026-11-20 16:00",
    "six in the morning": "2026-11-21 06:00",
    "nine in the evening tomorrow": "2026-11-21 21:00",
    "two at night": "2026-11-21 02:00",
    "eleven p. m. tonight": "2026-11-20 23:00",
    "five o'clock": "2026-11-21 05:00",
    "17:30": "2026-11-20 17:30",
    "ten thirty am": "2026-11-20 10:30",
    "tomorrow nine": "2026-11-21 09:00",
    "every weekday at six am": "2026-11-23 06:00",
    "every morning": "2026-11-21 09:00",
    "mondays at eight": "2026-11-23 08:00",
    "the first of every month at noon": "2026-12-01 12:00",
    "monday at 12 am": "2026-11-23 00:00",
    "12 pm": "2026-11-20 12:00",
    "at 6.45": "2026-11-21 06:45",
    "at 17.30": "2026-11-20 17:30",
    "by 6.45 in the evening": "2026-11-20 18:45",
    "tomorrow at 6.45 pm": "2026-11-21 18:45",
    "for 7.30": "2026-11-21 07:30",
    "7.30": "2026-11-21 07:30",
    "midnight tonight": "2026-11-21 00:00",
    "tonight at 12": "2026-11-21 00:00",
    "half past twelve tonight": "2026-11-21 00:30",
    "1 am tonight": "2026-11-21 01:00",
}

DAYS = {
    "friday": ("2026-11-27", "2026-11-27"),
    "today": ("2026-11-20", "2026-11-20"),
    "yesterday": ("2026-11-19", "2026-11-19"),
    "the day after tomorrow": ("2026-11-22", "2026-11-22"),
    "next monday": ("2026-11-23", "2026-11-23"),
    "on the twenty first": ("2026-11-21", "2026-11-21"),
    "on the nineteenth": ("2026-12-19", "2026-12-19"),
    "on the thirty first": ("2026-12-31", "2026-12-31"),
    "on the second": ("2026-12-02", "2026-12-02"),
    "november twentieth": ("2026-11-20", "2026-11-20"),
    "november nineteenth": ("2027-11-19", "2027-11-19"),
    "2027-01-05": ("2027-01-05", "2027-01-05"),
    "in two weeks": ("2026-12-04", "2026-12-04"),
    "next week": ("2026-11-23", "2026-11-29"),
    "this week": ("2026-11-20", "2026-11-22"),
    "this weekend": ("2026-11-21", "2026-11-22"),
    "next weekend": ("2026-11-28", "2026-11-29"),
    "next month": ("2026-12-01", "2026-12-31"),
    "in june": ("2027-06-01", "2027-06-30"),
    "in february": ("2027-02-01", "2027-02-28"),
    "christmas": ("2026-12-25", "2026-12-25"),
    "easter": ("2027-03-28", "2027-03-28"),
}


@pytest.mark.parametrize("words", MOMENTS)
def test_moment(words: str, when: Callable[[str], When], now: datetime):
    moment = when(words).next_moment(now)
    assert moment is not None
    assert f"{moment:%Y-%m-%d %H:%M}" == MOMENTS[words]


@pytest.mark.parametrize("words", DAYS)
def test_days(words: str, when: Callable[[str], When]):
    assert when(words).days == tuple(map(date.fromisoformat, DAYS[words]))


@pytest.mark.parametrize("words", [*MOMENTS, *DAYS])
def test_a_time_is_understood_to_stand_alone(words: str, when: Callable[[str], When]):
    assert when(words).alone


@pytest.mark.parametrize(
    "words",
    [
        "play some jazz",
        "order two pizzas",
        "i may go",
        "at 25",
        "at 6.5",
        "on february thirtieth",
        "in 1000000 years",
        "",
        "???",
        "turn the lights to fifty percent",
    ],
)
def test_no_time_is_understood(words: str, when: Callable[[str], When]):
    assert not when(words).said


@pytest.mark.parametrize(
    ("message", "rest"),
    [
        ("remind me to buy two apples tomorrow at nine", "remind me to buy 2 apples"),
        ("schedule a meeting with tom on monday at ten am", "schedule a meeting with tom"),
        ("meeting with alex next thursday at eleven", "meeting with alex"),
    ],
)
def test_the_rest_of_a_message_is_kept(message: str, rest: str, when: Callable[[str], When]):
    assert when(message).rest == rest
    assert not when(message).alone


@pytest.mark.parametrize(
    ("former", "words", "expected"),
    [
        ("2026-11-27 09:00", "ten", "2026-11-27 10:00"),
        ("2026-11-27 21:00", "ten", "2026-11-27 22:00"),
        ("2026-11-27 21:00", "ten am", "2026-11-27 10:00"),
        ("2026-11-27 09:00", "saturday", "2026-11-21 09:00"),
        ("2026-11-27 09:00", "monday at half past six", "2026-11-23 06:30"),
        ("2026-11-20 12:00", "in three hours", "2026-11-20 13:00"),
        ("2026-11-20 11:00", "nine", "2026-11-21 09:00"),
        ("2026-11-27 09:00", "every tuesday", "2026-11-24 09:00"),
        ("2026-11-27 09:00", "weekdays", "2026-11-23 09:00"),
        ("2026-11-27 21:00", "every day at ten", "2026-11-20 22:00"),
        ("2026-11-27 09:00", "every week", "2026-11-27 09:00"),
        ("2026-11-27 09:00", "every week on tuesday", "2026-11-24 09:00"),
    ],
)
def test_a_correction_keeps_what_it_does_not_say(
    former: str, words: str, expected: str, when: Callable[[str], When], now: datetime
):
    moment = when(words).corrected(datetime.fromisoformat(former).replace(tzinfo=now.tzinfo), now)
    assert f"{moment:%Y-%m-%d %H:%M}" == expected


def test_an_early_hour_of_this_night_is_today_after_midnight():
    now = datetime(2026, 11, 20, 0, 30, tzinfo=ZoneInfo("Europe/London"))
    assert understand("tonight at two", now).next_moment(now) == now.replace(hour=2, minute=0)


def test_a_duration_across_the_change_to_winter_time_is_counted_in_real_hours():
    zone = ZoneInfo("Europe/London")
    now = datetime(2026, 10, 25, 0, 30, tzinfo=zone)  # at two the clocks go back to one
    moment = understand("in three hours", now).next_moment(now)
    assert f"{moment:%H:%M}" == "02:30"
    assert moment.timestamp() - now.timestamp() == timedelta(hours=3).total_seconds()


def test_a_recurrence_stays_at_its_time_across_the_change_to_winter_time():
    zone = ZoneInfo("Europe/London")
    start, now = datetime(2026, 10, 1, 7, 0, tzinfo=zone), datetime(2026, 10, 30, 8, 0, tzinfo=zone)
    assert next_occurrence("FREQ=DAILY", start, now) == datetime(2026, 10, 31, 7, 0, tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20 17:30", "today, Friday 20 November, 17:30"),
        ("2026-11-21 09:00", "tomorrow, Saturday 21 November, 09:00"),
        ("2027-03-10 15:00", "Wednesday 10 March 2027, 15:00"),
    ],
)
def test_a_moment_is_described_without_doubt(moment: str, expected: str, now: datetime):
    assert describe(datetime.fromisoformat(moment).replace(tzinfo=now.tzinfo), now) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("every weekday", "every weekday"),
        ("on mondays", "every Monday"),
        ("daily", "every day"),
        ("every week", "every week"),
        ("my weekday alarms", "every weekday"),
        ("the third of every month", "every month"),
    ],
)
def test_a_recurrence_is_described(words: str, expected: str, when: Callable[[str], When]):
    assert describe_repeats(when(words).repeats) == expected
