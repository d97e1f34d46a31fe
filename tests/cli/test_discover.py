"""`rasa-bert-intent discover` on a tiny model: what it prints, writes and refuses."""

import json
from pathlib import Path

import pytest
from folders import contents, files

from rasa_bert_intent.cli import main
from rasa_bert_intent.data.examples import read_messages
from rasa_bert_intent.reports.files import write_text
from rasa_bert_intent.topics import files as topic_files
from rasa_bert_intent.training.fit import fit

LINES = [
    f"{verb} {what}" for verb in ("play", "start", "put on", "see", "turn off") for what in ("rock", "music", "it")
]
LINES += [f"what is the weather {when}" for when in ("tomorrow", "now", "in the kitchen", "in the morning", "later")]


@pytest.fixture(scope="module")
def model(examples, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rasa_bert_intent.config import Options

    directory = tmp_path_factory.mktemp("trained") / "model"
    quick = {"method": "head", "min_steps": 0, "epochs": 2, "max_length": 32, "pooling": "mean"}
    fit(*examples, Options.from_config({"encoder": str(tiny_encoder), **quick}), progress=False).save(directory)
    return directory


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    path = tmp_path / "messages.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return path


def discover(*arguments: object) -> int:
    return main(["discover", *map(str, arguments)])


def test_report_is_printed_and_written_with_the_data(model: Path, messages: Path, tmp_path: Path, capsys):
    output = tmp_path / "topics"
    assert discover(model, messages, "--output", output, "--topics", 3) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out == (output / "topics.md").read_text("utf-8")
    how = f"{len(_topics(output))} topics by spectral clustering"
    assert f"20 distinct messages, written 20 times, in {how}" in printed.out
    assert sorted(read_messages(output / "nlu.yml")) == sorted(LINES)
    assert sum(topic["size"] for topic in _topics(output)) == len(LINES)


def test_nothing_is_replaced_unasked_and_nothing_foreign_ever(
    model: Path, messages: Path, tmp_path: Path, capsys, monkeypatch
):
    output = tmp_path / "topics"
    assert discover(model, messages, "--output", output, "--topics", 3) == 0
    (output / "nlu.yml").write_text("reviewed", "utf-8")
    assert discover(model, messages, "--output", output) == 1
    assert "is not empty: choose another folder, or replace it with --force" in capsys.readouterr().err
    assert (output / "nlu.yml").read_text("utf-8") == "reviewed"
    (output / "stories.yml").write_text("mine", "utf-8")
    assert discover(model, messages, "--output", output, "--force") == 1
    assert "holds stories.yml, which no former run left there" in capsys.readouterr().err
    (output / "stories.yml").unlink()
    monkeypatch.chdir(tmp_path)
    assert discover(model, "topics/nlu.yml", "--output", "topics", "--force") == 1
    assert "lies in topics, which would be replaced" in capsys.readouterr().err
    assert discover(model, messages, "--output", output, "--force", "--topics", 2) == 0
    assert (output / "nlu.yml").read_text("utf-8") != "reviewed"


def test_the_same_seed_finds_the_same_topics(model: Path, messages: Path, tmp_path: Path):
    for name in ("first", "second"):
        assert discover(model, messages, "--output", tmp_path / name, "--seed", 3) == 0
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topics", "1"], "--topics: 1 given; expected auto or a number from 2."),
        (["--topics", "21"], "--topics: 21 given, and there are 20 distinct messages."),
        (["--tensorboard", "logs"], "--tensorboard: --method clusters trains no network. Give --method contextual."),
        (["--stop-words", "nowhere.txt"], "--stop-words: nowhere.txt is neither english, none, nor a file"),
        (["--text-column", "text"], "messages.txt ends in none of .csv, .tsv, .tab: say by --delimiter"),
        (["--fallback-only", "--threshold", "0"], "the model gives 0 of 20 messages a confidence below 0.0"),
        (["--max-messages", "5"], "--max-messages: 5 given; expected 0 or a number from 20."),
    ],
)
def test_what_cannot_be_is_told_in_one_line(model: Path, messages: Path, arguments: list[str], message: str, capsys):
    assert discover(model, messages, *arguments) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_missing_sources_are_told_before_the_model_is_loaded(tmp_path: Path, capsys):
    for source, message in (("none.txt", "none.txt does not exist"), ("rasa.db", "rasa.db does not exist or is no")):
        assert discover(tmp_path / "no model", tmp_path / source) == 1
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1


def test_stopped_while_it_writes_leaves_the_former_output(model: Path, messages: Path, tmp_path: Path, monkeypatch):
    output = tmp_path / "topics"
    assert discover(model, messages, "--output", output, "--topics", 2) == 0
    before = contents(output)
    written: list[Path] = []

    def stopped(path: Path, text: str) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write_text(path, text)

    monkeypatch.setattr(topic_files, "write_text", stopped)
    assert discover(model, messages, "--output", output, "--topics", 3, "--force") == 130
    assert written
    assert contents(output) == before
    assert files(tmp_path) == ["messages.txt", *(f"topics/{name}" for name in before)]


def test_topic_model_writes_its_loss_for_tensorboard(model: Path, messages: Path, tmp_path: Path, capsys):
    pytest.importorskip("contextualized_topic_models", reason="needs the extra 'topics'")
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    arguments = ["--method", "contextual", "--topics", 3, "--tensorboard", tmp_path / "logs"]
    assert discover(model, messages, "--output", tmp_path / "topics", *arguments) == 0
    assert "topics by CombinedTM" in capsys.readouterr().out
    (folder,) = (tmp_path / "logs").iterdir()
    logs = accumulators.EventAccumulator(str(folder)).Reload()
    assert [event.step for event in logs.Scalars("topics/loss")] == list(range(100))


def _topics(output: Path) -> list[dict]:
    return json.loads((output / "topics.json").read_text("utf-8"))["topics"]
