"""A model that ONNX Runtime serves, against the same one in torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rasa_bert_intent.archive import open_model
from rasa_bert_intent.errors import ModelError
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.onnx_model import OnnxModel
from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.training.fit import fit

ODD = [
    "half \ud83d a face",
    "",
    " ",
    "naïve ☕ Ωmega",
    "play\tsome\njazz",
    "turn the lights off " * 40,
    "[SEP] [PAD] hello",
    "日本語",
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory, tiny_encoder, examples) -> tuple[Path, IntentModel]:
    """A model's directory, and the model as it was trained."""
    from rasa_bert_intent.config import Options

    options = Options.from_config({"encoder": str(tiny_encoder), "min_steps": 0, "epochs": 20, "max_length": 16})
    model = fit(*examples, options, progress=False)
    directory = tmp_path_factory.mktemp("model") / "stored"
    model.save(directory)
    return directory, model


@pytest.fixture
def copied(stored, tmp_path) -> Path:
    return Path(shutil.copytree(stored[0], tmp_path / "copy"))


def test_auto_stores_a_graph_on_a_cpu_and_serves_by_it(stored):
    assert isinstance(load_to_serve(stored[0]), OnnxModel)
    assert isinstance(open_model(stored[0]), OnnxModel)


def test_what_is_served_says_what_was_trained(stored, examples):
    directory, model = stored
    texts = [*examples[0], *ODD]
    np.testing.assert_allclose(load_to_serve(directory).predict_proba(texts), model.predict_proba(texts), atol=1e-6)


def test_tokens_are_those_of_transformers(stored, examples):
    texts = [*examples[0], *ODD]
    assert load_to_serve(stored[0]).tokenize(texts) == stored[1].tokenize(texts)


def test_torch_serves_the_same_model_when_asked(stored, examples, monkeypatch):
    monkeypatch.setenv("RASA_BERT_INTENT_ENGINE", "torch")
    by_torch = load_to_serve(stored[0])
    assert isinstance(by_torch, IntentModel)
    monkeypatch.delenv("RASA_BERT_INTENT_ENGINE")
    by_onnx = load_to_serve(stored[0]).predict_logits(examples[0])
    np.testing.assert_allclose(by_torch.predict_logits(examples[0]), by_onnx, atol=0.05)


def test_the_archive_holds_no_second_encoder_and_can_be_trained_on(stored, examples, tmp_path):
    directory = stored[0]
    assert not (directory / "encoder").exists()
    model = fit(*examples, start=IntentModel.load(directory, trainable=True), progress=False)
    model.save(tmp_path / "again")
    served = load_to_serve(tmp_path / "again")
    assert isinstance(served, OnnxModel)
    np.testing.assert_allclose(served.predict_proba(examples[0]), model.predict_proba(examples[0]), atol=1e-6)
    assert np.abs(served.predict_proba(examples[0]) - load_to_serve(directory).predict_proba(examples[0])).max() > 1e-3


@pytest.mark.parametrize("changes", [{"method": "full"}, {"store_encoder": True}, {"engine": "torch"}])
def test_an_encoder_that_is_found_nowhere_else_or_is_wanted_is_stored(options, examples, tmp_path, changes):
    fit(*examples, options(**{"engine": "auto", **changes}), progress=False).save(tmp_path / "model")
    assert (tmp_path / "model" / "encoder").is_dir()
    assert (tmp_path / "model" / "onnx").is_dir() == ("engine" not in changes)


def test_without_the_encoder_anywhere_it_is_torch_that_serves(options, examples, tmp_path):
    fit(*examples, options(engine="auto", store_encoder=False), progress=False).save(tmp_path / "model")
    assert not (tmp_path / "model" / "onnx").exists()
    assert isinstance(load_to_serve(tmp_path / "model"), IntentModel)


def test_onnx_asked_of_a_model_without_a_graph_is_served_by_torch_with_a_warning(
    options, examples, tmp_path, monkeypatch, caplog
):
    fit(*examples, options(), progress=False).save(tmp_path / "model")
    monkeypatch.setenv("RASA_BERT_INTENT_ENGINE", "onnx")
    assert isinstance(load_to_serve(tmp_path / "model"), IntentModel)
    assert "engine: onnx was asked for, and the model was stored without a graph" in caplog.text


@pytest.mark.parametrize("changes", [{"method": "head"}, {"classification_head": "cosine"}])
def test_options_of_another_network_are_refused(stored, options, changes):
    with pytest.raises(ModelError, match=rf"was trained with {next(iter(changes))}"):
        load_to_serve(stored[0], options(engine="auto", **changes))


def test_an_encoder_that_the_model_alone_holds_stays_in_it(options, examples, tmp_path):
    fit(*examples, options(engine="torch"), progress=False).save(tmp_path / "model")
    start = IntentModel.load(tmp_path / "model", options(engine="auto"), trainable=True)
    fit(*examples, options(engine="auto"), start=start, progress=False).save(tmp_path / "again")
    assert (tmp_path / "again" / "encoder").is_dir()
    assert isinstance(load_to_serve(tmp_path / "again"), OnnxModel)


def test_an_asked_for_graph_needs_no_encoder_beside_it(options, examples, tmp_path):
    fit(*examples, options(engine="onnx", store_encoder=False), progress=False).save(tmp_path / "model")
    assert not (tmp_path / "model" / "encoder").exists()
    assert isinstance(load_to_serve(tmp_path / "model"), OnnxModel)


def test_a_graph_that_onnx_runtime_cannot_read_is_told_in_one_line(copied):
    (copied / "onnx" / "model.onnx").write_bytes(b"no graph")
    manifest = json.loads((copied / "model.json").read_text())
    del manifest["files"]["onnx/model.onnx"]
    (copied / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="cannot be read") as told:
        load_to_serve(copied)
    assert "\n" not in str(told.value)


def test_a_damaged_graph_is_noticed(copied):
    graph = copied / "onnx" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"model\.onnx is damaged"):
        load_to_serve(copied)


def test_threads_are_those_asked_for_and_torchs_are_left_alone(stored, options):
    import torch

    before = torch.get_num_threads()
    model = load_to_serve(stored[0], options(engine="auto", num_threads=3))
    assert model.network._session.get_session_options().intra_op_num_threads == 3
    assert torch.get_num_threads() == before


def test_serving_imports_neither_torch_nor_transformers_nor_peft(stored):
    code = (
        "import sys, pathlib; from rasa_bert_intent.archive import open_model; "
        f"print(open_model(pathlib.Path({str(stored[0])!r})).predict_proba(['hello']).shape, "
        "[name for name in ('torch', 'transformers', 'peft', 'onnx', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "(1, 4) []"
