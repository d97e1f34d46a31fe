"""The contract of Rasa's graph components, inside one process; tests/integration runs the real commands."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rasa", reason="Rasa needs Python 3.10")

from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException, RasaException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_bert_intent import BertIntentClassifier
from rasa_bert_intent.config import DEFAULT_ENCODER, Options
from rasa_bert_intent.training.fit import fit

Make = Callable[..., BertIntentClassifier]


def training_data(texts: list[str], intents: list[str | None]) -> TrainingData:
    messages = [Message.build(text=text, intent=intent) for text, intent in zip(texts, intents, strict=True)]
    return TrainingData(training_examples=messages)


def context(finetuning: bool = False) -> ExecutionContext:
    return ExecutionContext(GraphSchema({}), is_finetuning=finetuning, node_name="bert")


@pytest.fixture
def storage(tmp_path: Path) -> LocalModelStorage:
    (tmp_path / "storage").mkdir()
    return LocalModelStorage.create(tmp_path / "storage")


@pytest.fixture(autouse=True)
def kept_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where trained models are kept for reuse: not in the folder that the tests run in."""
    monkeypatch.setenv("RASA_CACHE_DIRECTORY", str(tmp_path / "cache"))
    return tmp_path / "cache_bert_intent"


@pytest.fixture
def create(storage: LocalModelStorage, config: dict[str, Any]) -> Make:
    def make(**changes: Any) -> BertIntentClassifier:
        return BertIntentClassifier.create({**config, **changes}, storage, Resource("bert"), context())

    return make


@pytest.fixture
def load(storage: LocalModelStorage, config: dict[str, Any]) -> Make:
    def make(finetuning: bool = False, **changes: Any) -> BertIntentClassifier:
        return BertIntentClassifier.load({**config, **changes}, storage, Resource("bert"), context(finetuning))

    return make


@pytest.fixture
def served(create: Make, load: Make, examples) -> BertIntentClassifier:
    create().train(training_data(*examples))
    return load()


def answer(component: BertIntentClassifier, text: str | None) -> Message:
    return component.process([Message(data={"text": text})])[0]


def test_what_is_trained_is_served(served, examples):
    message = answer(served, "play some jazz")
    intent, ranking = message.get("intent"), message.get("intent_ranking")
    assert intent == ranking[0]
    assert len(ranking) == 4
    confidences = [row["confidence"] for row in ranking]
    assert confidences == sorted(confidences, reverse=True)
    assert 0 < sum(confidences) < 1 + 1e-9
    assert {"intent", "intent_ranking"} <= message.output_properties


def test_answers_can_be_written_as_json(served):
    message = answer(served, "hello there")
    json.dumps([message.get("intent"), message.get("intent_ranking")])


def test_messages_share_nothing_that_other_components_change(served):
    first, second = served.process([Message(data={"text": "hello"}), Message(data={"text": "hello"})])
    first.get("intent_ranking").insert(0, {"name": "nlu_fallback", "confidence": 0.9})
    first.get("intent_ranking")[1]["confidence"] = 0
    assert first.get("intent")["confidence"] > 0
    assert len(second.get("intent_ranking")) == 4
    assert second.get("intent") == second.get("intent_ranking")[0]


@pytest.mark.parametrize("text", [None, "", "   ", "\u200b", "\0\n", "\ufffd"])
def test_a_message_without_text_has_no_intent(served, text):
    message = answer(served, text)
    assert message.get("intent") == {"name": None, "confidence": 0.0}
    assert message.get("intent_ranking") == []


@pytest.mark.parametrize("text", ["/greet", ' /greet{"name": "Ann"} ', "/greet@0.9", '/bye@0.5{"a": {"b": "c d"}}'])
def test_messages_that_name_their_intent_pass_no_encoder(served, text, monkeypatch):
    monkeypatch.setattr(type(served._model), "predict_with_scope", None)
    message = answer(served, text)
    assert message.get("intent") == {"name": None, "confidence": 0.0}
    assert message.get("intent_ranking") == []


@pytest.mark.parametrize("text", ["/", "/ hello", "hello /greet", "/greet is full", "/start", "hi"])
def test_messages_that_have_a_slash_and_name_no_intent_are_classified(served, text):
    assert answer(served, text).get("intent")["name"] is not None


def test_many_messages_are_answered_as_one_by_one(served, examples):
    texts = [*examples[0], "", "play " * 200]
    together = served.process([Message(data={"text": text}) for text in texts])
    for text, message in zip(texts, together, strict=True):
        alone = answer(served, text).get("intent")
        assert message.get("intent")["name"] == alone["name"]
        assert message.get("intent")["confidence"] == pytest.approx(
            alone["confidence"], abs=0.01
        )  # int8 rounds by batch


def test_the_ranking_has_the_length_asked_for(create, load, examples):
    create().train(training_data(*examples))
    assert len(answer(load(ranking_length=2), "hi").get("intent_ranking")) == 2
    every = answer(load(ranking_length=0), "hi").get("intent_ranking")
    renormalized = answer(load(ranking_length=2, renormalize_confidences=True), "hi").get("intent_ranking")
    # What all intents have together, which is less than 1 out of scope, is what two have now.
    in_scope = sum(row["confidence"] for row in every)
    assert sum(row["confidence"] for row in renormalized) == pytest.approx(in_scope)


@pytest.mark.parametrize("intents", [["greet", "greet"], [None, None], []])
def test_fewer_than_two_intents_answer_none(create, load, intents):
    component = create()
    with pytest.warns(UserWarning, match="at least two intents"):
        component.train(training_data(["hi", "hello"][: len(intents)], intents))
    for one in (component, load()):
        assert answer(one, "hi").get("intent") == {"name": None, "confidence": 0.0}
        assert answer(one, "hi").get("intent_ranking") == []


def test_one_example_an_intent_trains(create, load):
    create().train(training_data(["hi", "bye"], ["greet", "bye"]))
    assert answer(load(), "hi").get("intent")["name"] in {"greet", "bye"}


def test_examples_without_text_or_intent_are_passed_over(create, load):
    create().train(training_data(["hi", "bye", "", "what"], ["greet", "bye", "empty", None]))
    assert {row["name"] for row in answer(load(), "hi").get("intent_ranking")} == {"greet", "bye"}


def test_a_retrieval_intent_counts_by_its_main_part(create, load):
    data = training_data(["hi", "bye"], ["greet", "bye"])
    data.training_examples.append(
        Message(data={"text": "what is it", "intent": "faq", "intent_response_key": "faq/ask_name"})
    )
    create().train(data)
    assert {row["name"] for row in answer(load(), "hi").get("intent_ranking")} == {"greet", "bye", "faq"}


def test_finetuning_can_be_repeated(create, load, examples):
    create().train(training_data(*examples))
    texts = [*examples[0], "hey hey", "night night"]
    intents = [*examples[1], "greet", "bye"]
    for _ in range(2):
        load(finetuning=True, finetuning_epoch_fraction=1.0).train(training_data(texts, intents))
    assert answer(load(), "hi").get("intent")["name"] is not None


def test_finetuning_with_a_new_intent_is_refused_and_nothing_is_lost(create, load, examples):
    create().train(training_data(*examples))
    before = answer(load(), "hi").get("intent")
    with pytest.raises(RasaException, match="does not know the intent 'new'"):
        load(finetuning=True).train(training_data(["hi", "new"], ["greet", "new"]))
    assert answer(load(), "hi").get("intent") == before


def test_mistakes_in_the_options_are_rasas_own_error(create):
    with pytest.raises(InvalidConfigException, match=r"2 mistakes .* batch_size: expected .*; epoch: unknown"):
        create(epoch=3, batch_size="many")


def test_a_missing_encoder_is_rasas_own_error(create, examples):
    with pytest.raises(RasaException, match=r"directory '\./nowhere' does not exist"):
        create(encoder="./nowhere").train(training_data(*examples))


def manifest(storage: LocalModelStorage) -> dict[str, Any]:
    with storage.read_from(Resource("bert")) as directory:
        return json.loads((directory / "model.json").read_text())


def test_the_same_training_again_is_not_done_again(create, load, examples, storage, caplog, kept_models):
    create().train(training_data(*examples))
    first = manifest(storage)
    confidence = answer(load(), "hi").get("intent")["confidence"]
    with caplog.at_level("INFO"):
        create().train(training_data(*examples))
    assert "its model is used again, nothing is trained" in caplog.text
    assert f"To train all the same, delete {kept_models} and Rasa's own cache beside it." in caplog.text
    assert manifest(storage) == first
    assert answer(load(), "hi").get("intent")["confidence"] == confidence


def test_whatever_changes_the_model_trains_again(create, examples, storage, caplog, monkeypatch):
    create().train(training_data(*examples))
    texts, intents = examples
    with caplog.at_level("INFO"):
        create().train(training_data([*texts[1:], "hello you"], [*intents[1:], "greet"]))
        create().train(training_data(texts, [*intents[:-1], "bye"]))
        create(epochs=1).train(training_data(*examples))
        monkeypatch.setenv("RASA_BERT_INTENT_NUM_THREADS", "1")
        create().train(training_data(*examples))
    assert "used again" not in caplog.text


def test_a_taken_model_holds_the_options_of_config_and_none_of_the_environment(
    create, load, examples, quick_model, storage, monkeypatch
):
    monkeypatch.setenv("RASA_BERT_INTENT_ENGINE", "torch")
    monkeypatch.setenv("RASA_BERT_INTENT_NUM_THREADS", "2")
    changes = {"encoder": DEFAULT_ENCODER, "trained_model": str(quick_model)}
    create(**changes).train(training_data(*examples))
    stored = manifest(storage)["options"]
    assert (stored["engine"], stored["num_threads"]) == ("auto", None)
    assert load(**changes)._model.options.engine == "torch"
    monkeypatch.delenv("RASA_BERT_INTENT_ENGINE")
    assert load(**changes)._model.options.engine == "auto"


def test_a_taken_model_is_trained_on_without_the_files_of_the_machine_where_it_was_trained(
    create, load, examples, config, tmp_path
):
    (tmp_path / "dev.jsonl").write_text('{"text": "hello to you all", "intent": "greet"}\n', "utf-8")
    logs = {"validation_data": str(tmp_path / "dev.jsonl"), "tensorboard_log_directory": str(tmp_path / "logs")}
    fit(*examples, Options.from_config({**config, **logs}), progress=False).save(tmp_path / "elsewhere")
    (tmp_path / "dev.jsonl").unlink()
    logged = len(list((tmp_path / "logs").iterdir()))
    changes = {"encoder": DEFAULT_ENCODER, "trained_model": str(tmp_path / "elsewhere")}
    create(**changes).train(training_data(*examples))
    load(finetuning=True, **changes).train(training_data(*examples))
    assert answer(load(**changes), "hi").get("intent")["name"] is not None
    assert len(list((tmp_path / "logs").iterdir())) == logged


@pytest.mark.parametrize("name", [".", ".."])
def test_models_are_kept_beside_a_cache_that_is_named_by_dots(name, create, examples, tmp_path, monkeypatch):
    (tmp_path / "bots" / "one").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "bots" / "one")
    monkeypatch.setenv("RASA_CACHE_DIRECTORY", name)
    create(epochs=1).train(training_data(*examples))
    assert list((Path(name).resolve().parent / f"{Path(name).resolve().name}_bert_intent").iterdir())


def test_copies_that_were_broken_off_are_cleared_away_after_a_day(create, examples, kept_models):
    for name, age in (("tmpold", 86_400 + 60), ("tmpnew", 60)):
        (kept_models / name / "model").mkdir(parents=True)
        os.utime(kept_models / name, times=(time.time() - age,) * 2)
    create(epochs=1).train(training_data(*examples))
    assert sorted(path.name for path in kept_models.glob("tmp*")) == ["tmpnew"]


def test_a_damaged_kept_model_is_trained_anew(create, load, examples, caplog, kept_models):
    create().train(training_data(*examples))
    head = next(kept_models.iterdir()) / "head.safetensors"
    head.write_bytes(head.read_bytes()[:-1])
    with caplog.at_level("INFO"):
        create().train(training_data(*examples))
    assert "used again" not in caplog.text
    assert answer(load(), "hi").get("intent")["name"] is not None


def test_a_kept_model_that_goes_while_it_is_copied_is_trained_anew(create, load, examples, monkeypatch):
    create().train(training_data(*examples))

    def breaks_off(source, target, **_):
        (target / "tokenizer").mkdir()
        (target / "scope.safetensors").write_bytes(b"half")
        raise shutil.Error([("head.safetensors", "", "No such file or directory")])

    with monkeypatch.context() as broken:
        broken.setattr("rasa_bert_intent.reuse.shutil.copytree", breaks_off)
        create().train(training_data(*examples))
    assert answer(load(), "hi").get("intent")["name"] is not None


def test_a_full_disk_is_rasas_own_error(create, examples, monkeypatch):
    def full(*_, **__):
        raise Exception("No space left on device (os error 28)")

    monkeypatch.setattr("transformers.PreTrainedTokenizerBase.save_pretrained", full)
    with pytest.raises(RasaException, match=r"^No space left on device .*Check the path, its permissions and the disk"):
        create().train(training_data(*examples))


def test_few_models_are_kept_and_none_where_rasa_caches_nothing(create, examples, kept_models, monkeypatch):
    kept: dict[int, Path] = {}
    for seed in (0, 1, 2, 0, 3):
        before = set(kept_models.glob("*"))
        create(random_seed=seed, epochs=1).train(training_data(*examples))
        for folder in set(kept_models.iterdir()) - before:
            kept[seed] = folder
        time.sleep(0.02)  # times of files are that coarse
    assert set(kept_models.iterdir()) == {kept[0], kept[2], kept[3]}  # those used last
    monkeypatch.setenv("RASA_MAX_CACHE_SIZE", "0")
    monkeypatch.setenv("RASA_CACHE_DIRECTORY", str(kept_models / "other"))
    create(epochs=1).train(training_data(*examples))
    assert len(list(kept_models.iterdir())) == 3


def test_loading_what_was_altered_is_rasas_own_error(create, load, storage, examples):
    create().train(training_data(*examples))
    with storage.read_from(Resource("bert")) as directory:
        (directory / "head.safetensors").write_bytes(b"x")
    with pytest.raises(RasaException, match=r"head\.safetensors is damaged or was altered"):
        load()


def test_nothing_is_read_after_loading(create, load, storage, examples):
    import shutil

    create().train(training_data(*examples))
    component = load()
    before = answer(component, "hi").get("intent")
    with storage.read_from(Resource("bert")) as directory:
        shutil.rmtree(directory)
    assert answer(component, "hi").get("intent") == before


def test_training_warns_of_conflicts_and_rare_intents_in_one_line_each(create, caplog):
    texts = [*(f"play song {number}" for number in range(5)), "see you", "hello", "Hello!"]
    create(epochs=0).train(training_data(texts, ["play_music"] * 5 + ["bye", "greet", "bye"]))
    told = [record.getMessage() for record in caplog.records if record.name == "rasa_bert_intent.classifier"]
    assert told == [
        "'hello' stands under the intents bye, greet: keep it under one.",
        "Intents with fewer than 5 examples are hardly learned: greet (1), bye (2). Add examples.",
    ]
