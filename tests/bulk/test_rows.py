import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rasa_bert_intent.bulk.rows import Row, open_rows
from rasa_bert_intent.data.table import TableForm
from rasa_bert_intent.errors import DataError

Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return to_file


def _read(path: Path, text_column: str | None = None, **form: object) -> list[tuple[str, str]]:
    """Text and reason of each row; the numbers count from 1, and the file is read to its end."""
    with open_rows(path, text_column, TableForm(**form)) as (rows, progress):  # type: ignore[arg-type]
        found = list(rows)
        assert progress.done() == progress.total
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    return [(row.text, row.reason) for row in found]


def test_lines_are_rows_and_those_that_cannot_be_scored_say_why(write: Write):
    path = write("messages.txt", "\ufeffhello\r\n\n naïve\u2028one \n".encode() + b"caf\xe9\nlast")
    assert _read(path) == [
        ("hello", ""),
        ("", "no text"),
        (" naïve\u2028one ", ""),
        ("caf\ufffd", "not UTF-8"),
        ("last", ""),
    ]


def test_line_without_end_does_not_fill_the_memory(write: Write):
    rows = _read(write("messages.txt", b"a\n" + b"x" * 3_000_000 + b"\nb\n" + b"y" * 2_000_000))
    assert [reason for _, reason in rows] == ["", *["a line of more than 1,048,576 bytes"], "", rows[1][1]]
    assert [len(text) for text, _ in rows] == [1, 200, 1, 200]


def test_json_lines(write: Write):
    lines = [
        b'{"utt": "hello", "id": 1}',
        b'{"text": "both", "utt": "x"}',
        b"{",
        b"",
        b'["hello"]',
        b'{"message": "hello"}',
        b'{"text": 5}',
        b'{"text": null}',
        b'{"text": "  "}',
        b'{"text": "half \\ud83d"}',
        b'{"text": "caf\xe9"}',
    ]
    rows = _read(write("messages.jsonl", b"\n".join(lines) + b"\n"))
    assert rows[:2] == [("hello", ""), ("both", "")]
    assert [reason for _, reason in rows[2:]] == [
        "not JSON",
        "no text",
        "JSON, but no object: list",
        "no 'text' or 'utt' in it",
        "the text is int, not a string",
        "no text",
        "no text",
        "the text holds half a character (a lone surrogate)",
        "not UTF-8",
    ]
    assert rows[4][0] == '["hello"]'
    assert _read(write("messages.jsonl", lines[5]), "message") == [("hello", "")]


def test_csv_has_quotes_and_a_bad_row_does_not_stop_it(write: Write):
    content = b'id,text\n1,"two\nlines, ""quoted"""\n2\n3,a,b\n\n4,"x"y\n5,caf\xe9\n6, \n\xff,fine\n7,"open\n'
    assert _read(write("messages.csv", content)) == [
        ('two\nlines, "quoted"', ""),
        ("2", "1 columns, the first row has 2"),
        ("3,a,b", "3 columns, the first row has 2"),
        ("", "no text"),
        ("", "no row of a table: ',' expected after '\"'"),
        ("5,caf?", "not in the file's encoding"),
        ("6, ", "no text"),
        ("fine", ""),
        ("", "no row of a table: unexpected end of data"),
    ]


def test_a_long_mail_is_a_row_and_a_quote_that_is_never_closed_is_told(write: Write):
    mail = b"dear bot,\n" * 20_000
    assert [len(text) for text, _ in _read(write("mails.csv", b'text\nfirst\n"' + mail + b'"\nlast\n'))] == [
        5,
        len(mail),
        4,
    ]
    with pytest.raises(
        DataError, match=r"open\.csv, row 2: a field of more than 4,194,304 characters. Is a quote not closed\?"
    ):
        _read(write("open.csv", b'text\nfirst\n"open\n' + b"a line\n" * 700_000))


def test_table_of_tabs_has_no_quotes_unless_told(write: Write):
    path = write("messages.tsv", b'text\tid\n"so\t1\nhe said "no"\t2\n')
    assert _read(path) == [('"so', ""), ('he said "no"', "")]
    assert _read(write("quoted.tsv", b'text\tid\n"a\tb"\t1\n'), quotes="csv") == [("a\tb", "")]


def test_form_of_a_table_can_be_told(write: Write):
    path = write("messages.csv", "1;hällo\n2;bye\n".encode("latin-1"))
    form = {"header": False, "delimiter": "semicolon", "encoding": "latin-1"}
    assert _read(path, "2", **form) == [("hällo", ""), ("bye", "")]
    marked = write("marked.csv", "id,text\n1,hällo\n".encode("utf-16"))
    assert _read(marked) == [("hällo", "")]


def test_parquet(write: Write, tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    from pyarrow import parquet

    raw = pyarrow.array([b"hello", None, b" ", b"caf\xe9", b"last"])
    texts = pyarrow.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2], raw.buffers()[0])
    numbers = pyarrow.array(range(5))
    parquet.write_table(pyarrow.table({"id": numbers, "text": texts}), tmp_path / "messages.parquet")
    assert _read(tmp_path / "messages.parquet") == [
        ("hello", ""),
        ("", "no text"),
        (" ", "no text"),
        ("caf\ufffd", "not UTF-8"),
        ("last", ""),
    ]
    encoded = pyarrow.array(["a", "b", "a", None]).dictionary_encode()
    parquet.write_table(pyarrow.table({"utt": encoded}), tmp_path / "encoded.parquet")
    assert [text for text, _ in _read(tmp_path / "encoded.parquet")] == ["a", "b", "a", ""]
    with pytest.raises(DataError, match=r"--text-column: 'id' in .* is of type int64; expected strings"):
        _read(tmp_path / "messages.parquet", "id")
    with pytest.raises(DataError, match="has 0 columns 'message'"):
        _read(tmp_path / "messages.parquet", "message")
    whole = (tmp_path / "messages.parquet").read_bytes()
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        _read(write("half.parquet", whole[: len(whole) // 2]))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell its memory")
def test_parquet_of_one_row_group_is_not_read_into_memory(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    from pyarrow import parquet

    code = (
        "import sys; from pathlib import Path; from rasa_bert_intent.bulk.rows import open_rows\n"
        "with open_rows(Path(sys.argv[1])) as (rows, _): print(sum(1 for row in rows))\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    peaks = []
    for times in (1_000, 100_000):
        column = pyarrow.array([os.urandom(300).hex() for _ in range(times)])
        source = tmp_path / f"{times}.parquet"
        parquet.write_table(pyarrow.table({"text": column}), source, row_group_size=times, use_dictionary=False)
        command = [sys.executable, "-c", code, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        number, peak = map(int, done.stdout.split())
        assert number == times
        peaks.append(peak / 1024)
    assert source.stat().st_size > 50_000_000
    assert peaks[1] - peaks[0] < 25, peaks


def test_without_pyarrow_parquet_is_refused_with_what_to_install(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"pip install 'rasa-bert-intent\[parquet\]'"):
        _read(write("messages.parquet", b""))


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("none.csv", None, None, "none.csv is no file"),
        ("empty.csv", b"", None, "is empty: it holds no row"),
        ("other.csv", b"message,id\nhi,1\n", None, "--text-column is missing; .* has 'message', 'id': name one"),
        ("other.csv", b"message,id\nhi,1\n", "body", "--text-column: .* has no column 'body'"),
        ("lines.txt", b"hi\n", "text", "has a message a line"),
    ],
)
def test_what_cannot_be_read_is_refused(
    name: str, content: bytes | None, column: str | None, message: str, write: Write, tmp_path: Path
):
    path = tmp_path / name if content is None else write(name, content)
    with pytest.raises(DataError, match=message):
        _read(path, column)


def test_errors_of_where_the_rows_go_are_not_told_of_the_input(write: Write):
    path = write("messages.jsonl", json.dumps({"text": "hi"}).encode())
    with open_rows(path) as (rows, _):
        assert next(rows) == Row(1, "hi")
    with pytest.raises(OSError, match="disk full"), open_rows(path):
        raise OSError("disk full")


@pytest.mark.parametrize(
    ("row", "end", "line"),
    [
        ('so he said "hi', 'and "then" he left', 7),  # the quote closes in the middle of another row
        ('"so he said hi', "he left", 7),  # nowhere
        ('"so he said hi', 'he left"', 7),  # at the end of another row
    ],
)
def test_a_quote_that_is_not_closed_in_its_line_costs_no_row_in_silence(row, end, line, write: Write):
    lines = ["row,text", *(f"{number},text {number}" for number in range(1, 21))]
    lines[6], lines[15] = f"6,{row}" if row[0] == '"' else f'6,"{row[:5]}', f"15,{end}"
    with pytest.raises(DataError, match=rf"row 6, line {line}: a quote is not closed in its line.*--quotes none"):
        _read(write("messages.csv", "\n".join(lines).encode()), "text")


def test_a_text_may_hold_line_breaks_and_delimiters(write: Write):
    texts = ["Hi,\n\nI cannot log in, please help\nThanks", "one\ntwo"]
    rows = "".join(f'{number},"{text}"\n' for number, text in enumerate(texts))
    assert _read(write("last.csv", f"row,text\n{rows}".encode()), "text") == [(text, "") for text in texts]
    texts.append("a, b\nc, d\ne, f")
    rows = "".join(f'"{text}",{number}\n' for number, text in enumerate(texts))
    assert _read(write("first.csv", f"text,row\n{rows}".encode()), "text") == [(text, "") for text in texts]


def test_the_line_of_a_quote_that_is_not_closed_is_told_without_a_header_too(write: Write):
    with pytest.raises(DataError, match="row 2, line 2: a quote is not closed"):
        _read(write("messages.csv", b'1,one\n2,"two\n3,three\n4,"four"\n'), "2", header=False)


def test_what_is_no_text_is_not_scored(write: Write):
    with pytest.raises(DataError, match=r"is in UTF-16\. Save it as UTF-8"):
        _read(write("marked.txt", "wake me up".encode("utf-16")))
    unmarked = _read(write("unmarked.txt", "wake me up".encode("utf-16-le")))
    assert [reason for _, reason in unmarked] == ["holds a NUL: no plain text, or not in UTF-8"]
    for name in ("messages.csv.gz", "messages.XLSX", "messages.json"):
        with pytest.raises(DataError, match=rf"{name} is no file of lines"):
            _read(write(name, b"PK"))


def test_ndjson_is_json_lines(write: Write):
    lines = b'{"text": "wake me up"}\n{"text": "a\\u0000b"}\n'
    assert _read(write("messages.ndjson", lines)) == [("wake me up", ""), ("a\0b", "")]


def test_a_text_of_lines_that_look_like_rows_is_a_text(write: Write):
    mail = "Hi Bob,\nthanks a lot, see you\nbye, Ann"
    numbered = f'id,text\n1,hello\n2,"{mail}"\n3,last\n'.encode()
    assert [text for text, _ in _read(write("numbered.csv", numbered), "text")] == ["hello", mail, "last"]
    named = f'id,text\na,hello\nb,"{mail}"\nc,last\n'.encode()
    with pytest.raises(DataError, match=r"row 2, line 3: .* say --quotes csv"):
        _read(write("named.csv", named), "text")
    assert [text for text, _ in _read(write("named.csv", named), "text", quotes="csv")] == ["hello", mail, "last"]


@pytest.mark.parametrize(
    "content",
    ['sender,text\nMum,"hello\n80010,win a cruise\nDad,bye"\nAnn,last\n', 'id,text\n1,"hello\n,there\n3,bye"\n'],
)
def test_a_quote_that_is_not_closed_is_told_where_rows_begin_in_several_ways(content: str, write: Write):
    with pytest.raises(DataError, match="row 1, line 2: a quote is not closed"):
        _read(write("messages.csv", content.encode()), "text")


def test_csv_is_no_advice_where_quotes_of_csv_are_amiss(write: Write):
    with pytest.raises(DataError, match="not closed") as caught:
        _read(write("messages.csv", b'id,text\n1,"hello\nworld"x\n2,y\n'), "text")
    assert "--quotes csv" not in str(caught.value)


def test_blank_lines_before_the_header_are_none(write: Write):
    assert _read(write("messages.csv", b"\n,\nid,text\n1,hello\n"), "text") == [("hello", "")]
    with pytest.raises(DataError, match="is empty"):
        _read(write("blank.csv", b"\n\n"), "text")
    with pytest.raises(DataError, match="line 3: no row of a table"):
        _read(write("amiss.csv", b'\n\n"id"x,text\n'), "text")
