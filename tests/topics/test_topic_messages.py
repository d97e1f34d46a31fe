"""Messages of files, tables and tracker stores, good and bad."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from rasa_bert_intent.data.table import TableForm
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.topics.messages import read_source

MANY = [f"message number {number}" for number in range(25)]


def lines(path: Path, texts: list[str]) -> str:
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return str(path)


def user(text: object, intent: str = "greet", confidence: float = 0.9) -> dict:
    return {"event": "user", "text": text, "parse_data": {"intent": {"name": intent, "confidence": confidence}}}


def store(path: Path, events: list[object], columns: str = "id INTEGER PRIMARY KEY, type_name TEXT, data TEXT") -> str:
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE events ({columns})")
        for event in events:
            kind = event.get("event", "user") if isinstance(event, dict) else "user"
            row = (kind, event if isinstance(event, str) else json.dumps(event))
            database.execute("INSERT INTO events (type_name, data) VALUES (?, ?)", row)
    database.close()
    return str(path)


class TestFiles:
    def test_each_text_is_taken_once_and_counted(self, tmp_path: Path):
        found = read_source(lines(tmp_path / "m.txt", [*MANY, "Tea please", "tea  PLEASE", "", "tea, please"]))
        assert found.texts == [*MANY, "Tea please", "tea, please"]
        assert found.times == [*[1] * 25, 2, 1]
        assert found.notes == []

    def test_column_of_a_table(self, tmp_path: Path):
        rows = "".join(f'{number};"{text}, yes"\n' for number, text in enumerate(MANY))
        (tmp_path / "m.csv").write_text(f"id;text\n{rows}99;\n", "utf-8")
        found = read_source(str(tmp_path / "m.csv"), text_column="text", form=TableForm(delimiter=";"))
        assert found.texts == [f"{text}, yes" for text in MANY]
        assert found.notes == ["1 of the messages are empty and left out"]

    def test_more_than_asked_for_are_thinned_out_at_random_and_told(self, tmp_path: Path):
        source = lines(tmp_path / "m.txt", MANY)
        first, again, other = (read_source(source, most=20, seed=seed) for seed in (1, 1, 2))
        assert first == again
        assert first.texts != other.texts
        assert len(first.texts) == 20
        assert [text for text in MANY if text in first.texts] == first.texts
        assert first.notes == ["of 25 distinct messages 20 are taken, chosen at random (--max-messages)"]

    @pytest.mark.parametrize(
        ("name", "content", "options", "message"),
        [
            ("m.txt", "", {}, "m.txt holds no message"),
            ("m.txt", "a\nb\nA\n", {}, "m.txt holds 2 distinct messages; topics take at least 20. Collect more."),
            ("m.txt", "\xff\xfe", {}, None),
            ("m.doc", "a", {}, "m.doc is neither .yml, .jsonl nor .txt"),
            ("none.txt", None, {}, "none.txt does not exist"),
            ("m.csv", "id,text\n1,a\n", {}, "--text-column is missing; the first row of"),
            ("m.csv", "id,text\n1,a\n", {"text_column": "txt"}, "has no column 'txt'; it has 'id', 'text'"),
            ("m.csv", "id,text\n", {"text_column": "text"}, "holds a header and no row below it"),
            ("m.csv", "", {"text_column": "text"}, "is empty: it holds no row"),
            ("m.db", "", {"text_column": "text"}, "--text-column and the form of a table are not for"),
        ],
    )
    def test_bad_ones_are_told_in_one_line(
        self, tmp_path: Path, name: str, content: str | None, options: dict, message: str | None
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content.encode("latin-1"))
        with pytest.raises(DataError, match=re.escape(message or "cannot be read as UTF-8 text")) as caught:
            read_source(str(tmp_path / name), **options)
        assert "\n" not in str(caught.value)


class TestTrackerStore:
    @pytest.fixture(autouse=True)
    def _sqlalchemy(self):
        pytest.importorskip("sqlalchemy", reason="needs the extra 'sql'")

    def test_what_people_wrote_is_read_and_nothing_is_written(self, tmp_path: Path):
        others = [user("/greet"), user(None), user("EXTERNAL: remind"), {"event": "bot", "text": "Hello!"}, "{broken"]
        source = store(tmp_path / "rasa.db", [*map(user, MANY), *others])
        before = (tmp_path / "rasa.db").read_bytes()
        found = read_source(source)
        assert found.texts == MANY
        assert found.notes == ["1 events of users are damaged and left out"]
        assert read_source(f"sqlite:///{source}").texts == MANY
        assert (tmp_path / "rasa.db").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["rasa.db"]

    def test_what_fell_back(self, tmp_path: Path):
        fell = [user(text, "nlu_fallback", 0.7) for text in MANY[:15]] + [user(text, "bye", 0.4) for text in MANY[15:]]
        source = store(tmp_path / "rasa.db", [user("hello there"), *fell])
        assert read_source(source, fell_back=0.5).texts == MANY
        assert "hello there" in read_source(source).texts

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda path: None, "does not exist or is no file; expected the SQLite database of a tracker store"),
            (lambda path: path.write_bytes(b"no database, but long enough to be taken for one" * 9), "cannot be read"),
            (lambda path: sqlite3.connect(path).execute("CREATE TABLE users (id)"), "no table 'events', so it is no"),
            (lambda path: store(path, [], "id INTEGER, type TEXT"), "has no column 'type_name', 'data'"),
            (lambda path: store(path, []), "holds 0 events of users: no message is left to read"),
        ],
    )
    def test_bad_ones_are_told_in_one_line(self, tmp_path: Path, make, message: str):
        make(tmp_path / "rasa.db")
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            read_source(str(tmp_path / "rasa.db"))
        assert "\n" not in str(caught.value)
        assert "rasa.db" in str(caught.value)

    def test_nothing_fell_back(self, tmp_path: Path):
        source = store(tmp_path / "rasa.db", [user(text) for text in MANY])
        with pytest.raises(DataError, match="holds 25 events of users, and none of them fell back"):
            read_source(source, fell_back=0.5)

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("nonsense://user:secret@host/rasa", "cannot be read as a database"),
            ("postgresql://user:secret@127.0.0.1:1/rasa?password=secret", None),
            ("postgresql://user:secret@host:port/rasa", "is no URL of a database; expected one such as postgresql://"),
        ],
    )
    def test_a_password_is_never_shown(self, url: str, message: str | None):
        with pytest.raises(DataError, match=message) as caught:
            read_source(url)
        assert "secret" not in str(caught.value)
        assert "user:***@" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_of_rasa_itself(self, tmp_path: Path):
        """Rasa's own class writes the store."""
        pytest.importorskip("rasa", reason="Rasa needs Python 3.10")
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        from rasa.core.tracker_store import SQLTrackerStore
        from rasa.shared.core.domain import Domain
        from rasa.shared.core.events import BotUttered, UserUttered
        from rasa.shared.core.trackers import DialogueStateTracker

        path = tmp_path / "rasa.db"
        rasas = SQLTrackerStore(Domain.empty(), dialect="sqlite", db=str(path))
        for number, text in enumerate(["/session_start", "hello there", *MANY]):
            intent = {"name": "nlu_fallback" if text in MANY else "greet", "confidence": 0.8}
            events = [UserUttered(text, intent, parse_data={"text": text, "intent": intent}), BotUttered("Sorry?")]
            tracker = DialogueStateTracker.from_events(f"user{number}", events)
            # In a thread: the browser of other tests keeps a loop running in this one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, rasas.save(tracker)).result()
        assert read_source(str(path)).texts == ["hello there", *MANY]
        assert read_source(str(path), fell_back=0.5).texts == MANY
