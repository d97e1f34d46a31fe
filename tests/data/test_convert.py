import argparse
import json
import re
import tarfile
import tracemalloc
from collections import Counter

import pytest
from folders import contents, files

from rasa_bert_intent.cli import convert as command
from rasa_bert_intent.data import convert as conversion
from rasa_bert_intent.data.convert import Selection, convert
from rasa_bert_intent.data.massive import SPLITS
from rasa_bert_intent.errors import DataError

INTENTS = ("tea_brew", "tea_query", "coffee_grind")


def records(locale="en-US", number=10):
    """``number`` rows of each intent and split."""
    for count in range(number * len(INTENTS) * len(SPLITS)):
        intent = INTENTS[count % len(INTENTS)]
        yield {
            "id": str(count),
            "locale": locale,
            "partition": SPLITS[count // len(INTENTS) % len(SPLITS)],
            "scenario": intent.split("_")[0],
            "intent": intent,
            "utt": f"{intent[-3:]} cup {count}",
            "annot_utt": f"{intent[-3:]} [vessel : cup] {count}",
        }


def json_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "en-US.jsonl"
    path.parent.mkdir()
    path.write_bytes(json_lines(records()))
    return path.parent


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"


def add_locale(source, locale, number=10):
    (source / f"{locale}.jsonl").write_bytes(json_lines(records(locale, number)))


def tar_gz(path, source):
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(source.glob("*.jsonl")):
            archive.add(file, f"1.1/data/{file.name}")
    return path


def examples(folder, split="train"):
    """Intent and annotated text of each example."""
    found, intent = [], ""
    for line in (folder / split / "nlu.yml").read_text(encoding="utf-8").splitlines():
        if line.startswith("- intent: "):
            intent = line.removeprefix("- intent: ")
        elif line.startswith("    - "):
            found.append((intent, line.removeprefix("    - ")))
    return found


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["convert", *map(str, arguments)])
    return args.run(args)


class TestFiles:
    def test_one_locale_goes_to_the_folder_itself(self, source, output):
        (summary,) = convert(source, output)
        assert files(output) == ["dev/nlu.yml", "domain.yml", "test/nlu.yml", "train/nlu.yml"]
        assert ("tea_brew", "rew [cup](vessel) 0") in examples(output)
        assert (summary.rows, summary.intents, summary.entity_types) == ({"train": 30, "dev": 30, "test": 30}, 3, 1)
        assert (summary.left_out, summary.lost_entities, summary.notes) == (0, 0, ())

    @pytest.mark.parametrize("locales", [["nl-NL", "en-US"], None])
    @pytest.mark.parametrize("archived", [False, True])
    def test_several_locales_go_to_their_own_folders(self, source, output, tmp_path, locales, archived):
        add_locale(source, "nl-NL")
        summaries = convert(tar_gz(tmp_path / "m.tar.gz", source) if archived else source, output, locales=locales)
        assert {summary.locale for summary in summaries} == {"en-US", "nl-NL"}
        assert sorted(path.name for path in output.iterdir()) == ["en-US", "nl-NL"]
        assert examples(output / "nl-NL", "dev") == examples(output / "en-US", "dev") != []

    def test_all_is_nested_even_where_it_is_one(self, source, output):
        convert(source, output, locales=None)
        assert [path.name for path in output.iterdir()] == ["en-US"]

    def test_split_without_rows_is_not_written(self, source, output):
        rows = [row for row in records() if row["partition"] != "dev"]
        (source / "en-US.jsonl").write_bytes(json_lines(rows))
        (summary,) = convert(source, output)
        assert summary.rows == {"train": 30, "dev": 0, "test": 30}
        assert not (output / "dev").exists()

    def test_nothing_beside_the_folder_remains(self, source, output):
        convert(source, output)
        assert sorted(path.name for path in output.parent.iterdir()) == ["output", "source"]


class TestSelection:
    def convert(self, source, output, **options):
        return convert(source, output, selection=Selection(**options))[0]

    def test_splits(self, source, output):
        self.convert(source, output, splits=["test"])
        assert files(output) == ["domain.yml", "test/nlu.yml"]

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"intents": ["tea_brew"]}, {"tea_brew"}),
            ({"scenarios": ["tea"]}, {"tea_brew", "tea_query"}),
            ({"intents": ["tea_brew"], "scenarios": ["coffee"]}, {"tea_brew", "coffee_grind"}),
        ],
    )
    def test_intents_and_scenarios(self, source, output, options, expected):
        self.convert(source, output, **options)
        assert {intent for split in SPLITS for intent, _ in examples(output, split)} == expected
        domain = (output / "domain.yml").read_text()
        assert {intent for intent in INTENTS if intent in domain} == expected

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"intents": ["tea_brwe"]}, "has no intent 'tea_brwe' (did you mean tea_brew?)"),
            ({"scenarios": ["juice"]}, "has no scenario 'juice' (it has coffee, tea)"),
        ],
    )
    def test_unknown_name(self, source, output, options, message):
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            self.convert(source, output, **options)
        assert "\n" not in str(caught.value)
        assert not output.exists()

    def test_without_entities(self, source, output):
        assert self.convert(source, output, entities=False).entity_types == 0
        assert ("tea_brew", "rew cup 0") in examples(output)
        assert "entities: []" in (output / "domain.yml").read_text()

    def test_max_per_intent_is_for_train_alone(self, source, output):
        assert self.convert(source, output, max_per_intent=4).rows == {"train": 12, "dev": 30, "test": 30}
        assert Counter(intent for intent, _ in examples(output)) == dict.fromkeys(INTENTS, 4)

    def test_sample_follows_the_seed(self, source, tmp_path):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            self.convert(source, tmp_path / name, max_per_intent=4, seed=seed)
        assert examples(tmp_path / "a") == examples(tmp_path / "b") != examples(tmp_path / "c")

    def test_sample_of_an_intent_does_not_change_with_the_others(self, source, tmp_path):
        self.convert(source, tmp_path / "all", max_per_intent=4)
        self.convert(source, tmp_path / "one", max_per_intent=4, intents=["tea_query"])
        assert examples(tmp_path / "one") == [each for each in examples(tmp_path / "all") if each[0] == "tea_query"]

    def test_sample_is_no_more_than_there_is(self, source, output):
        assert self.convert(source, output, max_per_intent=99).rows["train"] == 30

    @pytest.mark.parametrize("options", [{"max_per_intent": 0}, {"splits": ["exam"]}, {"splits": []}])
    def test_option_that_makes_no_sense(self, options):
        with pytest.raises(DataError, match="expected"):
            Selection(**options)


class TestNotes:
    def test_what_cannot_be_carried_is_counted_and_named(self, source, output):
        base = next(records())
        odd = [
            {**base, "id": "bad-1", "utt": "\ud800", "annot_utt": "\ud800"},
            {**base, "id": "bad-2", "utt": "two cups", "annot_utt": "Two [vessel : mugs]"},
        ]
        path = source / "en-US.jsonl"
        path.write_bytes(path.read_bytes() + json_lines(odd))
        (summary,) = convert(source, output)
        assert summary.rows["train"] == 31
        assert (summary.left_out, summary.lost_entities) == (1, 1)
        assert "1 rows left out, 1 entities lost" in str(summary)
        assert sorted(summary.notes) == [
            f"{path}, line 91, id bad-1: left out: it holds a lone surrogate, which UTF-8 cannot write",
            f"{path}, line 92, id bad-2: written without its entity 'vessel': its value is not found in 'utt'",
        ]
        assert ("tea_brew", "two cups") in examples(output)


class TestNothingHalfDone:
    def break_last_line(self, path):
        path.write_bytes(path.read_bytes() + b"{\n")

    @pytest.mark.parametrize("existing", [False, True])
    def test_error_in_the_second_locale(self, source, output, existing):
        add_locale(source, "nl-NL")
        if existing:
            convert(source, output)
        before = contents(output.parent)
        self.break_last_line(source / "nl-NL.jsonl")
        before["source/nl-NL.jsonl"] += b"{\n"
        with pytest.raises(DataError, match=r"nl-NL.jsonl, line 91: not JSON"):
            convert(source, output, locales=None, force=True)
        assert contents(output.parent) == before
        assert output.exists() == existing
        assert not list(output.parent.glob(".*"))

    def test_interrupt(self, source, output, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        convert(source, output)
        before = contents(output)
        monkeypatch.setattr(conversion, "write_domain", interrupted)
        with pytest.raises(KeyboardInterrupt):
            convert(source, output, force=True, selection=Selection(intents=["tea_brew"]))
        assert contents(output) == before
        assert not list(output.parent.glob(".*"))

    def test_failing_rename_puts_the_former_folder_back(self, source, output, monkeypatch):
        convert(source, output)
        before = contents(output)
        rename = type(output).rename

        def refuse(path, target):
            if path.name.endswith(".partial"):
                raise PermissionError(13, "Permission denied")
            return rename(path, target)

        monkeypatch.setattr(type(output), "rename", refuse)
        with pytest.raises(DataError, match=r"output cannot be written: Permission denied"):
            convert(source, output, force=True, selection=Selection(intents=["tea_brew"]))
        assert contents(output) == before
        assert not list(output.parent.glob(".*"))

    def test_truncated_archive(self, source, output, tmp_path):
        archive = tar_gz(tmp_path / "m.tar.gz", source)
        archive.write_bytes(archive.read_bytes()[:-200])
        with pytest.raises(DataError, match=r"m.tar.gz cannot be read"):
            convert(archive, output)
        assert not output.exists()


class TestOutputFolder:
    def test_full_folder_is_refused(self, source, output):
        output.mkdir()
        (output / "mine.txt").write_text("mine")
        with pytest.raises(DataError, match=r"is not empty.*--force"):
            convert(source, output)
        assert files(output) == ["mine.txt"]

    def test_empty_folder_is_used(self, source, output):
        output.mkdir()
        convert(source, output)
        assert len(files(output)) == 4

    @pytest.mark.parametrize("former", [["en-US"], None])
    def test_force_replaces_a_former_conversion_as_a_whole(self, source, output, former):
        convert(source, output, locales=former)
        convert(source, output, selection=Selection(splits=["dev"]), force=True)
        assert files(output) == ["dev/nlu.yml", "domain.yml"]

    @pytest.mark.parametrize("mine", ["stories.yml", "train/more.yml", "bot/domain.yml", "en-US/data/nlu.yml"])
    def test_force_does_not_delete_what_is_not_its_own(self, source, output, mine):
        convert(source, output)
        (output / mine).parent.mkdir(parents=True, exist_ok=True)
        (output / mine).write_text("mine")
        with pytest.raises(DataError, match=rf"holds {mine}, which no former run left there"):
            convert(source, output, force=True)
        assert (output / mine).exists()

    def test_force_does_not_delete_the_source(self, source):
        (source / "en-US.jsonl").rename(source / "train")
        with pytest.raises(DataError, match="which would be replaced"):
            convert(source / "train", source, force=True)

    def test_file_in_the_way(self, source, output):
        output.write_text("mine")
        with pytest.raises(DataError, match="is a file"):
            convert(source, output, force=True)

    def test_link_is_followed(self, source, output, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        output.symlink_to(tmp_path / "elsewhere")
        convert(source, output)
        assert output.is_symlink()
        assert len(files(tmp_path / "elsewhere")) == 4


def test_memory_does_not_grow_with_locales(source, output, tmp_path):
    for number in range(12):
        add_locale(source, f"aa-{number:02}", 300)
    archive = tar_gz(tmp_path / "m.tar.gz", source)

    def peak(locales, folder):
        tracemalloc.start()
        convert(archive, folder, locales=locales)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(["aa-00"], tmp_path / "warm-up")
    assert peak(None, tmp_path / "all") < 1.5 * peak(["aa-11"], tmp_path / "one")


class TestCommand:
    def test_one_line_for_each_locale(self, source, output, capsys):
        add_locale(source, "nl-NL")
        assert run(source, "--locale", "en-US", "--locale", "nl-NL", "--output-dir", output) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [re.sub(r"[\d.]+ s\b", "0 s", line) for line in lines] == [
            f"{locale}: 30 train + 30 dev + 30 test examples, 3 intents, 1 entity types (0 s)"
            for locale in ("en-US", "nl-NL")
        ]

    def test_options_reach_the_conversion(self, source, output):
        arguments = ["--split", "train", "dev", "--scenarios", "tea", "--intents", "coffee_grind", "--no-entities"]
        run(source, "--output-dir", output, *arguments, "--max-per-intent", 2, "--seed", 5)
        assert files(output) == ["dev/nlu.yml", "domain.yml", "train/nlu.yml"]
        train = examples(output)
        assert len(train) == 6
        assert "[" not in "".join(text for _, text in train)
        run(source, "--output-dir", output, "--locale", "all", "--force")
        assert [path.name for path in output.iterdir()] == ["en-US"]

    def test_labels_of_the_hub_form(self, tmp_path, output):
        (tmp_path / "train.jsonl").write_bytes(json_lines([{"id": "1", "label": 1, "text": "brew"}]))
        (tmp_path / "order.json").write_text('["coffee_grind", "tea_brew"]')
        run(tmp_path / "train.jsonl", "--output-dir", output, "--labels", tmp_path / "order.json")
        assert examples(output) == [("tea_brew", "brew")]

    def test_notes_go_to_stderr_and_are_few(self, source, output, capsys):
        row = next(records())
        (source / "en-US.jsonl").write_bytes(json_lines([row, *[{**row, "utt": "", "annot_utt": ""}] * 9]))
        run(source, "--output-dir", output)
        captured = capsys.readouterr()
        assert captured.err.count("left out: its text is empty") == 5
        assert "... and 4 more in en-US" in captured.err
        assert "9 rows left out" in captured.out
