"""Databases of a study that are none, refuse, or have odd names."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from studies import opened, score

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.tuning.storage import address_of, open_storage, place_of, shown
from rasa_bert_intent.tuning.study import work


def _not_a_database(path: Path) -> str:
    path.write_text("nothing of a database " * 100, "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_not_a_database, "cannot be read or written (file is not a database)"),
        (lambda path: str(path / "none" / "study.db"), "cannot be read or written (unable to open database file)"),
        (lambda path: "postgresql://me:secret@127.0.0.1:1/x", "--study: "),
        (lambda path: "nonsense://me:secret@x", "--study: nonsense://me:***@x cannot be read or written"),
        (
            lambda path: "postgresql://me:secret@host:port/x",
            "--study: postgresql://me:***@host:port/x is no URL of a d",
        ),
        (lambda path: "postgresql://me:sec@ret@host/x", "the password holds an @; write it as %40"),
        (lambda path: "postgresql://me:sec{ret@127.0.0.1:1/x", "--study: postgresql://me:***@127.0.0.1:1/x cannot be"),
        (lambda path: "sqlite://", "--study: sqlite:// is in memory, where every trial would be lost at the end. Name"),
        (lambda path: "sqlite:///", "is in memory"),
        (lambda path: "sqlite+pysqlite:///:memory:", "sqlite+pysqlite:///:memory: is in memory"),
        (lambda path: "sqlite:///file:x?mode=memory&uri=true", "is in memory"),
    ],
    ids=[
        "not a database",
        "no folder",
        "no server",
        "no such database",
        "no URL",
        "an @",
        "a brace",
        "in memory",
        "no name",
        "in memory by name",
        "in memory by an option",
    ],
)
def test_a_database_that_is_none_is_told_in_one_line(make: Callable[[Path], str], told: str, tmp_path: Path):
    with pytest.raises(DataError) as error:
        open_storage(address_of(make(tmp_path / "file")))
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert "sec" not in str(error.value)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_what_a_server_refuses_is_told_in_one_line_without_the_password(kind: str, request: pytest.FixtureRequest):
    server = request.getfixturevalue(kind)
    wrong = server.url(server.maintenance, password="wrong-word")
    missing = server.url("nowhere")
    for url, reason in ((wrong, "tester"), (missing, "nowhere")):
        with pytest.raises(DataError, match=r"cannot be read or written .*What was found so far stays there") as error:
            open_storage(address_of(url))
        assert reason in str(error.value).partition("(")[2]
        assert "word" not in str(error.value).replace("password", "")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgresql://me@host/x", "psycopg2", "postgresql"), ("mysql://me@host/x", "pymysql", "mysql")],
)
def test_without_a_driver_it_is_told_what_to_install(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=rf"needs a driver \(.*{module}.*\): pip install 'rasa-bert-intent\[{extra}\]'"):
        open_storage(address_of(url))


@pytest.mark.parametrize("name", ["a {b} ü.db", "100%25 #1 & a+b@c:d.db"])
def test_an_odd_path_is_a_path(name: str, tmp_path: Path):
    path = tmp_path / name
    address = address_of(str(path))
    work(opened(address), score, 1)
    assert list(tmp_path.iterdir()) == [path]
    assert shown(address) == str(path)
    assert shown("mysql://me:secret@host/db") == "mysql://me:***@host/db"


@pytest.mark.parametrize(
    ("study", "place"),
    [
        ("tuning/study.db", "study.db"),
        ("sqlite:///study.db", "../study.db"),
        ("postgresql://me:secret@host:5432/x?password=secret", "postgresql://host:5432/x"),
        ("mysql://host/x", "mysql://host/x"),
    ],
)
def test_the_place_of_a_study_is_told_from_a_folder_and_without_a_login(study: str, place: str):
    assert place_of(address_of(study), Path("tuning")) == place


def test_a_url_may_hold_braces(tmp_path: Path):
    address = address_of(f"sqlite:///{tmp_path}/a {{b}}.db")
    work(opened(address), score, 1)
    assert list(tmp_path.iterdir()) == [tmp_path / "a {b}.db"]
    assert shown(address) == f"{tmp_path}/a {{b}}.db"
    with pytest.raises(DataError, match=r"a \{b\}\.db holds a search with other data"):
        opened(address, fingerprint={"data": "2"})


def test_a_path_with_a_question_mark_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"study\?\.db holds a \?, which no database's URL can"):
        address_of(str(tmp_path / "study?.db"))
