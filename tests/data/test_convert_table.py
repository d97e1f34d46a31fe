import csv
import random
from collections import Counter

import pytest
from folders import contents, files

from rasa_bert_intent.cli import main
from rasa_bert_intent.data.clean import clean, intent_name
from rasa_bert_intent.data.convert_table import Shares, convert_table
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.data.table import TableForm
from rasa_bert_intent.errors import DataError

PIECES = [
    *"ab [](){}:\\\"'-#|>&*!%@`,?~=_/$;",
    *"\t\n\r\x01\x07\x0b\x0c\x1b\x1c\x7f\x80\x85\x92\x9f\xa0\xad\u200b\u2028\u2029\ufeff\ufffe\uffff",
    *"é日ש\u0301\U0001f600",
    *("\\u0041", "\\n", "[][]", "](a)", "[x](y)", '[x]{"entity": "y"}', "- ", "\n- intent: x", "${HOME}", '""'),
]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "mail.tsv"
    lines = [f"{label}\t{label} number {number}\n" for number in range(20) for label in ("spam", "ham")]
    path.write_text("label\ttext\n" + "".join(lines), "utf-8")
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"


def convert(source, output, **options):
    return convert_table(source, output, "text", "label", **options)


def pairs(folder):
    return sorted(zip(*read_examples(folder), strict=True))


class TestFiles:
    def test_all_goes_to_train(self, source, output):
        summary = convert(source, output)
        assert files(output) == ["domain.yml", "train/nlu.yml"]
        assert summary.rows == {"train": 40}
        assert summary.intents == {"spam": 20, "ham": 20}
        assert summary.notes == ()
        assert ("ham number 3", "ham") in pairs(output / "train")
        assert (output / "train/nlu.yml").read_text("utf-8").startswith("# mail.tsv → Rasa")
        assert "- ham\n- spam\n" in (output / "domain.yml").read_text("utf-8")

    def test_shares_are_of_each_label_and_disjoint(self, source, output):
        convert(source, output)
        all_pairs = pairs(output / "train")
        summary = convert(source, output, shares=Shares(dev=0.1, test=0.2, seed=3), force=True)
        assert summary.rows == {"train": 28, "dev": 4, "test": 8}
        parts = [pairs(output / split) for split in ("train", "dev", "test")]
        assert sorted(pair for part in parts for pair in part) == all_pairs
        assert [sum(label == "spam" for _, label in part) for part in parts] == [14, 2, 4]

    def test_shares_follow_the_seed(self, source, tmp_path):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            convert(source, tmp_path / name, shares=Shares(test=0.5, seed=seed))
        assert pairs(tmp_path / "a" / "test") == pairs(tmp_path / "b" / "test") != pairs(tmp_path / "c" / "test")

    @pytest.mark.parametrize("shares", [{"dev": -0.1}, {"test": 1.0}, {"dev": 0.5, "test": 0.5}, {"dev": float("nan")}])
    def test_shares_that_make_no_sense(self, shares):
        with pytest.raises(DataError, match="together below 1"):
            Shares(**shares)


class TestNotes:
    def test_what_is_changed_or_left_out_is_said(self, output, tmp_path):
        source = tmp_path / "t.csv"
        source.write_text(
            "label,text\nnot spam,it\x92s a\x07b\x92\nspam,\n,hello\nspam, win\nspam,win \nspam,lose\n", "utf-8"
        )
        summary = convert(source, output)
        assert summary.notes == (
            "3 characters in 1 row replaced, which Rasa's files cannot hold: U+0092 by '\u2019' (2), U+0007 by ' ' (1)",
            "2 rows left out, without a text or a label: lines 3, 4",
            "1 row left out, whose text stands under the same label before",
            "label 'not spam' is written as intent 'not_spam'",
        )
        assert pairs(output / "train") == [("it\u2019s a b\u2019", "not_spam"), ("lose", "spam"), ("win", "spam")]

    @pytest.mark.parametrize(
        ("rows", "note"),
        [("x,one\nx,two\n", "every row has the label 'x'"), ("x,a\ny,b\nz,c\n", "3 labels for 3 texts: is it the")],
    )
    def test_labels_that_cannot_be_meant_are_doubted(self, rows, note, output, tmp_path):
        (tmp_path / "t.csv").write_text("label,text\n" + rows)
        assert note in convert(tmp_path / "t.csv", output).notes[0]


class TestNothingHalfDone:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("a b,one\na/b,two\n", "line 3: the labels 'a b' and 'a/b' would both become the intent 'a_b': rename one"),
            (" , \n,one\n", "holds no row with a text and a label"),
            ("x,one\nx\n", "line 3: 1 column"),
        ],
    )
    @pytest.mark.parametrize("existing", [False, True])
    def test_after_an_error(self, rows, message, existing, source, output, tmp_path):
        if existing:
            convert(source, output)
        before = contents(tmp_path)
        (tmp_path / "t.csv").write_text("label,text\n" + rows)
        with pytest.raises(DataError, match=message):
            convert(tmp_path / "t.csv", output, force=True)
        (tmp_path / "t.csv").unlink()
        assert contents(tmp_path) == before
        assert output.exists() == existing
        assert not list(tmp_path.glob(".*"))

    def test_folder_of_something_else_is_refused(self, source, output):
        output.mkdir()
        (output / "diary.txt").write_text("dear diary")
        for force in (False, True):
            with pytest.raises(DataError, match="output"):
                convert(source, output, force=force)
        assert files(output) == ["diary.txt"]


class TestClean:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("  a \t b\n", "a \t b"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("\x93hi\x94 \x85 \x80\x81", "“hi” … €"),
            ("a\u2028b\u2029c\x0bd\uffffe\ud800f\x7f", "a\nb\nc d e f"),
            ("é日\u200b\ufeff\U0001f600\xa0x", "é日\u200b\ufeff\U0001f600\xa0x"),
        ],
    )
    def test_of_texts(self, text, expected):
        replaced = Counter()
        assert clean(text, replaced) == expected
        assert clean(expected, fresh := Counter()) == expected
        assert not fresh

    @pytest.mark.parametrize(
        ("label", "expected"),
        [("ok", "ok"), (" a  b ", "a_b"), ("a/b", "a_b"), ("x@1{y}", "x_1_y_"), ("1", "1"), ("\x92\t", ""), ("é", "é")],
    )
    def test_of_labels(self, label, expected):
        assert intent_name(label) == expected


class TestRasa:
    @pytest.mark.parametrize("delimiter", [",", "\t"])
    def test_reads_back_every_cleaned_text(self, delimiter, output, tmp_path):
        loading = pytest.importorskip("rasa.shared.nlu.training_data.loading", reason="Rasa needs Python 3.10")
        generator = random.Random(7)
        rows = [("".join(generator.choices(PIECES, k=generator.randrange(1, 9))), f"l_{i % 9}") for i in range(900)]
        with (tmp_path / "t.txt").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerows([("text", "label"), *rows])
        convert(tmp_path / "t.txt", output, form=TableForm(delimiter=delimiter))
        expected = {(clean(text, Counter()), label) for text, label in rows} - {("", f"l_{i}") for i in range(9)}
        data = loading.load_data(str(output / "train"))
        assert {(m.get("text"), m.get("intent")) for m in data.training_examples} == expected
        assert len(data.training_examples) == len(expected) > 800

    @pytest.mark.parametrize("character", ["\0", "\x07", "\r", "\x7f", "\x85", "\x92", "\x9d", "\u2028", "\uffff"])
    def test_refuses_what_it_wrote_itself_before_cleaning_and_reads_it_after(self, character):
        yaml = pytest.importorskip("rasa.shared.nlu.training_data.formats.rasa_yaml", reason="Rasa needs Python 3.10")
        from rasa.shared.exceptions import YamlSyntaxException
        from rasa.shared.nlu.training_data.message import Message
        from rasa.shared.nlu.training_data.training_data import TrainingData

        def written_and_read(text):
            written = yaml.RasaYAMLWriter().dumps(TrainingData([Message.build(text, "x")]))
            return [message.get("text") for message in yaml.RasaYAMLReader().reads(written).training_examples]

        text = f"a{character}b"
        with pytest.raises(YamlSyntaxException):
            written_and_read(text)
        assert written_and_read(clean(text, Counter())) == [clean(text, Counter())]


class TestCommand:
    def test_prints_one_line_and_notes_apart(self, source, output, capsys):
        source.write_bytes(source.read_bytes() + b"spam\tit\xc2\x92s\n")
        arguments = ["--text-column", "text", "--label-column", "label", "--test-share", "0.25"]
        assert main(["convert", str(source), "--output-dir", str(output), *arguments]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("31 train + 10 test examples, 2 intents (")
        assert err == "1 character in 1 row replaced, which Rasa's files cannot hold: U+0092 by '\u2019' (1)\n"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "--text-column is missing; the first row of {} is ['label', 'text']"),
            (["--text-column", "text"], "--label-column is missing"),
            (
                ["--text-column", "2", "--label-column", "1", "--locale", "all"],
                "--locale is not for {}",
            ),
            (["--text-column", "text", "--label-column", "intent"], "has no column 'intent'; it has 'label', 'text'"),
        ],
    )
    def test_mistake_is_one_line(self, arguments, message, source, output, capsys):
        assert main(["convert", str(source), "--output-dir", str(output), *arguments]) == 1
        out, err = capsys.readouterr()
        assert message.format(source) in err
        assert (out, err.count("\n"), output.exists()) == ("", 1, False)

    def test_option_of_a_table_is_refused_for_massive(self, output, tmp_path, capsys):
        (tmp_path / "massive").mkdir()
        assert main(["convert", str(tmp_path / "massive"), "--output-dir", str(output), "--test-share", "0.2"]) == 1
        assert "--test-share is not for" in capsys.readouterr().err
