"""`trained_model`: what is checked of a model that was trained elsewhere, and what is said of it."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from encoders import make_encoder
from folders import contents, files

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.seen import hashes
from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.storage import MANIFEST, fingerprint, load_seen, read_manifest, write_manifest
from rasa_bert_intent.trained_model import content_checksum, take
from rasa_bert_intent.training.fit import fit

Examples = tuple[list[str], list[str]]

TRAINED_WITH = {"method": "lora", "epochs": 2, "min_steps": 0, "max_length": 32, "ranking_length": 3, "num_threads": 1}


def _options(model: Path, **changes: Any) -> Options:
    return Options.from_config({"trained_model": str(model), **changes})


@pytest.fixture(scope="module")
def trained(examples: Examples, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = Options.from_config({"encoder": str(tiny_encoder), **TRAINED_WITH})
    directory = tmp_path_factory.mktemp("elsewhere") / "model"
    fit(*examples, options, progress=False).save(directory)
    return directory


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(trained, tmp_path / "model")


def _refused(model: Path, examples: Examples, target: Path, **changes: Any) -> str:
    """The message, in one line; nothing is taken."""
    with pytest.raises(BertIntentError) as caught:
        take(_options(model, **changes), *examples, target)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _told(caplog: pytest.LogCaptureFixture, *levels: str) -> list[str]:
    records = [record for record in caplog.records if record.name == "rasa_bert_intent.trained_model"]
    return [record.getMessage() for record in records if record.levelname in levels]


def _warned(caplog: pytest.LogCaptureFixture) -> str:
    """The one warning."""
    (warning,) = _told(caplog, "WARNING")
    return warning


def test_what_is_taken_is_the_model_and_answers_as_it_did(
    trained: Path, examples: Examples, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level("INFO"):
        take(_options(trained), *examples, tmp_path)
    former, taken = contents(trained), contents(tmp_path)
    assert {name: taken[name] for name in taken if name != MANIFEST} == {
        name: former[name] for name in former if name != MANIFEST
    }
    expected = load_to_serve(trained).predict_proba(examples[0])
    assert (load_to_serve(tmp_path, _options(trained)).predict_proba(examples[0]) == expected).all()
    summary, seen = _told(caplog, "INFO", "WARNING")
    assert summary.startswith(f"Taken from {trained}, nothing is trained: encoder ")
    assert "4 intents, trained on 24 examples by rasa-bert-intent " in summary
    assert seen == "All 24 examples of the bot were seen in its training."


def test_options_of_serving_are_the_bots_and_all_others_the_models(trained: Path, examples: Examples, tmp_path: Path):
    options = _options(trained, num_threads=2, renormalize_confidences=True, device="cpu")
    take(options, *examples, tmp_path)
    served = load_to_serve(tmp_path, options).options
    assert (served.num_threads, served.renormalize_confidences, served.device) == (2, True, "cpu")
    assert served.ranking_length == Options().ranking_length
    assert (served.max_length, served.epochs, served.method) == (32, 2, "lora")
    assert load_to_serve(tmp_path).options == served  # so that `evaluate` sees what Rasa does
    assert fingerprint(tmp_path) == fingerprint(trained)  # so that a server of the one answers bots of the other


def test_examples_that_it_has_not_seen_are_counted_and_some_are_named(
    trained: Path, examples: Examples, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    texts, intents = examples
    new = [f"hello number {number}" for number in range(7)]
    take(_options(trained), [*texts[2:], *new], [*intents[2:], *["greet"] * 7], tmp_path)
    assert _warned(caplog) == (
        "trained_model: 7 of 29 examples were not seen in its training: 'hello number 0', 'hello number 1', "
        "'hello number 2', 'hello number 3', 'hello number 4' and others. 2 that it has seen are no longer among them. "
        "Train it again to learn from them."
    )


def test_example_under_another_intent_was_not_seen(
    trained: Path, examples: Examples, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    texts, intents = examples
    assert intents[0] == "greet"
    take(_options(trained), texts, ["bye", *intents[1:]], tmp_path)
    assert f"1 of 24 examples was not seen in its training: {texts[0]!r}. 1 that it has seen is no longer" in _warned(
        caplog
    )


def test_model_that_does_not_say_what_it_has_seen_is_taken_with_a_warning(
    model: Path, examples: Examples, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    manifest = read_manifest(model)
    (model / "seen.safetensors").unlink()
    (model / MANIFEST).unlink()
    write_manifest(model, {key: manifest[key] for key in manifest if key not in ("format", "version", "files")})
    take(_options(model), *examples, tmp_path / "taken")
    assert "does not say which examples it was trained on" in _warned(caplog)


def test_intents_that_it_does_not_know_are_refused(trained: Path, examples: Examples, tmp_path: Path):
    texts, intents = examples
    message = _refused(trained, ([*texts, "thanks", "why"], [*intents, "thank", "ask"]), tmp_path / "taken")
    assert message.startswith(
        f"trained_model: {trained} does not know the intents 'ask', 'thank', of which the bot has"
    )
    assert "Train it again with all examples" in message
    assert not (tmp_path / "taken").exists()


def test_intents_that_the_bot_lacks_are_warned_of(
    trained: Path, examples: Examples, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    kept = [(text, intent) for text, intent in zip(*examples, strict=True) if intent != "bye"]
    take(_options(trained), [text for text, _ in kept], [intent for _, intent in kept], tmp_path)
    assert "the bot has no example of the intent 'bye', which the model knows" in _warned(caplog)


@pytest.mark.parametrize("changes", [{"method": "full"}, {"classification_head": "cosine"}])
def test_another_network_is_refused(changes: dict[str, str], trained: Path, examples: Examples, tmp_path: Path):
    ((name, value),) = changes.items()
    message = _refused(trained, examples, tmp_path / "taken", **changes)
    assert f"was trained with {name}: {read_manifest(trained)['options'][name]}, and config.yml says {value}" in message


def test_encoder_is_known_by_its_weights_not_by_its_path(
    trained: Path, tiny_encoder: Path, examples: Examples, tmp_path: Path
):
    moved = shutil.copytree(tiny_encoder, tmp_path / "moved")
    take(_options(trained, encoder=str(moved)), *examples, tmp_path / "taken")
    other = make_encoder(tmp_path / "other", seed=1)
    message = _refused(trained, examples, tmp_path / "none", encoder=str(other))
    assert f"was trained with encoder: {tiny_encoder} (checksum " in message
    assert f"config.yml says {other}, which is another" in message
    assert "does not exist" in _refused(trained, examples, tmp_path / "none", encoder="/no/such/encoder")


def test_the_encoder_under_the_same_path_may_be_another(examples: Examples, tmp_path: Path):
    encoder = make_encoder(tmp_path / "encoder")
    options = Options.from_config({"encoder": str(encoder), **TRAINED_WITH})
    fit(*examples, options, progress=False).save(tmp_path / "model")
    take(_options(tmp_path / "model", encoder=str(encoder)), *examples, tmp_path / "taken")
    make_encoder(encoder, seed=1)
    assert "which is another" in _refused(tmp_path / "model", examples, tmp_path / "none", encoder=str(encoder))
    shutil.rmtree(encoder)  # as on a machine that has none: the model needs none to be served
    take(_options(tmp_path / "model", encoder=str(encoder)), *examples, tmp_path / "again")


def test_options_that_change_nothing_are_told_in_one_line(
    trained: Path, examples: Examples, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    options = _options(trained, epochs=20, max_length=32, lora_r=4, tensorboard_log_directory="logs", ranking_length=5)
    take(options, *examples, tmp_path)
    assert "which change nothing now: lora_r: 4 (16), epochs: 20 (2), the model's in brackets" in _warned(caplog)


def test_newer_format_is_refused(model: Path, examples: Examples, tmp_path: Path):
    manifest = json.loads((model / MANIFEST).read_text("utf-8"))
    (model / MANIFEST).write_text(json.dumps({**manifest, "format": 99, "version": "9.9"}), "utf-8")
    message = _refused(model, examples, tmp_path / "taken")
    assert message.startswith("trained_model: ")
    assert "has format 99, made by rasa-bert-intent 9.9; this version" in message
    assert "Upgrade rasa-bert-intent, or train again." in message


def test_half_a_directory_is_refused(model: Path, examples: Examples, tmp_path: Path):
    (model / "head.safetensors").unlink()
    assert "head.safetensors is missing" in _refused(model, examples, tmp_path / "taken")
    (model / MANIFEST).unlink()
    assert "holds neither a model.json nor an archive" in _refused(model, examples, tmp_path / "taken")
    shutil.rmtree(model)
    assert f"trained_model: {model} does not exist" in _refused(model, examples, tmp_path / "taken")


def test_altered_weights_are_refused(model: Path, examples: Examples, tmp_path: Path):
    weights = model / "adapter" / "adapter_model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "adapter_model.safetensors is damaged or was altered" in _refused(model, examples, tmp_path / "taken")


def test_manifest_that_names_files_outside_is_refused(model: Path, examples: Examples, tmp_path: Path):
    manifest = read_manifest(model)
    head = manifest["files"]["head.safetensors"]
    shutil.copy(model / "head.safetensors", tmp_path / "outside")
    manifest["files"]["../outside"] = head
    (model / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    message = _refused(model, examples, tmp_path / "deep" / "taken")
    assert "names the file '../outside', which is not in there" in message
    assert not (tmp_path / "deep" / "outside").exists()


def test_model_that_cannot_be_served_without_its_encoder_is_refused_where_there_is_none(
    examples: Examples, tmp_path: Path
):
    encoder = make_encoder(tmp_path / "encoder")
    options = Options.from_config({"encoder": str(encoder), **TRAINED_WITH, "store_encoder": False})
    fit(*examples, options, progress=False).save(tmp_path / "model")
    take(_options(tmp_path / "model"), *examples, tmp_path / "taken")
    shutil.rmtree(encoder)
    message = _refused(tmp_path / "model", examples, tmp_path / "again")
    assert "trained_model: The model was stored without its encoder, which torch needs." in message


def test_archive_and_folder_of_archives_are_taken_too(trained: Path, examples: Examples, tmp_path: Path):
    (tmp_path / "models").mkdir()
    with tarfile.open(tmp_path / "models" / "bot.tar.gz", "w:gz") as tar:
        tar.add(trained, "components/train_BertIntentClassifier1")
    for number, path in enumerate((tmp_path / "models" / "bot.tar.gz", tmp_path / "models")):
        take(_options(path), *examples, tmp_path / str(number))
        assert files(tmp_path / str(number)) == files(trained)
        assert content_checksum(_options(path)) == content_checksum(_options(trained))


def test_checksum_follows_the_content(model: Path, examples: Examples, tiny_encoder: Path):
    first = content_checksum(_options(model))
    assert content_checksum(_options(model)) == first
    options = Options.from_config({"encoder": str(tiny_encoder), **TRAINED_WITH, "random_seed": 7})
    fit(*examples, options, progress=False).save(model)
    assert content_checksum(_options(model)) != first


def test_what_finetuning_needs_is_taken_and_what_is_seen_then_is_added(
    trained: Path, examples: Examples, tmp_path: Path
):
    options = _options(trained)
    take(options, *examples, tmp_path)
    model = IntentModel.load(tmp_path, options, trainable=True)
    fit([*examples[0], "good day"], [*examples[1], "greet"], model.options, start=model, progress=False).save(tmp_path)
    assert len(load_seen(tmp_path)) == len(examples[0]) + 1
    assert set(hashes(["good day"], ["greet"]).tolist()) <= set(load_seen(tmp_path).tolist())
