"""What the assistant remembers, in SQLite: alarms, calendar, lists, contacts, devices.

There is one store for all conversations: it is one household's, and `rasa shell` is somebody new whenever it starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Column, DateTime, ForeignKey, Integer, String, TypeDecorator, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, declarative_base, relationship

Base: Any = declarative_base()


class StoreError(Exception):
    """The database cannot be used; the message says which and why."""


class Moment(TypeDecorator):
    """A moment, kept in UTC: SQLite forgets the time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.replace(tzinfo=timezone.utc)


class Numbered:
    """A number is never given again: what a message refers to may have been deleted by another conversation."""

    id = Column(Integer, primary_key=True)
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012


class Alarm(Numbered, Base):
    """`repeats` is an iCalendar rule or None; `at` then is the first time."""

    __tablename__ = "alarm"
    at = Column(Moment, nullable=False)
    repeats = Column(String)


class Entry(Numbered, Base):
    """An event or a reminder. One of a whole day is at its first minute."""

    __tablename__ = "calendar_entry"
    title = Column(String, nullable=False)
    at = Column(Moment, nullable=False)
    whole_day = Column(Boolean, nullable=False, default=False)
    repeats = Column(String)


class TodoList(Numbered, Base):
    __tablename__ = "list"
    name = Column(String, nullable=False, unique=True)
    items = relationship("Item", cascade="all, delete-orphan", order_by="Item.id", backref="list")


class Item(Numbered, Base):
    __tablename__ = "list_item"
    list_id = Column(Integer, ForeignKey("list.id"), nullable=False)
    text = Column(String, nullable=False)


class Contact(Numbered, Base):
    __tablename__ = "contact"
    name = Column(String, nullable=False)
    email = Column(String, nullable=False)


class Device(Base):
    """A light, a socket, the speaker, by its name; `value` holds what home.py knows of it."""

    __tablename__ = "device"
    name = Column(String, primary_key=True)
    value = Column(JSON, nullable=False)


class Setting(Base):
    __tablename__ = "setting"
    name = Column(String, primary_key=True)
    value = Column(JSON, nullable=False)


class Store:
    """A database file, made where there is none.

    Raises:
        StoreError: The file cannot be opened, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 5}, future=True)
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _begin)
        with self._told():
            Base.metadata.create_all(self._engine)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: what was done in it is kept when the block ends, and nothing of it when it fails.

        There is one at a time, of all processes: what is read in it is still so when it is written. Another one that is
        begun in the block would wait for it in vain.
        """
        with self._told(), Session(self._engine, future=True) as session, session.begin():
            yield session

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StoreError(f"cannot use the database {self.path}: {reason}") from error


def _set_up(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # else the sqlite3 module begins transactions itself, and only when it writes
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
