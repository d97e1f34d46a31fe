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
    "quarter to midnight": "2026-11-20 23:45",
    "at seven oh five": "2026-11-21 07:05",
    "from nine to five tomorrow": "2026-11-21 09:00",
    "nine to five tomorrow": "2026-11-21 09:00",
    "from 12 to 1 tomorrow": "2026-11-21 12:00",
    "from seven to eight pm": "2026-11-20 19:00",
    "from 11 to 1 pm": "2026-11-20 11:00",
    "between 7 and 8 am": "2026-11-21 07:00",
    "9-10 am tomorrow": "2026-11-21 09:00",
    "every monday and wednesday at six am": "2026-11-23 06:00",
    "every day except sunday at six am": "2026-11-21 06:00",
    "in a fortnight at nine": "2026-12-04 09:00",
    "january second at 9": "2027-01-02 09:00",
    "friday next week at seven am": "2026-11-27 07:00",
    "friday night at twelve": "2026-11-28 00:00",
    "tomorrow night at one am": "2026-11-22 01:00",
    "monday at 2 at night": "2026-11-23 02:00",
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
    "12/25": ("2026-12-25", "2026-12-25"),
    "25/12/2026": ("2026-12-25", "2026-12-25"),
    "on 5/5": ("2027-05-05", "2027-05-05"),
    "on 25.12.": ("2026-12-25", "2026-12-25"),
    "christmas 2028": ("2028-12-25", "2028-12-25"),
    "february 29": ("2028-02-29", "2028-02-29"),
    "friday november 27": ("2026-11-27", "2026-11-27"),
    "friday the 13th": ("2027-08-13", "2027-08-13"),
    "last friday": ("2026-11-13", "2026-11-13"),
    "last monday": ("2026-11-16", "2026-11-16"),
    "two days ago": ("2026-11-18", "2026-11-18"),
    "the day before yesterday": ("2026-11-18", "2026-11-18"),
    "last week": ("2026-11-09", "2026-11-15"),
    "last month": ("2026-10-01", "2026-10-31"),
    "next year": ("2027-01-01", "2027-12-31"),
    "in march 2030": ("2030-03-01", "2030-03-31"),
    "saturday and sunday": ("2026-11-21", "2026-11-22"),
    "from monday to friday": ("2026-11-23", "2026-11-27"),
}

# Half of it would be another day or another hour.
UNCLEAR = {
    "february 30 at 7": "february 30",
    "2026-02-30 at 9": "2026-02-30",
    "29/2/2027 at nine am": "29/2/2027",
    "on 5/6 at nine am": "on 5/6",
    "the 32nd at 6 am": "the 32nd",
    "monday november 25 at 9 am": "monday november 25",
    "every other day at six am": "every other day",
    "every two hours": "every 2 hours",
    "every third friday at nine": "every 3rd friday",
    "twice a week at nine": "twice a week",
    "the first monday of december at 9 am": "the 1st monday of december",
    "the day before christmas at nine": "the day before",
    "an hour before noon": "an hour before",
    "on the fifth and sixth at nine": "the 5th and 6th",
    "december 5 and 6 at nine am": "december 5 and 6",
    "on monday, tuesday and friday at nine": "on monday, tuesday and friday",
    "tomorrow at 7 or 8": "at 7 or 8",
    "at six and at seven am": "at 6 and at 7 am",
    "every day except christmas at nine": "except christmas at 9",
    "in 9999 years at 6 am": "in 9999 years",
    "a week from monday at nine": "week from",
    "buy christmas presents tomorrow": "tomorrow",
    "prepare for monday's meeting on sunday": "sunday",
}


@pytest.mark.parametrize("words", MOMENTS)
def test_moment(words: str, when: Callable[[str], When], now: datetime):
    moment = when(words).next_moment(now)
    assert moment is not None
    assert f"{moment:%Y-%m-%d %H:%M}" == MOMENTS[words]


@pytest.mark.parametrize("words", DAYS)
def test_days(words: str, when: Callable[[str], When]):
    assert when(words).days == tuple(map(date.fromisoformat, DAYS[words]))


@pytest.mark.parametrize("words", UNCLEAR)
def test_what_is_half_understood_is_set_aside(words: str, when: Callable[[str], When], now: datetime):
    found = when(words)
    assert found.unclear == UNCLEAR[words]
    assert not found.said
    assert found.next_moment(now) is None


@pytest.mark.parametrize("words", ["next week at nine", "on monday and tuesday at 7 am", "next year at nine am"])
def test_an_hour_in_a_stretch_of_days_is_no_moment(words: str, when: Callable[[str], When], now: datetime):
    assert when(words).next_moment(now) is None
    assert when(words).corrected(now, now) is None


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
        ("the 45th birthday of alex tomorrow", "the 45th birthday of alex"),
        ("buy 1/2 pound of butter tomorrow", "buy 1/2 pound of butter"),
        ("a table for 2 to 3 people tomorrow", "a table for 2 to 3 people"),
        ("lunch from 12 to 1 tomorrow", "lunch"),
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
        ("the third of every month", "the 3rd of every month"),
        ("every monday and wednesday", "every Monday and Wednesday"),
        ("on mondays, wednesdays and fridays", "every Monday, Wednesday and Friday"),
        ("every day from monday to thursday", "every Monday, Tuesday, Wednesday and Thursday"),
        ("every day except sunday", "every day except Sunday"),
        ("every day at nine but not on weekends", "every weekday"),
        ("every june 3rd", "every year"),
    ],
)
def test_a_recurrence_is_described(words: str, expected: str, when: Callable[[str], When]):
    assert describe_repeats(when(words).repeats) == expected
    assert describe_repeats(when(expected).repeats) == expected  # a form keeps it in words


@pytest.mark.parametrize(
    ("message", "day"),
    [
        ("good night, wake me up tomorrow at 4 am", "2026-11-21"),
        ("remind me on sunday to prepare for next week", "2026-11-22"),
        ("remind me on saturday about next week's exam", "2026-11-21"),
        ("remind me tomorrow about the party next week", "2026-11-21"),
        ("is the nineteenth on a saturday", "2026-12-19"),
        ("dinner on november 23 monday at 7 pm", "2026-11-23"),
        ("remind me on monday at 9 to send the friday report", "2026-11-23"),
    ],
)
def test_what_else_is_named_moves_no_day(message: str, day: str, when: Callable[[str], When]):
    assert when(message).day == date.fromisoformat(day)


def test_an_hour_that_bounds_a_part_of_the_day_leaves_the_part(when: Callable[[str], When], now: datetime):
    question = when("what is on my calendar tomorrow afternoon between 1 and 4")
    assert question.covers(datetime(2026, 11, 21, 15, tzinfo=now.tzinfo))
