"""URLs of databases: checked, shown without a password, and what their drivers come with; by SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rasa_bert_intent.errors import DataError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

# By SQLAlchemy's name of the database: our extra with its driver.
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
# SQLAlchemy itself would take one that is compiled when it is installed.
_DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}


def shown(url: str) -> str:
    """A URL for a message or a report: without a password, or options that may hold one. A path stays as it is."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    login, at, place = rest.rpartition("@")
    if "?" in login:  # the password's, or the @ is one of the options
        return f"{scheme}://***"
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place.partition('?')[0]}"


def parsed(url: str) -> URL:
    """A URL as SQLAlchemy has it, with the driver that our extras bring where it names none.

    Raises:
        DataError: if it is none; its password is not shown.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        found = make_url(url)
    except (SQLAlchemyError, ValueError):  # their text holds the password
        raise DataError(
            f"{shown(url)} is no URL of a database; expected one such as postgresql://user@host/name."
        ) from None
    if "@" in (found.host or ""):
        raise DataError(f"{shown(url)}: the password holds an @; write it as %40.")
    return found.set(drivername=_DRIVERS.get(found.drivername, found.drivername))


def no_driver(url: URL, error: ImportError) -> DataError:
    """The error that the driver of a database is not installed."""
    extra = _EXTRAS.get(url.get_backend_name())
    what = f"pip install 'rasa-bert-intent[{extra}]'" if extra else "install it"
    return DataError(f"{shown(str(url))} needs a driver ({error}): {what}.")
