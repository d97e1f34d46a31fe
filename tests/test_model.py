import json
import logging
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from encoders import make_encoder, put_into_cache

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import ModelError
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.storage import CARD, FORMAT, HEAD
from rasa_bert_intent.training.fit import fit

METHODS = ("lora", "full", "head")


@pytest.fixture(scope="module")
def stored_by_method(tmp_path_factory, tiny_encoder, examples) -> dict[str, tuple[Path, np.ndarray]]:
    """For each method a model's directory and its confidences before it was stored."""
    models = {}
    for method in METHODS:
        options = Options.from_config(
            {
                "encoder": str(tiny_encoder),
                "method": method,
                "min_steps": 0,
                "epochs": 30,  # until it tells gibberish from the examples
                "learning_rate": 5e-3,
                "head_learning_rate": 5e-2,
                "max_length": 32,
                "engine": "torch",
            }
        )
        model = fit(*examples, options, progress=False)
        directory = tmp_path_factory.mktemp("model") / "stored"
        model.save(directory)
        models[method] = directory, model.predict_proba(examples[0])
    return models


@pytest.fixture(params=METHODS)
def stored(request, stored_by_method) -> tuple[Path, np.ndarray]:
    """A model's directory and its confidences, method by method."""
    return stored_by_method[request.param]


@pytest.fixture
def copied(stored, tmp_path) -> Path:
    """A copy of a stored model, to be damaged."""
    return Path(shutil.copytree(stored[0], tmp_path / "copy"))


def test_predictions_after_reload_equal_those_before(stored, examples):
    directory, confidences = stored
    np.testing.assert_allclose(IntentModel.load(directory).predict_proba(examples[0]), confidences, atol=1e-4)


def test_confidences_sum_to_the_probability_of_being_in_scope(stored, examples):
    model = IntentModel.load(stored[0])
    vectors = model.vectors_of_tokens(model.tokenizer(examples[0])["input_ids"])
    if model.options.method == "head":  # a frozen encoder of random weights does not tell gibberish from the examples
        assert model.scope is None
        in_scope = np.ones(len(examples[0]))
    else:
        assert model.scope is not None
        in_scope = model.scope.probability(model.messages(examples[0], vectors))
    assert stored[1].sum(axis=1) == pytest.approx(in_scope, abs=1e-4)


def test_several_threads_may_ask_at_once(stored, examples):
    model, expected = IntentModel.load(stored[0]), stored[1]
    inside: list[int] = []  # transformers before 5.2 mixes up the layers of two

    def enters(*_: object) -> None:
        inside.append(1)
        time.sleep(0.01)
        assert len(inside) == 1

    model.network.encoder.register_forward_pre_hook(enters)
    model.network.encoder.register_forward_hook(lambda *_: inside.clear())
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(model.predict_proba, [examples[0]] * 12):
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_model_loaded_to_train_on_predicts_the_same(stored, examples):
    directory, confidences = stored
    model = IntentModel.load(directory, trainable=True)
    np.testing.assert_allclose(model.predict_proba(examples[0]), confidences, atol=1e-4)


def test_a_model_can_be_stored_again_after_its_directory_went(copied, examples, stored):
    model = IntentModel.load(copied, trainable=True)
    shutil.rmtree(copied)
    model.save(copied)
    np.testing.assert_allclose(IntentModel.load(copied).predict_proba(examples[0]), stored[1], atol=1e-4)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_of_the_directory_stays_mapped(copied):
    model = IntentModel.load(copied)
    assert model.labels
    assert str(copied) not in Path("/proc/self/maps").read_text()


def test_nothing_stored_is_a_pickle(stored):
    suffixes = {path.suffix for path in stored[0].rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".txt"}


def test_no_path_of_this_machine_is_in_the_adapter(tiny_encoder, examples, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    put_into_cache(tmp_path / "hub", tiny_encoder, "owner/name")
    named = {"encoder": "owner/name", "method": "lora", "epochs": 1, "min_steps": 0, "max_length": 32}
    fit(*examples, Options.from_config(named), progress=False).save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "owner/name"
    written = [file.read_text() for file in (tmp_path / "model").rglob("*.json")]
    assert written
    assert not any(str(tmp_path) in text for text in written)


@pytest.mark.parametrize("text", ["", "\u200b", "\ufffd"])
def test_a_text_without_a_character_that_can_be_seen_is_not_in_scope(text, stored):
    confidences, in_scope = IntentModel.load(stored[0]).predict_with_scope([text, "hello"])
    assert (confidences[0].sum(), in_scope[0]) == (0, 0)
    assert in_scope[1] > 0


def test_options_of_this_machine_leave_the_longest_text_as_it_was_trained(stored):
    trained, asked = (IntentModel.load(stored[0], options) for options in (None, Options(num_threads=1)))
    long = ["play some jazz " * 100]
    assert trained.options.max_length < Options().max_length
    assert asked.tokenize(long) == trained.tokenize(long)
    np.testing.assert_allclose(asked.predict_proba(long), trained.predict_proba(long), atol=1e-5)


def test_no_pickle_is_read_in_place_of_a_missing_adapter(stored_by_method, tmp_path):
    copy = Path(shutil.copytree(stored_by_method["lora"][0], tmp_path / "copy"))
    (copy / "adapter" / "adapter_model.safetensors").rename(copy / "adapter" / "adapter_model.bin")
    manifest = json.loads((copy / "model.json").read_text())
    del manifest["files"]["adapter/adapter_model.safetensors"]
    (copy / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"holds no adapter_model\.safetensors"):
        IntentModel.load(copy)


def test_batches_do_not_change_predictions(stored, examples):
    model = IntentModel.load(stored[0])
    np.testing.assert_allclose(
        model.predict_proba(examples[0], batch_size=1), model.predict_proba(examples[0], batch_size=7), atol=1e-5
    )


def test_no_texts_give_no_rows(stored):
    assert IntentModel.load(stored[0]).predict_proba([]).shape == (0, 4)


@pytest.mark.parametrize("name", ["head.safetensors", "encoder/model.safetensors", "tokenizer/tokenizer.json"])
def test_a_truncated_file_is_told_by_name(copied, name):
    file = copied / name
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ModelError, match=f"{name} is damaged or was altered: its checksum differs"):
        IntentModel.load(copied)


def test_a_missing_file_is_told_by_name(copied):
    (copied / "head.safetensors").unlink()
    with pytest.raises(ModelError, match=r"head\.safetensors is missing"):
        IntentModel.load(copied)


def test_a_damaged_manifest_is_told(copied):
    (copied / "model.json").write_text("{")
    with pytest.raises(ModelError, match=r"model\.json is damaged"):
        IntentModel.load(copied)


@pytest.mark.parametrize("change", [{"format": "11"}, {"format": None}, {"files": []}, {"labels": None}])
def test_a_manifest_that_is_no_models_is_told(copied, change):
    manifest = {**json.loads((copied / "model.json").read_text()), **change}
    (copied / "model.json").write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}))
    with pytest.raises(ModelError, match=r"model\.json is damaged"):
        IntentModel.load(copied)


@pytest.mark.parametrize(("change", "remedy"), [(1, "Upgrade rasa-bert-intent, or train again"), (-1, "Train again")])
def test_another_format_is_told(copied, change, remedy):
    manifest = json.loads((copied / "model.json").read_text())
    (copied / "model.json").write_text(json.dumps({**manifest, "format": FORMAT + change, "version": "9.9"}))
    with pytest.raises(ModelError, match=rf"made by rasa-bert-intent 9\.9; this version .* {remedy}"):
        IntentModel.load(copied)


def test_a_directory_that_is_no_model_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"holds no model\.json"):
        IntentModel.load(tmp_path)


def test_another_method_than_the_stored_one_is_refused(stored):
    directory, _ = stored
    method = IntentModel.load(directory).options.method
    other = next(name for name in METHODS if name != method)
    with pytest.raises(ModelError, match=f"trained with method: {method}, and the options say {other}"):
        IntentModel.load(directory, Options(method=other))


def test_a_merged_model_is_not_stored_without_its_lora(stored_by_method, tmp_path):
    model = IntentModel.load(stored_by_method["lora"][0])
    with pytest.raises(ModelError, match="trainable=True"):
        model.save(tmp_path / "again")


@pytest.fixture
def lean(options, examples, tmp_path) -> tuple[Path, Path, np.ndarray]:
    """A model stored without its encoder, the encoder, and its confidences."""
    encoder = make_encoder(tmp_path / "encoder")
    model = fit(*examples, options(encoder=str(encoder), store_encoder=False), progress=False)
    model.save(tmp_path / "lean")
    return tmp_path / "lean", encoder, model.predict_proba(examples[0])


def test_a_lean_model_finds_its_encoder_again(lean, examples):
    directory, _, confidences = lean
    assert not (directory / "encoder").exists()
    np.testing.assert_allclose(IntentModel.load(directory).predict_proba(examples[0]), confidences, atol=1e-4)


def test_a_lean_model_with_another_encoder_is_refused(lean):
    directory, encoder, _ = lean
    shutil.rmtree(encoder)
    make_encoder(encoder, seed=5)
    with pytest.raises(ModelError, match=r"was trained on encoder .* with checksum .*…, and .* has .*…\. Put the same"):
        IntentModel.load(directory)


def test_a_lean_model_without_its_encoder_says_what_to_do(lean):
    directory, encoder, _ = lean
    shutil.rmtree(encoder)
    with pytest.raises(ModelError, match=r"stored without its encoder, which torch needs\. .* does not exist"):
        IntentModel.load(directory)


def test_a_model_trained_on_a_gpu_loads_on_the_cpu(copied, caplog, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    manifest = json.loads((copied / "model.json").read_text())
    manifest["options"]["device"] = "cuda"
    (copied / "model.json").write_text(json.dumps(manifest))
    with caplog.at_level(logging.WARNING):
        assert IntentModel.load(copied).device.type == "cpu"
    assert "Using the CPU" in caplog.text


@pytest.mark.parametrize("name", ["nlu.yml", "encoder"])
def test_a_model_takes_the_place_of_nothing_but_a_model(name: str, stored, tmp_path):
    model = IntentModel.load(stored[0], trainable=True)
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").touch()
    with pytest.raises(ModelError, match=f"holds '{name}', which is no model of ours"):
        model.save(tmp_path)
    assert (tmp_path / name / "mine").exists()


def test_a_model_takes_the_place_of_a_model_and_leaves_its_card(stored, tmp_path):
    model = IntentModel.load(stored[0], trainable=True)
    for name in (HEAD, CARD, ".DS_Store"):  # of a save that was broken off
        (tmp_path / name).touch()
    model.save(tmp_path)
    (tmp_path / "onnx").mkdir()
    model.save(tmp_path)
    assert not (tmp_path / "onnx").exists()
    assert (tmp_path / CARD).exists()
    (tmp_path / CARD).unlink()
    IntentModel.load(tmp_path)
