import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from assistant import schedule
from assistant.changes import Change
from assistant.household import Household
from assistant.store import Alarm, Setting, Store, StoreError
from assistant.time_words import understand
from assistant.when import When

Understand = Callable[[str], When]


def _alarms(household: Household, *words: str, when: Understand) -> list[Change]:
    return [schedule.add_alarm(household, when(each)).made for each in words]


def _correct(household: Household, made: Change, when: When) -> str:
    now = household.now()  # which takes a session of its own
    with household.store.session() as session:
        return schedule.correct(session, made.rows(session)[0], when, now)


def test_alarms_are_told_in_the_order_of_their_times(household: Household, when: Understand):
    _alarms(household, "friday at nine", "tomorrow at six", when=when)
    assert schedule.tell_alarms(household, when("")).reply == (
        "Your alarms: tomorrow, Saturday 21 November, 06:00; Friday 27 November, 09:00."
    )


def test_a_past_time_sets_nothing(household: Household, when: Understand):
    outcome = schedule.add_alarm(household, when("yesterday at nine"))
    assert outcome.reply == "That is past: yesterday, Thursday 19 November, 09:00."
    assert outcome.made is None
    assert schedule.tell_alarms(household, when("")).reply == "There is no alarm."


def test_a_time_that_is_half_understood_sets_tells_and_deletes_nothing(household: Household, when: Understand):
    _alarms(household, "friday at nine", when=when)
    reply = 'I did not understand "on february 30" as a time.'
    unclear = when("on february 30 at seven")
    assert schedule.add_alarm(household, unclear).reply == reply
    assert schedule.add_entry(household, "rent", unclear).reply == reply
    assert schedule.tell_alarms(household, unclear).reply == reply
    assert schedule.remove_alarms(household, unclear).reply == reply
    assert schedule.tell_alarms(household, when("")).reply == "Your alarms: Friday 27 November, 09:00."


def test_what_is_repeated_has_no_end(household: Household, when: Understand):
    reply = schedule.add_alarm(household, when("every day next week at seven")).reply
    assert reply == "I cannot repeat it in Monday 23 November to Sunday 29 November alone."


def test_the_last_day_of_all_is_too_far_away(household: Household, when: Understand):
    reply = "Friday 31 December 9999 is too far away."
    assert schedule.add_entry(household, "doomsday", when("december 31 9999")).reply == reply
    assert schedule.add_alarm(household, when("december 31 9999 at nine")).reply == reply
    (made,) = _alarms(household, "every friday at nine am", when=when)
    assert schedule.tell_alarms(household, when("december 31 9999")).reply == reply
    assert (
        _correct(household, made, when("december 31 9999"))
        == f"{reply} It stays as it was: every Friday, next Friday 27 November, 09:00."
    )


def test_what_is_past_is_told_no_more(household: Household, when: Understand):
    _alarms(household, "in two hours", "every day at eleven am", when=when)
    later = Household(household.store, household.zone, datetime(2026, 11, 20, 13, tzinfo=household.zone))
    assert schedule.tell_alarms(later, When()).reply == (
        "Your alarms: every day, next tomorrow, Saturday 21 November, 11:00."
    )


def test_a_question_about_a_day_finds_recurrences_too(household: Household, when: Understand):
    _alarms(household, "every weekday at six am", when=when)
    assert "every weekday" in schedule.tell_alarms(household, when("on wednesday")).reply
    assert schedule.tell_alarms(household, when("on sunday")).reply.startswith(
        "There is no alarm for Sunday 22 November."
    )


def test_the_one_alarm_meant_is_deleted_at_once(household: Household, when: Understand):
    _alarms(household, "friday at nine am", "tomorrow at six am", when=when)
    assert schedule.remove_alarms(household, when("six")).reply == "Deleted: tomorrow, Saturday 21 November, 06:00."
    assert schedule.tell_alarms(household, when("")).reply == "Your alarms: Friday 27 November, 09:00."


def test_several_alarms_are_deleted_only_after_a_yes(household: Household, when: Understand):
    _alarms(household, "friday at nine", "tomorrow at six", when=when)
    outcome = schedule.remove_alarms(household, when(""))
    assert outcome.reply.startswith("Shall I delete these 2 alarms")
    with household.store.session() as session:
        assert len(outcome.unsure.rows(session)) == 2
        assert outcome.unsure.delete(session) == 2
    assert schedule.tell_alarms(household, when("")).reply == "There is no alarm."


def test_an_alarm_that_is_not_there_deletes_no_other(household: Household, when: Understand):
    _alarms(household, "friday at nine", when=when)
    reply = schedule.remove_alarms(household, when("tomorrow at six am")).reply
    assert reply == (
        "There is no alarm for tomorrow, Saturday 21 November at 06:00. There is Friday 27 November, 09:00."
    )
    assert "Friday" in schedule.tell_alarms(household, when("")).reply


def test_an_entry_without_a_time_of_day_is_of_the_whole_day(household: Household, when: Understand):
    outcome = schedule.add_entry(household, "grandma's birthday", when("july fourth"))
    assert outcome.reply == "In your calendar: grandma's birthday, Sunday 4 July 2027."
    today = schedule.add_entry(household, "bank holiday", when("today"))
    assert today.reply == "In your calendar: bank holiday, today, Friday 20 November."
    assert "bank holiday" in schedule.tell_entries(household, when("today"), "").reply


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("tomorrow", {"lunch", "concert"}),
        ("tomorrow evening", {"concert"}),
        ("next week", {"dentist appointment"}),
        ("", {"lunch", "concert", "dentist appointment"}),
    ],
)
def test_entries_of_a_time(question: str, titles: set[str], household: Household, when: Understand):
    schedule.add_entry(household, "lunch", when("tomorrow at noon"))
    schedule.add_entry(household, "concert", when("tomorrow at eight pm"))
    schedule.add_entry(household, "dentist appointment", when("tuesday at three pm"))
    reply = schedule.tell_entries(household, when(question), "").reply
    assert {title for title in ("lunch", "concert", "dentist appointment") if title in reply} == titles


def test_entries_are_found_by_a_word_of_their_title(household: Household, when: Understand):
    schedule.add_entry(household, "dentist appointment", when("tuesday at three pm"))
    schedule.add_entry(household, "concert", when("tomorrow at eight pm"))
    assert schedule.tell_entries(household, when(""), "dentist").reply == (
        'In your calendar with "dentist": dentist appointment, Tuesday 24 November, 15:00.'
    )
    assert schedule.remove_entries(household, when(""), "the dentist").reply.startswith("Deleted: dentist appointment")
    assert "concert" in schedule.tell_entries(household, when(""), "").reply


def test_a_correction_to_the_past_changes_nothing(household: Household, when: Understand):
    (made,) = _alarms(household, "friday at nine am", when=when)
    assert _correct(household, made, when("yesterday")) == (
        "That is past: yesterday, Thursday 19 November, 09:00. It stays as it was: Friday 27 November, 09:00."
    )


@pytest.mark.parametrize(
    ("former", "words", "expected"),
    [
        ("every monday at nine am", "tuesday", "every Tuesday, next Tuesday 24 November, 09:00"),
        ("every monday at nine am", "every tuesday", "every Tuesday, next Tuesday 24 November, 09:00"),
        ("every monday at nine am", "every weekday", "every weekday, next Monday 23 November, 09:00"),
        ("the third of every month at noon", "the fourth", "the 4th of every month, next Friday 4 December, 12:00"),
        ("tomorrow at nine am", "every day", "every day, next tomorrow, Saturday 21 November, 09:00"),
        ("tuesday at nine am", "every week", "every week, next Tuesday 24 November, 09:00"),
    ],
)
def test_a_recurrence_is_corrected(former: str, words: str, expected: str, household: Household, when: Understand):
    (made,) = _alarms(household, former, when=when)
    assert _correct(household, made, when(words)) == f"Changed to {expected}."
    assert schedule.tell_alarms(household, when("")).reply == f"Your alarms: {expected}."


def test_one_day_does_not_correct_several(household: Household, when: Understand):
    (made,) = _alarms(household, "every monday and wednesday at nine am", when=when)
    assert _correct(household, made, when("tuesday")) == (
        "I do not know which of its days to change. "
        "It stays as it was: every Monday and Wednesday, next Monday 23 November, 09:00."
    )


def test_a_recurrence_is_not_corrected_to_the_past(household: Household, when: Understand):
    (made,) = _alarms(household, "every monday at nine am", when=when)
    assert _correct(household, made, when("yesterday")).startswith(
        "That is past: yesterday, Thursday 19 November, 09:00. It stays as it was: every Monday"
    )


@pytest.mark.parametrize(("former", "repeats"), [("tomorrow", ""), ("every year on may 5", "every year, next ")])
def test_an_entry_of_the_whole_day_is_corrected_to_today(
    former: str, repeats: str, household: Household, when: Understand
):
    made = schedule.add_entry(household, "bank holiday", when(former)).made
    assert _correct(household, made, when("today")) == f"Changed to bank holiday, {repeats}today, Friday 20 November."


def test_a_recurrence_of_the_whole_day_is_told_until_the_day_ends(household: Household, when: Understand):
    schedule.add_entry(household, "mum's birthday", when("every year on may 5"))
    reply = "mum's birthday, every year, next today, Wednesday 5 May."
    for hour in (0, 10, 23):
        there = Household(household.store, household.zone, datetime(2027, 5, 5, hour, tzinfo=household.zone))
        today = understand("today", there.now())
        assert schedule.tell_entries(there, today, "").reply.endswith(reply)
    later = Household(household.store, household.zone, datetime(2027, 5, 6, tzinfo=household.zone))
    assert "Friday 5 May 2028" in schedule.tell_entries(later, When(), "").reply


@pytest.mark.parametrize(
    "message",
    [
        "delete all my alarms except the one at seven am",
        "don't delete my alarm at six am",
        "delete them but keep the last",
    ],
)
def test_what_is_spared_is_not_deleted(message: str, household: Household, when: Understand):
    _alarms(household, "tomorrow at six am", "tomorrow at seven am", when=when)
    assert "nothing was deleted" in schedule.remove_alarms(household, when(message)).reply
    assert "06:00; tomorrow" in schedule.tell_alarms(household, when("")).reply


def test_of_a_part_of_the_day_the_hour_that_was_said_is_meant(household: Household, when: Understand):
    _alarms(household, "tomorrow at six am", when=when)
    question = when("delete the alarm at nine tomorrow morning")
    assert schedule.remove_alarms(household, question).reply.startswith("There is no alarm for tomorrow, Saturday 21")
    assert schedule.tell_alarms(household, question).reply.startswith("There is no alarm")
    assert schedule.remove_alarms(household, when("delete the alarm tomorrow morning")).reply.startswith("Deleted")


def test_an_entry_is_deleted_by_all_words_that_were_said(household: Household, when: Understand):
    schedule.add_entry(household, "meeting with alice", when("monday at nine"))
    outcome = schedule.remove_entries(household, when(""), "meeting with bob")
    assert outcome.reply == "Shall I delete this: meeting with alice, Monday 23 November, 09:00?"
    assert outcome.unsure is not None
    assert schedule.remove_entries(household, when(""), "appointment with alice").reply.startswith("Deleted: meeting")


def test_a_recurrence_is_not_deleted_for_one_day_without_a_yes(household: Household, when: Understand):
    _alarms(household, "every weekday at seven am", when=when)
    outcome = schedule.remove_alarms(household, when("cancel my alarm for monday"))
    assert outcome.reply == "Shall I delete all of this: every weekday, next Monday 23 November, 07:00?"
    assert outcome.unsure is not None


def test_an_alarm_that_does_not_recur_as_asked_is_not_deleted(household: Household, when: Understand):
    _alarms(household, "tomorrow at six am", when=when)
    assert schedule.remove_alarms(household, when("delete my weekday alarms")).reply == (
        "There is no alarm every weekday. There is tomorrow, Saturday 21 November, 06:00."
    )
    _alarms(household, "every weekday at seven am", when=when)
    assert schedule.remove_alarms(household, when("delete my weekday alarms")).reply == (
        "Deleted: every weekday, next Monday 23 November, 07:00."
    )


def test_a_time_in_the_hour_that_comes_twice_is_not_past(household: Household):
    now = datetime(2026, 10, 25, 2, 45, tzinfo=ZoneInfo("Europe/Berlin"))  # at three the clocks go back to two
    there = Household(household.store, now.tzinfo, now)
    outcome = schedule.add_alarm(there, understand("in 30 minutes", now))
    assert outcome.reply == "Alarm set for today, Sunday 25 October, 02:15."
    assert schedule.tell_alarms(there, When()).reply == "Your alarms: today, Sunday 25 October, 02:15."
    assert (
        _correct(there, outcome.made, understand("in 40 minutes", now)) == "Changed to today, Sunday 25 October, 02:25."
    )


def test_moments_survive_a_restart_and_a_change_of_time_zone(household: Household, when: Understand):
    _alarms(household, "friday at nine am", when=when)
    household.zone = ZoneInfo("America/New_York")
    again = Household(Store(household.store.path), ZoneInfo("Europe/London"), household.now())
    assert again.zone.key == "America/New_York"
    assert schedule.tell_alarms(again, When()).reply == "Your alarms: Friday 27 November, 04:00."


def test_whole_days_and_recurrences_go_by_the_clock_on_the_wall(household: Household, when: Understand):
    schedule.add_entry(household, "grandma's birthday", when("july fourth"))
    schedule.add_entry(household, "call", when("every monday at 2 am"))
    _alarms(household, "every weekday at six am", "monday at noon", when=when)
    entries = "In your calendar: call, every Monday, next Monday 23 November, 02:00; "
    entries += "grandma's birthday, Sunday 4 July 2027."
    household.zone = ZoneInfo("America/New_York")
    assert schedule.tell_entries(household, When(), "").reply == entries
    assert schedule.tell_alarms(household, When()).reply == (
        "Your alarms: every weekday, next Monday 23 November, 06:00; Monday 23 November, 07:00."
    )
    household.zone = ZoneInfo("Asia/Tokyo")
    assert schedule.tell_entries(household, When(), "").reply == entries


def test_a_machine_in_another_time_zone_moves_no_day(household: Household, when: Understand):
    schedule.add_entry(household, "grandma's birthday", when("july fourth"))
    moved = Household(Store(household.store.path), ZoneInfo("America/New_York"), household.now())
    assert schedule.tell_entries(moved, When(), "").reply == "In your calendar: grandma's birthday, Sunday 4 July 2027."


def test_a_database_from_before_wall_clocks_were_kept_is_opened(household: Household, when: Understand):
    schedule.add_entry(household, "grandma's birthday", when("july fourth"))
    with household.store.session() as session:
        session.delete(session.get(Setting, "wall_clock_zone"))
    again = Household(Store(household.store.path), household.zone, household.now())
    again.zone = ZoneInfo("America/New_York")
    assert schedule.tell_entries(again, When(), "").reply == "In your calendar: grandma's birthday, Sunday 4 July 2027."


def test_nothing_is_kept_of_a_transaction_that_fails(household: Household, when: Understand, now: datetime):
    def set_and_fail() -> None:
        with household.store.session() as session:
            session.add(Alarm(at=now))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        set_and_fail()
    assert schedule.tell_alarms(household, when("")).reply == "There is no alarm."


def test_a_yes_deletes_nothing_that_was_added_since(household: Household, when: Understand):
    _alarms(household, "friday at nine", "tomorrow at six", when=when)
    unsure = schedule.remove_alarms(household, when("")).unsure
    with household.store.session() as session:
        unsure.delete(session)
    _alarms(household, "monday at seven", when=when)
    with household.store.session() as session:
        assert unsure.delete(session) == 0
    assert schedule.tell_alarms(household, when("")).reply == "Your alarms: Monday 23 November, 07:00."


def test_a_database_in_use_is_told_and_nothing_is_done(household: Household, when: Understand):
    with closing(sqlite3.connect(household.store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"state\.db: database is locked"):
            schedule.add_alarm(household, when("friday at nine"))
    assert schedule.tell_alarms(household, when("")).reply == "There is no alarm."


def test_what_is_no_database_is_told_by_its_name(tmp_path: Path):
    (tmp_path / "state.db").write_text("Dear diary, today nothing happened. " * 100)
    with pytest.raises(StoreError, match=r"cannot use the database .*state\.db: file is not a database"):
        Store(tmp_path / "state.db")
    with pytest.raises(StoreError, match=r"unable to open database file"):
        Store(tmp_path / "missing" / "state.db")
