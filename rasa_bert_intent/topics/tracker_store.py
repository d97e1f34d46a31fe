"""Reads what users wrote from Rasa's SQL tracker store: its table `events`, which is never written to.

An event is a row with `type_name` and, in `data`, the event as JSON: of a user's message the text, and in `parse_data`
how the bot understood it (https://rasa.com/docs/rasa/tracker-stores/#sqltrackerstore).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.data.database import no_driver, parsed, shown
from rasa_bert_intent.errors import DataError, name_some
from rasa_bert_intent.scope import OUT_OF_SCOPE_INTENT

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_FALLBACK = "nlu_fallback"  # what FallbackClassifier answers
# An intent by its name, as buttons send it, and what Rasa writes for an intent that a program triggered.
_NOT_WRITTEN_BY_PEOPLE = ("/", "EXTERNAL: ")
_ROWS_AT_A_TIME = 1000
_NEEDED = ("id", "type_name", "data")


def is_one(source: str) -> bool:
    """Whether a source is a database rather than a file of texts: by its form alone."""
    return "://" in source or Path(source).suffix.lower() in SQLITE_SUFFIXES


def read_user_messages(source: str, fell_back: float | None, notes: list[str]) -> Iterator[str]:
    """Yields what users wrote, in the order of the events.

    Left out are intents that buttons or programs sent by name, such as `/greet`.

    Args:
        source: A SQLite file, or a database's URL as SQLAlchemy takes it.
        fell_back: Only messages that the bot answered by `nlu_fallback`, or with a confidence below this; None: all.
        notes: Gets a sentence about events that cannot be read.

    Raises:
        DataError: if there is no such database, it cannot be read, or holds no user's message.
    """
    users = read = damaged = 0
    with _connection(source) as connection:
        for content in _user_events(connection, source):
            users += 1
            try:
                event = json.loads(content)
                text, understood = event["text"], event.get("parse_data") or {}
                intent = understood.get("intent") or {}
                misunderstood = fell_back is None or _fell_back(intent, fell_back)
            except (ValueError, TypeError, KeyError, AttributeError):
                damaged += 1
                continue
            if isinstance(text, str) and misunderstood and not text.startswith(_NOT_WRITTEN_BY_PEOPLE):
                read += 1
                yield text
    if damaged:
        notes.append(f"{damaged:,} events of users are damaged and left out")
    if not read:
        which = "" if fell_back is None else ", and none of them fell back"
        raise DataError(f"{shown(source)} holds {users:,} events of users{which}: no message is left to read.")


def _fell_back(intent: dict[str, Any], threshold: float) -> bool:
    return (
        intent.get("name") in (None, _FALLBACK, OUT_OF_SCOPE_INTENT)
        or float(intent.get("confidence") or 0.0) < threshold
    )


def _user_events(connection: Connection, source: str) -> Iterator[str]:
    import sqlalchemy

    inspector = sqlalchemy.inspect(connection)
    if not inspector.has_table("events"):
        tables = inspector.get_table_names()
        held = f"it has {name_some(tables)}" if tables else "it has no table"
        raise DataError(f"{shown(source)} has no table 'events', so it is no tracker store of Rasa; {held}.")
    columns = [column["name"] for column in inspector.get_columns("events")]
    if missing := [name for name in _NEEDED if name not in columns]:
        raise DataError(
            f"{shown(source)}: its table 'events' has no column {name_some(missing)}, so it is no tracker store of "
            f"Rasa; it has {name_some(columns)}."
        )
    events = sqlalchemy.table("events", *map(sqlalchemy.column, _NEEDED))
    query = sqlalchemy.select(events.c.data).where(events.c.type_name == "user").order_by(events.c.id)
    streaming = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_A_TIME)
    for (content,) in streaming.execute(query):
        yield content


@contextmanager
def _connection(source: str) -> Iterator[Connection]:
    """A connection that reads only; whatever goes wrong with the database inside the block is told in one line."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise DataError("to read a tracker store needs SQLAlchemy: pip install 'rasa-bert-intent[sql]'") from None
    url = parsed(source if "://" in source else f"sqlite:///{source}")
    try:
        options: dict[str, Any] = {}
        if url.get_backend_name() == "sqlite":
            options["creator"] = _sqlite(Path(url.database or ""))
        with closing(sqlalchemy.create_engine(url, **options).connect()) as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            yield connection
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise DataError(f"{shown(source)} cannot be read as a database: {reason}.") from None
    except ImportError as error:
        raise no_driver(url, error) from None


def _sqlite(path: Path) -> Any:
    """Opens a SQLite file, which is not made where there is none.

    Raises:
        DataError: if there is none.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file; expected the SQLite database of a tracker store.")
    return lambda: sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
