import re
from collections import Counter
from pathlib import Path

import pytest

from rasa_bert_intent.data.convert import Selection, convert
from rasa_bert_intent.data.examples import read_examples, read_located
from rasa_bert_intent.data.rasa_yaml import read_rasa_yaml
from rasa_bert_intent.errors import DataError

EXAMPLE_BOT = Path(__file__).parents[2] / "example_bot"

EVERY_FORM = """\
version: "3.1"
# Comments and other sections count as lines.
nlu:
- intent: greet
  examples: |   # a comment
    - hello

    - good [morning](time)
- synonym: nine
  examples: |
    - 9
- intent: faq/ask_name
  examples:
  - text: 'what is your [name]{"entity": "thing", "role": "own"}'
    metadata: {sentiment: neutral}
  - text: |
      [who][{"entity": "a"}, {"entity": "b"}] are you
- lookup: city
  examples: |
    - Riga
- regex: zip
  examples: |
    - [0-9]{5}
- intent: yes
  examples: "- yes\\n- sure: why not"
responses:
  utter_faq/ask_name:
  - text: "I am a bot"
"""

MERGED = """\
nlu:
- &hello
  intent: greet
  examples: |
    - hello
- <<: *hello
  intent: welcome
- <<: [{intent: bye}, *hello]
"""


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def located(path: Path) -> list[tuple[str, str, int]]:
    return [(e.intent, e.text, e.line) for e in read_rasa_yaml(path)]


def as_rasa_reads(path: Path) -> Counter:
    loading = pytest.importorskip("rasa.shared.nlu.training_data.loading", reason="Rasa needs Python 3.10")
    examples = loading.load_data(str(path)).intent_examples
    return Counter((m.get("text"), m.get("intent")) for m in examples if m.get("text"))


def as_we_read(path: Path) -> Counter:
    return Counter(zip(*read_examples(path), strict=True))


def test_every_form_with_its_line(tmp_path):
    assert located(write(tmp_path / "nlu.yml", EVERY_FORM)) == [
        ("greet", "hello", 6),
        ("greet", "good morning", 8),
        ("faq", "what is your name", 14),
        ("faq", "who are you", 17),
        ("yes", "yes", 25),
        ("yes", "sure: why not", 25),
    ]


def test_merged_examples_are_located_where_they_are_written(tmp_path):
    found = [("greet", "hello", 5), ("welcome", "hello", 5), ("bye", "hello", 5)]
    assert located(write(tmp_path / "nlu.yml", MERGED)) == found


def test_folder_is_read_deep_without_what_is_hidden_or_no_nlu(tmp_path):
    one = "nlu:\n- intent: {}\n  examples: |\n    - {}\n"
    write(tmp_path / "b.yaml", one.format("b", "in b"))
    write(tmp_path / "sub" / "a.yml", one.format("a", "in a"))
    write(tmp_path / ".hidden" / "c.yml", one.format("c", "hidden"))
    write(tmp_path / ".c.yml", one.format("c", "hidden"))
    write(tmp_path / "notes.txt", "no: [yaml")
    write(tmp_path / "rules.yml", "rules:\n- rule: hi\n")
    write(tmp_path / "list.yml", "- a\n")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    assert [(e.intent, e.path.relative_to(tmp_path).as_posix()) for e in read_located(tmp_path)] == [
        ("b", "b.yaml"),
        ("a", "sub/a.yml"),
    ]


def test_exact_repeats_are_taken_once_for_scores_and_told_apart_for_places(tmp_path):
    path = write(tmp_path / "nlu.yml", "nlu:\n- intent: a\n  examples: |\n    - x [y](b)\n    - x [y](b)\n    - x y\n")
    assert [e.line for e in read_located(path)] == [4, 5, 6]
    assert read_examples(path) == (["x y", "x y"], ["a", "a"])
    assert as_we_read(path) == as_rasa_reads(path)


@pytest.mark.parametrize(
    "content",
    [
        EVERY_FORM,
        "nlu:\n- intent: faq/a\n  examples: |\n    - same\n- intent: faq/b\n  examples: |\n    - same\n",
        "nlu:\n- intent: a\n  examples: |\n    -no blank\n    -   blanks   \n    skipped\n    - [a] b](c) [](d)\n",
        "nlu:\n- intent: a\n  examples: |\n    - \\u00e9t\\u00e9 \\U0001F600\n",
        'nlu:\n- intent: a\n  examples:\n  - text: "tab\\tand \\u2028 break"\n  - text: "  blanks [x](y:z) \\n"\n',
        'nlu:\n- intent: "on"\n  examples: &same |\n    - été\n- intent: off\n  examples: *same\n',
        MERGED,
    ],
)
def test_reads_what_rasa_reads(tmp_path, content):
    path = write(tmp_path / "nlu.yml", content)
    assert as_we_read(path) == as_rasa_reads(path) != Counter()


def test_reads_the_example_bot_as_rasa_does():
    assert as_we_read(EXAMPLE_BOT / "data" / "nlu") == as_rasa_reads(EXAMPLE_BOT / "data" / "nlu")


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-SA", "hi-IN"])
def test_reads_massive_as_rasa_does_each_example_at_its_line(massive_dir, tmp_path, locale):
    convert(massive_dir, tmp_path, locales=[locale], selection=Selection(splits=("train",)), force=True)
    path = tmp_path / "train" / "nlu.yml"
    assert as_we_read(path) == as_rasa_reads(path)
    lines = path.read_bytes().decode().split("\n")
    plain = [e for e in read_located(path) if "[" not in lines[e.line - 1] and "\\" not in lines[e.line - 1]]
    assert len(plain) > 3000
    assert all(lines[e.line - 1].strip().endswith(e.text.strip()) for e in plain if '"' not in lines[e.line - 1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no example with a text and an intent."),
        ("nlu:\n", "holds no example with a text and an intent."),
        ("nlu:\n- intent: a\n  examples: |\n    - b\n bad\n", ", line 5: not YAML: "),
        ("nlu:\n- intent: [a\n", ", line 3: not YAML: "),
        ("nlu:\n- intent: a\n  examples: |\n    - b\x07\n", ", line 4: not YAML: "),
        ("nlu: hello\n", ", line 1: 'nlu' must be a list of '- intent: ...'."),
        ("nlu:\n- greet\n", ", line 2: expected '- intent: NAME' with 'examples: |' below it."),
        ("nlu:\n- intent:\n  examples: |\n    - b\n", ", line 2: an intent needs a name."),
        (
            "nlu:\n- intent: a\n  examples:\n  - hi\n",
            ", line 4: expected '- text: ...'. For a plain list write 'examples: |' above it.",
        ),
        ("nlu:\n- intent: a\n  intent: b\n", ", line 3: 'intent' stands twice. Put both together, or remove one."),
        ("nlu:\n- intent: a\n  <<: [b]\n", ", line 3: '<<' takes a mapping such as *anchor, or a list of them."),
        ("nlu:\n- intent: a\n  examples: {b: c}\n", ", line 3: expected 'examples: |' with lines that start with '-'."),
    ],
)
def test_mistake_is_told_in_one_line_with_its_place(tmp_path, content, message):
    path = write(tmp_path / "nlu.yml", content)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_located(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_file_that_is_not_utf_8(tmp_path):
    (tmp_path / "nlu.yml").write_bytes(b"nlu:\n- intent: \xff\n")
    with pytest.raises(DataError, match="cannot be read as UTF-8 text"):
        read_located(tmp_path / "nlu.yml")


def test_format_that_is_not_read_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="rasa data convert nlu"):
        read_located(write(tmp_path / "nlu.md", "## intent: a\n- b\n"))


def test_skipped_line_is_told(tmp_path, caplog):
    path = write(tmp_path / "nlu.yml", "nlu:\n- intent: a\n  examples: |\n    - b\n    c\n\n    - d\n")
    assert [e.text for e in read_located(path)] == ["b", "d"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}, line 5: skipped, as Rasa does: an example starts with '-' ('c')."
    ]


class TestJsonLines:
    def test_places(self, tmp_path):
        path = write(tmp_path / "a.jsonl", '\ufeff{"text": "a\u2028b", "intent": "x"}\n\n{"utt": "c", "label": 3}\n')
        assert [(e.text, e.intent, e.line) for e in read_located(path)] == [("a\u2028b", "x", 1), ("c", "3", 3)]

    def test_bad_line_is_named(self, tmp_path):
        path = write(tmp_path / "a.jsonl", '{"text": "a", "intent": "x"}\n{"text": "b"}\n')
        with pytest.raises(DataError, match="line 2: expected a JSON object with text or utt, and intent"):
            read_located(path)
