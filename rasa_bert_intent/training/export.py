"""Exports a trained encoder to ONNX, in int8 where its answers stay the same."""

from __future__ import annotations

import copy
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rasa_bert_intent import batches
from rasa_bert_intent import network as net
from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import first_line
from rasa_bert_intent.heads import logits_of
from rasa_bert_intent.model import Graph, IntentModel
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.onnx_model import OnnxEncoder
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.smoothing import smooth

logger = logging.getLogger(__name__)

_OPSET = 17
# What int8 may cost, on examples that were not trained on where there are any.
_LEAST_AGREEMENT = 0.99
_MOST_ACCURACY_LOST = 0.003
# Types of the weights, tried one after the other. In int8 they have seven bits: on CPUs without VNNI products of eight
# overflow between two sums. Where that is too coarse, eight bits without a sign take a tenth longer.
_WEIGHTS = ("int8", "uint8")
# By how much a feature may differ between torch and ONNX Runtime, both fp32.
_TOLERANCE = 1e-3
# Examples that tell how large activations get, and whether the graph computes what torch does.
_EXAMPLES_SEEN = 256
# Examples whose answers are compared, one by one: held-out ones, or, where there are none, some of those that were
# trained on, whose answers are surer, so that more of them say little more.
_HELD_OUT_COMPARED, _TRAINED_ON_COMPARED = 2000, 500
_BATCH = 64


def serves_by_onnx(model: IntentModel) -> bool:
    """Whether ONNX Runtime is to serve a model, by the option `engine`; `auto`: where it was trained on a CPU."""
    options = model.options
    if options.engine == "auto":
        return model.device.type == "cpu" and not model.bf16 and options.store_encoder is not False
    return options.engine == "onnx"


def export(model: IntentModel, train: Examples, held_out: Examples) -> Graph | None:
    """The encoder of a trained model with its pooling as an ONNX graph; told in one line.

    Args:
        model: Trained; it stays as it is.
        train: Examples it was trained on.
        held_out: Others; there may be none.

    Returns:
        In int8 if on the held-out examples (or, without any, on those trained on) it loses at most 0.3 points of
        accuracy, rounded up to whole examples, and gives the same answer to 99 %; else in uint8 if that does; else, or
        where `precision: fp32` asks for it, in fp32. None, with a warning, if the encoder cannot be exported.
    """
    random = np.random.default_rng(model.options.random_seed)
    compared = (
        _some(held_out, _HELD_OUT_COMPARED, random) if len(held_out) else _some(train, _TRAINED_ON_COMPARED, random)
    )
    right = np.asarray(compared.labels)
    added = model.ngrams.logits(compared.texts) if model.ngrams is not None else 0
    pad_id, hidden, width = model.tokenizer.pad_token_id, model.network.head.in_features, model.network.width
    network: Any = None

    def of_torch(inputs: Sequence[Sequence[int]]) -> np.ndarray:
        return net.in_batches(
            network.vectors, inputs, width, pad_id=pad_id, device=torch.device("cpu"), batch_size=_BATCH
        )

    def of_graph(graph: Graph, inputs: Sequence[Sequence[int]], batch_size: int) -> np.ndarray:
        return batches.in_batches(graph.encoder, inputs, width, pad_id=pad_id, batch_size=batch_size)

    def answers(vectors: np.ndarray) -> np.ndarray:
        return (logits_of(model.head, model.options.classification_head, vectors[:, :hidden]) + added).argmax(axis=1)

    longest = max(compared.inputs, key=len)
    example = net.pad([longest, longest[: max(1, len(longest) - 1)]], pad_id)
    try:
        if not model.tokenizer.is_fast:
            raise ValueError("its tokenizer is written in Python alone")
        network = _merged_copy(model)
        expected = of_torch(compared.inputs)
        if model.options.precision != "fp32":
            smooth(network.encoder, lambda: of_torch(_some(train, _EXAMPLES_SEEN, random).inputs))
        traced = _traced(network, example)
        fp32 = _graph(traced, "fp32", model.options)
        found = of_graph(fp32, compared.inputs[:_EXAMPLES_SEEN], _BATCH)
        for part in (slice(None, hidden), slice(hidden, None)):  # features and layers, each in its own scale
            difference = float(np.abs(found[:, part] - expected[:_EXAMPLES_SEEN, part]).max())
            if not difference <= _TOLERANCE * float(np.abs(expected[:, part]).max()):
                raise ValueError(f"its vectors differ by {difference:.2g}")
        if model.options.precision == "fp32":
            return fp32
        before, told = answers(expected), []
        for precision in _WEIGHTS:
            graph = _graph(_quantised(traced, precision), precision, model.options)
            # One by one, as a bot is asked: int8 takes one scale for all messages of a batch.
            after = answers(of_graph(graph, compared.inputs, 1))
            agreement = float((before == after).mean())
            lost = int((before == right).sum() - (after == right).sum())
            points = f"{100 * abs(lost) / len(right):.1f} points {'less' if lost > 0 else 'more'} accuracy"
            told.append(f"{precision} keeps {100 * agreement:.2f} %, with {points}")
            # In whole examples, rounded up: of 576 two are 0.35 points, and one more or less is chance.
            if agreement >= _LEAST_AGREEMENT and lost <= math.ceil(_MOST_ACCURACY_LOST * len(right)):
                break
        else:
            graph = fp32
    except Exception as error:  # exporter, quantiser and runtime have a class of errors for every layer of theirs
        reason = first_line(error)
        logger.warning(
            f"The encoder ({model.encoder.model_type}) cannot be exported to ONNX ({reason}): torch serves the model. "
            "engine: torch does so without this attempt."
        )
        return None
    kind = "held-out" if len(held_out) else "training"
    logger.info(
        f"ONNX Runtime serves the model in {graph.precision}: of the answers to {len(compared)} {kind} examples "
        f"{'; '.join(told)} (asked for: 99 %, and at most 0.3 points less)."
    )
    return graph


def _some(examples: Examples, count: int, random: np.random.Generator) -> Examples:
    if len(examples) <= count:
        return examples
    return examples.subset(sorted(random.choice(len(examples), count, replace=False).tolist()))


def _merged_copy(model: IntentModel) -> Any:
    """A copy of a model's network on the CPU in fp32, LoRA merged, whose attention is traced operation by operation."""
    network = copy.deepcopy(model.network).to("cpu").float().eval()
    if model.adapter is not None:
        network.encoder = network.encoder.merge_and_unload()
    with net.quiet_transformers():
        network.encoder.set_attn_implementation("eager")
    return network


class _Vectors(nn.Module):
    """A network's vectors as what a module returns when called, which the tracer follows."""

    def __init__(self, network: IntentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.network.vectors(input_ids, attention_mask)


def _traced(network: IntentNetwork, example: tuple[Tensor, Tensor]) -> bytes:
    messages, tokens = {0: "messages"}, {0: "messages", 1: "tokens"}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's, about shapes that are the same for every message
        file = Path(scratch) / "fp32.onnx"
        torch.onnx.export(
            _Vectors(network).eval(),  # else the exporter leaves the network in training mode
            example,
            str(file),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": tokens, "attention_mask": tokens, "vectors": messages},
            opset_version=_OPSET,
            dynamo=False,  # the other one needs two more packages and takes ten times as long
        )
        return file.read_bytes()


def _quantised(graph: bytes, weights: str) -> bytes:
    """A graph with weights in int8 or uint8, and activations too while matrices are multiplied."""
    from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic

    signed = weights == "int8"
    kind = QuantType.QInt8 if signed else QuantType.QUInt8
    with tempfile.TemporaryDirectory() as scratch, _without_logs():
        fp32, prepared, quantised = (Path(scratch) / name for name in ("fp32.onnx", "prepared.onnx", "quantised.onnx"))
        fp32.write_bytes(graph)
        quant_pre_process(fp32, prepared, skip_symbolic_shape=True)
        quantize_dynamic(prepared, quantised, weight_type=kind, per_channel=True, reduce_range=signed)
        return quantised.read_bytes()


@contextmanager
def _without_logs() -> Iterator[None]:
    """Without the quantiser's line for every tensor, which it writes as the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _graph(content: bytes, precision: str, options: Options) -> Graph:
    return Graph(content, OnnxEncoder(content, options.num_threads), precision)
