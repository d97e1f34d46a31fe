import random

import pytest

from rasa_bert_intent.data.massive import Entity, Row
from rasa_bert_intent.data.rasa_nlu import annotated, write_domain, write_nlu

loading = pytest.importorskip("rasa.shared.nlu.training_data.loading", reason="Rasa needs Python 3.10")

PIECES = [
    *"ab [](){}:\\\"'-#|>&*!%@`,?~=_/$",
    *"\t\n\r\0\x07\x0b\x0c\x1b\x1c\x1d\x1e\x7f\x80\x85\x9f\xa0\u200b\u2028\u2029\ufeff\ufffe\uffff",
    *"é日ש\u0301\U0001f600\U0001fffe",
    *("\\u0041", "\\N", "\\n", "[][]", "](a)", "]{", "]]", "${HOME}", "[x](y)", '[x]{"entity": "y"}', "[x][{}]"),
    *("- ", "nlu: ", "stories:", "\n  - intent: x", "\n---\n", "\n...\n", "%YAML 1.1", " #"),
]
PRINTABLE_PIECES = [piece for piece in PIECES if piece.isprintable() and "\\" not in piece]
TYPES = ["time", "a:b", "p)", "q}", 'x"y', "t t", "日"]


def row(text, *entities, intent="tea_brew"):
    return Row("1", "en-US", "train", "tea", intent, text, tuple(Entity(*entity) for entity in entities))


def as_read(rows):
    return [
        (each.intent, each.text, [(e.start, e.end, e.type, each.text[e.start : e.end]) for e in each.entities])
        for each in rows
    ]


def read_by_rasa(path):
    return [
        (
            message.get("intent"),
            message.get("text"),
            [(e["start"], e["end"], e["entity"], e["value"]) for e in message.get("entities", [])],
        )
        for message in loading.load_data(str(path)).training_examples
    ]


def round_trip(path, rows):
    """What Rasa reads back, what was written, and what was reported."""
    reports = []
    written = write_nlu(path, rows, lambda each, note: reports.append((each.text, note)))
    return read_by_rasa(path), as_read(written), reports


def random_rows(seed, number, pieces, intents):
    generator = random.Random(seed)
    rows = {}
    while len(rows) < number:
        text = "".join(generator.choices(pieces, k=generator.randrange(1, 12)))
        intent = f"i_{generator.randrange(intents)}"
        places = range(len(text) + 1)
        cuts = sorted(generator.sample(places, min(len(places) // 2 * 2, 2 * generator.randrange(3))))
        entities = [(a, b, generator.choice(TYPES)) for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
        rows[intent, text] = row(text, *entities, intent=intent)  # Rasa drops a repeated example
    return list(rows.values())


class TestReadableForm:
    def test_file_is_as_a_person_would_write_it(self, tmp_path):
        rows = [row("wake me at nine am", (11, 18, "time")), row("brew: 'tea' #1"), row("go", intent="a_go")]
        write_nlu(tmp_path / "nlu.yml", rows, pytest.fail)
        assert (tmp_path / "nlu.yml").read_text(encoding="utf-8").splitlines()[1:] == [
            'version: "3.1"',
            "nlu:",
            "- intent: a_go",
            "  examples: |",
            "    - go",
            "",
            "- intent: tea_brew",
            "  examples: |",
            "    - wake me at [nine am](time)",
            "    - brew: 'tea' #1",
            "",
        ]

    def test_only_the_intent_that_needs_it_is_quoted(self, tmp_path):
        write_nlu(tmp_path / "nlu.yml", [row("a\tb"), row("c\\d"), row("go", intent="a_go")], pytest.fail)
        lines = (tmp_path / "nlu.yml").read_text(encoding="utf-8").splitlines()
        assert "    - go" in lines
        assert lines[-2:] == ['  - text: "a\\tb"', '  - text: "c\\\\d"']

    @pytest.mark.parametrize(
        ("text", "entities", "example"),
        [
            ("at nine", [Entity(3, 7, "time")], "at [nine](time)"),
            ("at nine", [Entity(3, 7, "a:b")], 'at [nine]{"entity": "a:b"}'),
            ("at nine", [Entity(3, 7, "}:")], 'at [nine]{"entity": "\\u007d:"}'),
            ("[at](x) nine", [Entity(8, 12, "time")], "[[][]at](x) [nine](time)"),
            (" at nine ", [], "[ ][]at nine[ ][]"),
            ("  ", [], "[  ][]"),
        ],
    )
    def test_annotation(self, text, entities, example):
        assert annotated(text, entities) == example


class TestRoundTrip:
    @pytest.mark.parametrize("seed", range(3))
    def test_any_text_in_any_intent(self, tmp_path, seed):
        read, written, reports = round_trip(tmp_path / "nlu.yml", random_rows(seed, 1500, PIECES, 30))
        assert len(read) == 1500
        assert read == written
        assert all("without its entity" in note for _, note in reports)

    @pytest.mark.parametrize("seed", range(3, 5))
    def test_any_text_in_the_readable_form(self, tmp_path, seed):
        read, written, _ = round_trip(tmp_path / "nlu.yml", random_rows(seed, 1500, PRINTABLE_PIECES, 30))
        assert read == written
        assert "- text:" not in (tmp_path / "nlu.yml").read_text(encoding="utf-8")

    def test_one_text_in_its_own_file(self, tmp_path):
        """An all ASCII file goes through a decoder of backslash escapes in Rasa, unless the writer prevents it."""
        for number, text in enumerate(["c:\\users", "\\u0041", "\\U", "\uffff", "\ufffe\u2028", "\ufeffa", "\0", " "]):
            read, written, _ = round_trip(tmp_path / f"{number}.yml", [row(text)])
            assert read == written == [("tea_brew", text, [])]

    def test_very_long_text(self, tmp_path):
        for text in ("a tea " * 4000 + "x", "a tea\t" * 4000 + "x "):
            read, written, _ = round_trip(tmp_path / "nlu.yml", [row(text)])
            assert read == written

    @pytest.mark.parametrize(
        "name", ["null", "yes", "1.0", "1e3", "a b", "é", "#c", "- d", "a: b", "${HOME}", '"q', "~"]
    )
    def test_names_that_yaml_would_take_for_something_else(self, tmp_path, name):
        read, written, _ = round_trip(tmp_path / "nlu.yml", [row("brew tea", (0, 4, name), intent=name)])
        assert read == written == [(name, "brew tea", [(0, 4, name, "brew")])]

    def test_no_synonyms_arise(self, tmp_path):
        write_nlu(tmp_path / "nlu.yml", random_rows(5, 200, PIECES, 5), lambda *_: None)
        assert loading.load_data(str(tmp_path / "nlu.yml")).entity_synonyms == {}


class TestWhatTheFormatCannotHold:
    def test_entity_with_a_closing_bracket_is_reported_and_the_text_kept(self, tmp_path):
        read, written, reports = round_trip(tmp_path / "nlu.yml", [row("tea] pot", (0, 4, "what"), (5, 8, "thing"))])
        assert read == written == [("tea_brew", "tea] pot", [(5, 8, "thing", "pot")])]
        assert reports == [
            ("tea] pot", "written without its entity 'what': an entity cannot hold ']' in Rasa's format")
        ]

    def test_empty_entity_is_reported_and_the_text_kept(self, tmp_path):
        read, written, reports = round_trip(tmp_path / "nlu.yml", [row("tea", (1, 1, "what"))])
        assert read == written == [("tea_brew", "tea", [])]
        assert len(reports) == 1

    @pytest.mark.parametrize("text", ["", "a\ud800b"])
    def test_text_is_reported_and_left_out(self, tmp_path, text):
        read, written, reports = round_trip(tmp_path / "nlu.yml", [row(text), row("tea")])
        assert read == written == [("tea_brew", "tea", [])]
        assert [(each, note.split(":")[0]) for each, note in reports] == [(text, "left out")]


@pytest.mark.parametrize("entities", [[], ["time", "null", "a: b"]])
def test_domain_is_read_by_rasa(tmp_path, entities):
    domain = pytest.importorskip("rasa.shared.core.domain")
    write_domain(tmp_path / "domain.yml", ["tea_brew", "yes", "a b", "yes"], entities)
    read = domain.Domain.from_path(str(tmp_path / "domain.yml"))
    assert {"tea_brew", "yes", "a b"} <= set(read.intents)
    assert sorted(read.entities) == sorted(entities)
