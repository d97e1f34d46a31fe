import pytest

from rasa_bert_intent.data.database import parsed, shown
from rasa_bert_intent.errors import DataError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rasa.db", "rasa.db"),
        ("sqlite:///rasa.db", "sqlite:///rasa.db"),
        ("postgresql://me@host/rasa", "postgresql://me@host/rasa"),
        ("postgresql://me:a@b@host/rasa", "postgresql://me:***@host/rasa"),
        ("postgresql://me:a?b@host/rasa", "postgresql://***"),
        ("postgresql://host/rasa?password=a", "postgresql://host/rasa"),
        ("postgresql://host/rasa?password=a@b", "postgresql://***"),
    ],
)
def test_a_url_is_shown_without_a_password(url: str, expected: str):
    assert shown(url) == expected


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://me@host/x", "postgresql"),
        ("postgresql+psycopg://me@host/x", "postgresql+psycopg"),
        ("mysql://me@host/x", "mysql+pymysql"),
        ("mysql+mysqldb://me@host/x", "mysql+mysqldb"),
    ],
)
def test_mysql_has_the_driver_of_our_extra_where_none_is_named(url: str, driver: str):
    assert parsed(url).drivername == driver


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "postgresql://me:secret@host:port/x",
            "is no URL of a database; expected one such as postgresql://user@host/n",
        ),
        ("postgresql://me:se@cret@host/x", "the password holds an @; write it as %40"),
    ],
)
def test_what_is_no_url_is_told_without_its_password(url: str, message: str):
    with pytest.raises(DataError, match=message) as error:
        parsed(url)
    assert "cret" not in str(error.value)
