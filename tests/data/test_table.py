import re

import pytest

from rasa_bert_intent.data.table import TableForm, read_table
from rasa_bert_intent.errors import DataError


@pytest.fixture
def read(tmp_path):
    def read_content(content, name="t.csv", text="text", label="label", **form):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = read_table(path, text, label, TableForm(**form))
        return [(row.line, row.text, row.label) for row in table.rows], table.notes

    return read_content


def test_a_field_may_be_a_long_mail(read):
    mail = "dear bot,\n" * 20_000
    ((_, text, label),) = read(f'text,label\n"{mail}",a\n')[0]
    assert (len(text) > 190_000, label) == (True, "a")


class TestColumns:
    def test_are_named_in_the_header(self, read):
        assert read("id,label,text\n7,a,one\n8,b,two\n")[0] == [(2, "one", "a"), (3, "two", "b")]

    @pytest.mark.parametrize(("header", "first"), [(True, []), (False, [(1, "text", "label")])])
    def test_are_numbered_from_1(self, read, header, first):
        rows, _ = read("label,text\na,one\n", text="2", label="1", header=header)
        assert rows == [*first, (2, "one", "a")]

    def test_name_of_digits_is_a_name_where_the_header_has_it(self, read):
        assert read("2,1\na,one\n", text="1", label="2")[0] == [(2, "one", "a")]

    @pytest.mark.parametrize(
        ("content", "columns", "message"),
        [
            ("label,txt\na,b\n", {}, "--text-column: {} has no column 'text'; it has 'label', 'txt'"),
            ("label;text\na;b\n", {}, "it has 'label;text'. Is there another --delimiter?"),
            ("l,t\na,b\n", {"text": "3", "label": "1"}, "--text-column: {} has no column 3; it has the columns 1 to 2"),
            ("l,t\na,b\n", {"text": "0", "label": "1"}, "has no column 0"),
            ("text,text,label\na,b,c\n", {}, "has 2 columns 'text': give its number, from 1"),
            ("text,label\na,b\n", {"label": "text"}, "are both column 1 of {}: name two"),
            ("text,label\na,b\n", {"header": False}, "--text-column is 'text'; with --no-header expected a number"),
            ("a,hi\nb,ho\na,hu\n", {"text": "2", "label": "1"}, "the label 'a' of the first row"),
            ("text,label\n", {}, "holds a header and no row below it"),
        ],
    )
    def test_wrong_column_is_told_in_one_line(self, read, tmp_path, content, columns, message):
        with pytest.raises(DataError, match=re.escape(message.format(tmp_path / "t.csv"))) as caught:
            read(content, **columns)
        assert "\n" not in str(caught.value)


class TestQuotes:
    def test_hold_line_breaks_delimiters_and_doubled_quotes(self, read):
        rows, _ = read('label,text\r\na,"one, ""two""\r\nthree"\r\n\r\nb,four\r\n')
        assert rows == [(2, 'one, "two"\r\nthree', "a"), (5, "four", "b")]

    def test_stray_ones_are_characters(self, read):
        content = 'a\t"stop" she said\na\t"begins\nb\ta "quoted" word\nb\tends"\nb\tlast\n'
        rows, _ = read(content, "t.tsv", text="2", label="1", header=False)
        assert [text for _, text, _ in rows] == ['"stop" she said', '"begins', 'a "quoted" word', 'ends"', "last"]

    def test_field_that_would_swallow_lines_which_read_well_is_none_where_tabs_separate(self, read):
        lines = 'a\t"open\nb\ttwo\na\tshut"\n'
        assert len(read("label\ttext\n" + lines, "t.tsv")[0]) == 3
        assert read("label\ttext\n" + lines, "t.tsv", quotes="csv")[0] == [(2, "open\nb\ttwo\na\tshut", "a")]
        assert len(read("label,text\n" + lines.replace("\t", ","))[0]) == 1

    def test_around_whole_fields_are_taken_off_in_a_table_of_tabs_too(self, read):
        assert read('"label"\t"text"\n"a"\t"say ""hi"""\n', "t.tsv")[0] == [(2, 'say "hi"', "a")]

    def test_line_break_in_a_table_of_tabs(self, read):
        assert read('label\ttext\na\t"one\ntwo"\n', "t.tsv")[0] == [(2, "one\ntwo", "a")]

    def test_none_keeps_them(self, read):
        assert read('label,text\na,"one"\n', quotes="none")[0] == [(2, '"one"', "a")]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("t.csv", "label,text\na,one\nb,two,three\n", "line 3: 3 columns, the first row has 2: 'b,two,three'"),
            ("t.csv", 'label,text\na,one\nb,"two,2\n', "line 3: a quoted field is not closed"),
            ("t.tsv", 'label\ttext\na\t"one" 1\nb\n', "line 3: 1 column, the first row has 2: 'b'"),
        ],
    )
    def test_row_of_another_width_is_told_with_its_line(self, read, name, content, message):
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            read(content, name)
        assert "\n" not in str(caught.value)


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_unicode_is_known_by_itself(self, read, encoding):
        rows, notes = read("label,text\nä,日 £\n".encode(encoding))
        assert (rows, notes) == ([(2, "日 £", "ä")], [])

    def test_latin_1_is_taken_for_what_is_not_utf_8_and_said(self, read):
        rows, notes = read("label,text\na,one\nb,£5\n".encode("latin-1"))
        assert rows[1] == (3, "£5", "b")
        (note,) = notes
        assert "t.csv, line 3: byte 0xa3 is no UTF-8: read as Latin-1" in note

    def test_may_be_named(self, read):
        assert read("label,text\na,“x”\n".encode("cp1252"), encoding="windows-1252")[0] == [(2, "“x”", "a")]

    @pytest.mark.parametrize(
        ("content", "encoding", "message"),
        [
            (b"label,text\na,\xa3\n", "utf-8", "line 2: not in utf-8"),
            (b"label,text\n", "utf-99", "--encoding: 'utf-99' is unknown"),
            ("label,text\na,b\n".encode("utf-16-le"), None, "line 1: holds a NUL"),
        ],
    )
    def test_that_is_wrong_is_told_in_one_line(self, read, content, encoding, message):
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            read(content, encoding=encoding)
        assert "\n" not in str(caught.value)


class TestFile:
    @pytest.mark.parametrize("content", [b"", b"\n\n", b" \n"])
    def test_empty(self, read, content):
        with pytest.raises(DataError, match="is empty: it holds no row"):
            read(content)

    def test_missing(self, tmp_path):
        with pytest.raises(DataError, match="does not exist or is no file"):
            read_table(tmp_path / "none.csv", "text", "label")

    def test_of_unknown_ending_needs_a_delimiter(self, read):
        with pytest.raises(DataError, match=r"ends in none of \.csv, \.tsv, \.tab: say by --delimiter"):
            read("label|text\na|b\n", "t.txt")
        for delimiter in ("|", "pipe"):
            assert read("label|text\na|b\n", "t.txt", delimiter=delimiter)[0] == [(2, "b", "a")]

    def test_delimiter_of_two_characters(self, read):
        with pytest.raises(DataError, match="--delimiter is '::'; expected one character"):
            read("label::text\n", delimiter="::")


def test_quotes_that_stay_for_one_that_is_amiss_are_told(read):
    rows, (note,) = read('text,label\n"hello",greet\n"bye",bye\n"it"s me",greet\n')
    assert [text for _, text, _ in rows] == ['"hello"', '"bye"', '"it"s me"']
    assert "t.csv, line 4: a quoted field is not closed or goes on after its quote" in note
    assert read('text,label\nhe said "hi,greet\nbye,bye\n')[1] == []
    assert read('text\tlabel\n"hello"\tgreet\n"it"s me\tgreet\n', name="t.tsv")[1] == []  # quotes are characters there
