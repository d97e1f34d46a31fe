import logging

import numpy as np
import onnx
import pytest
import torch
from encoders import FAMILIES, make_encoder
from torch import nn

from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.training import export as exporting
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.smoothing import smooth


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_every_family_is_exported_and_computes_what_torch_does(
    family, pooling, options, examples, tmp_path, monkeypatch
):
    monkeypatch.setattr(exporting, "_LEAST_AGREEMENT", 1.1)  # int8 is refused: fp32 has no rounding to hide behind
    encoder = make_encoder(tmp_path / "encoder", family)
    model = fit(*examples, options(encoder=str(encoder), pooling=pooling, engine="onnx"), progress=False)
    assert model.graph is not None
    for texts in (["hi"], ["play some music", *examples[0]], ["turn off the lights please " * 5, "hey"]):
        by_onnx = model.features(texts)
        graph, model.graph = model.graph, None
        np.testing.assert_allclose(by_onnx, model.features(texts), atol=1e-4)
        model.graph = graph


@pytest.mark.parametrize(("limit", "value"), [("_LEAST_AGREEMENT", 1.1), ("_MOST_ACCURACY_LOST", -1.0)])
def test_int8_that_answers_otherwise_gives_way_to_fp32(limit, value, options, examples, monkeypatch, caplog):
    monkeypatch.setattr(exporting, limit, value)
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(engine="onnx"), progress=False)
    assert "ONNX Runtime serves the model in fp32" in caplog.text
    assert model.training["engine"] == "onnx fp32"
    assert model.graph is not None
    assert b"DynamicQuantize" not in model.graph.content


def test_a_graph_that_computes_something_else_is_not_served(options, examples, monkeypatch, caplog):
    monkeypatch.setattr(exporting, "_TOLERANCE", -1.0)
    model = fit(*examples, options(engine="onnx"), progress=False)
    assert model.graph is None
    assert "cannot be exported to ONNX (its vectors differ by " in caplog.text


def test_uint8_is_tried_before_fp32(options, examples, monkeypatch, caplog):
    class RefusesTheFirst:
        asked = 0

        def __le__(self, _: float) -> bool:
            self.asked += 1
            return self.asked > 1

    monkeypatch.setattr(exporting, "_LEAST_AGREEMENT", RefusesTheFirst())
    monkeypatch.setattr(exporting, "_MOST_ACCURACY_LOST", 1.0)
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(engine="onnx"), progress=False)
    assert model.training["engine"] == "onnx uint8"
    assert "ONNX Runtime serves the model in uint8: of the answers to 24 training examples int8 keeps" in caplog.text
    assert model.graph is not None
    graph = onnx.load_from_string(model.graph.content).graph
    types = {weights.name: weights.data_type for weights in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulInteger"]
    assert {types[node.input[1]] for node in products} == {onnx.TensorProto.UINT8}


def test_int8_is_smaller_and_is_told_of(options, examples, caplog):
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(engine="onnx", epochs=20), progress=False)
    assert "ONNX Runtime serves the model in int8" in caplog.text
    assert "to 24 training examples int8 keeps" in caplog.text
    assert model.training["engine"] == "onnx int8"
    assert model.graph is not None
    assert b"DynamicQuantize" in model.graph.content


def test_a_tokenizer_that_is_python_alone_is_served_by_torch(options, examples, monkeypatch, caplog, tiny_encoder):
    from transformers import AutoTokenizer

    kind = type(AutoTokenizer.from_pretrained(tiny_encoder))
    monkeypatch.setattr(kind, "is_fast", False)
    assert fit(*examples, options(engine="auto"), progress=False).graph is None
    assert "its tokenizer is written in Python alone" in caplog.text


def test_examples_as_long_as_the_encoder_reads_are_exported(options, examples):
    texts = ["play " * 200, *examples[0][1:]]
    model = fit(texts, examples[1], options(engine="onnx", max_length=66, epochs=1), progress=False)
    assert model.graph is not None


def test_precision_fp32_asks_for_a_graph_in_fp32(options, examples):
    model = fit(*examples, options(engine="onnx", precision="fp32", epochs=1), progress=False)
    assert model.training["engine"] == "onnx fp32"


def test_held_out_examples_decide_where_there_are_some(options, examples, caplog):
    with caplog.at_level(logging.INFO):
        fit(*examples, options(engine="onnx", evaluate_on_number_of_examples=8), progress=False)
    assert "to 8 held-out examples int8 keeps" in caplog.text


@pytest.mark.parametrize("engine", ["auto", "onnx"])
def test_an_encoder_that_cannot_be_exported_is_served_by_torch_with_a_warning(
    engine, options, examples, monkeypatch, caplog, tmp_path
):
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Unsupported operator\nand much more")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    model = fit(*examples, options(engine=engine), progress=False)
    assert model.graph is None
    assert "cannot be exported to ONNX (Unsupported operator): torch serves the model" in caplog.text
    model.save(tmp_path / "model")
    assert (tmp_path / "model" / "encoder").is_dir()
    assert load_to_serve(tmp_path / "model").predict_proba(["hi"]).shape == (1, 4)


def test_the_network_stays_as_it_is(options, examples, tmp_path):
    by_torch = fit(*examples, options(), progress=False)
    by_onnx = fit(*examples, options(engine="onnx"), progress=False)
    for (name, one), (_, other) in zip(
        by_torch.network.state_dict().items(), by_onnx.network.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    ("changes", "by_onnx"),
    [
        ({}, True),
        ({"engine": "torch"}, False),
        ({"store_encoder": False}, False),
        ({"precision": "bf16"}, False),
        ({"engine": "onnx", "precision": "bf16"}, True),
    ],
)
def test_auto_takes_onnx_on_a_cpu_unless_something_else_is_asked_for(options, examples, changes, by_onnx):
    model = fit(*examples, options(**{"engine": "auto", "epochs": 1, **changes}), progress=False)
    assert (model.graph is not None) == by_onnx


def test_smoothing_changes_no_result_and_evens_out_the_inputs():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4))
    inputs = torch.randn(32, 8) * torch.tensor([20.0, 1, 1, 1, 1, 1, 1, 1])
    before = network(inputs)
    smooth(network, lambda: network(inputs))
    torch.testing.assert_close(network(inputs), before)
    largest = (inputs * network[0].factors).abs().amax(dim=0)
    assert largest.max() / largest.min() < 0.5 * inputs.abs().amax(dim=0).max() / inputs.abs().amax(dim=0).min()


def test_the_quantiser_does_not_write_logs_and_logging_is_left_as_it_was(options, examples, caplog):
    with caplog.at_level(logging.INFO):
        fit(*examples, options(engine="onnx"), progress=False)
    assert logging.root.manager.disable == 0
    assert not [record for record in caplog.records if record.name == "root"]
