"""How near training and batch scoring come to what the machine can multiply, and to a plain `Trainer`.

    python benchmarks/limit.py

All in one process and in turns: matrix products of torch (fp32, and bf16 where it pays) and of ONNX Runtime (fp32,
int8) as large as they run best; steps of our training, in the same; steps of a plain transformers `Trainer` in fp32
with the same LoRA, padded to each batch's longest message and to 128 tokens; scoring 4,096 messages by each engine.
Messages are the example bot's own, to be scored again and again. Floating-point operations are counted from the linear
layers alone: 2 a weight and token forward, as many backward under LoRA (the frozen weights get no gradient), and those
of LoRA itself. Writes benchmarks/results/limit.json and limit.md; what other machines measured stays there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from pipelines import ENGINES
from rasa_runs import RESULTS, machine, write_table
from torch import nn
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments

from rasa_bert_intent import Options, fit, load_to_serve
from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.encoder import find_encoder
from rasa_bert_intent.network import load_tokenizer
from rasa_bert_intent.runtime import bf16_pays
from rasa_bert_intent.training.build import fresh_model
from rasa_bert_intent.training.recipe import choose

BOT = Path(__file__).resolve().parents[1] / "example_bot" / "data" / "nlu"
STEPS, BATCH, SCORED = 30, 32, 4096
SIZE = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    os.environ["RASA_BERT_INTENT_DEVICE"] = "cpu"
    texts, intents = bots_messages(STEPS * BATCH)
    scored = [texts[i % len(texts)] for i in range(SCORED)]
    kinds = {"fp32": torch.float32, **({"bf16": torch.bfloat16} if bf16_pays(torch.device("cpu")) else {})}
    with tempfile.TemporaryDirectory() as scratch:
        tasks = {
            **{f"matrix products, torch {kind}": matmul_torch(dtype) for kind, dtype in kinds.items()},
            "matrix products, ONNX Runtime fp32": matmul_onnx(Path(scratch), int8=False),
            "matrix products, ONNX Runtime int8": matmul_onnx(Path(scratch), int8=True),
            **{f"training, ours, {kind}": train_ours(texts, intents, kind) for kind in kinds},
            "training, plain Trainer, each batch's longest": train_plain(texts, intents, None),
            "training, plain Trainer, 128 tokens": train_plain(texts[: 4 * BATCH], intents[: 4 * BATCH], 128),
        }
        for name, options in ENGINES.items():
            tasks[f"scoring, {name}"] = score(Path(scratch) / name, texts, intents, scored, **options)
        rates: dict[str, list[dict[str, float]]] = {name: [] for name in tasks}
        for turn in range(args.rounds + 1):
            for name, task in tasks.items():
                rate = task()
                if turn:  # the first one warms up
                    rates[name].append(rate)
                print(turn, name, rate, flush=True)
            if turn:
                write({"machine": machine(), "threads": torch.get_num_threads(), "rounds": turn, "rates": rates})


def bots_messages(count: int) -> tuple[list[str], list[str]]:
    texts, intents = read_examples(BOT)
    drawn = np.random.default_rng(0).permutation(len(texts))[:count]
    return [texts[i] for i in drawn], [intents[i] for i in drawn]


def matmul_torch(dtype: torch.dtype) -> Callable[[], dict[str, float]]:
    left, right = torch.randn(SIZE, SIZE, dtype=dtype), torch.randn(SIZE, SIZE, dtype=dtype)
    return lambda: {"flops": _matmul_rate(lambda: left @ right)}


def matmul_onnx(folder: Path, int8: bool) -> Callable[[], dict[str, float]]:
    """A large product by the operators that a graph of ours runs: the right side is a constant."""
    import onnxruntime

    right = np.random.default_rng(0).integers(-60, 60, (SIZE, SIZE))
    constant = onnx.numpy_helper.from_array(right.astype(np.int8 if int8 else np.float32), "right")
    left = helper.make_tensor_value_info("left", TensorProto.UINT8 if int8 else TensorProto.FLOAT, [SIZE, SIZE])
    output = helper.make_tensor_value_info("out", TensorProto.INT32 if int8 else TensorProto.FLOAT, [SIZE, SIZE])
    node = helper.make_node("MatMulInteger" if int8 else "MatMul", ["left", "right"], ["out"])
    graph = helper.make_graph([node], "product", [left], [output], [constant])
    file = folder / f"product{int8}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    array = np.ones((SIZE, SIZE), np.uint8 if int8 else np.float32)
    return lambda: {"flops": _matmul_rate(lambda: session.run(None, {"left": array}))}


def _matmul_rate(product: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - start)
    return 2 * SIZE**3 / statistics.median(seconds)


def train_ours(texts: list[str], intents: list[str], precision: str) -> Callable[[], dict[str, float]]:
    base: dict[str, Any] = {
        "min_steps": 0,
        "contrastive_weight": 0,
        "engine": "torch",
        "out_of_scope_score": "none",
        "precision": precision,
    }
    operations, _ = _operations(texts, intents)

    def run() -> dict[str, float]:
        a_second = _examples_a_second(
            len(texts),
            lambda epochs: fit(texts, intents, Options.from_config({**base, "epochs": epochs}), progress=False),
        )
        return {"examples": a_second, "flops": a_second * operations}

    return run


def _examples_a_second(examples: int, train: Callable[[int], Any]) -> float:
    """By three epochs less one: what comes before the first and after the last is the same in both."""
    seconds = []
    for epochs in (1, 3):
        start = time.perf_counter()
        train(epochs)
        seconds.append(time.perf_counter() - start)
    return 2 * examples / (seconds[1] - seconds[0])


def _operations(texts: list[str], intents: list[str]) -> tuple[float, float]:
    """Floating-point operations of an example, in training and forward alone."""
    labels = sorted(set(intents))
    model = fresh_model(labels, choose(Options(method="lora"), len(texts), len(labels)))
    linear = {name: m.weight.numel() for name, m in model.network.encoder.named_modules() if isinstance(m, nn.Linear)}
    lora = sum(weights for name, weights in linear.items() if ".lora_" in name)
    frozen = sum(linear.values()) - lora
    # Embeddings are frozen: nothing asks for the gradient of what the first layer reads.
    first = sum(n for name, n in linear.items() if "layer.0.attention.self" in name and ".lora_" not in name)
    tokens = float(np.mean([len(ids) for ids in model.tokenize(texts)]))
    return tokens * (4 * frozen - 2 * first + 6 * lora), tokens * 2 * frozen


def train_plain(texts: list[str], intents: list[str], padded_to: int | None) -> Callable[[], dict[str, float]]:
    """A `Trainer` as its documentation shows it, with the same rank of LoRA on the same layers, in fp32."""
    from peft import LoraConfig, get_peft_model

    directory = find_encoder(Options().encoder).path
    tokenizer = load_tokenizer(directory)
    labels = sorted(set(intents))
    rows = [
        {**tokenizer(text, truncation=True, max_length=128), "labels": labels.index(intent)}
        for text, intent in zip(texts, intents, strict=True)
    ]
    padding = {"padding": "max_length", "max_length": padded_to} if padded_to else {}
    model = AutoModelForSequenceClassification.from_pretrained(directory, num_labels=len(labels))
    ours = Options()
    config = LoraConfig(
        r=ours.lora_r, lora_alpha=ours.lora_alpha, target_modules=ours.lora_target_modules, task_type="SEQ_CLS"
    )
    model = get_peft_model(model, config)

    def train(epochs: int) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            arguments = TrainingArguments(
                scratch,
                per_device_train_batch_size=BATCH,
                num_train_epochs=epochs,
                use_cpu=True,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                logging_strategy="no",
            )
            Trainer(model, arguments, DataCollatorWithPadding(tokenizer, **padding), rows).train()

    return lambda: {"examples": _examples_a_second(len(rows), train)}


def score(
    folder: Path, texts: list[str], intents: list[str], scored: list[str], **options: Any
) -> Callable[[], dict[str, float]]:
    trained = fit(texts, intents, Options.from_config(options), progress=False)
    assert folder.name.startswith(trained.training["engine"]), trained.training
    trained.save(folder)
    model = load_to_serve(folder)
    _, operations = _operations(scored, intents)

    def run() -> dict[str, float]:
        start = time.perf_counter()
        model.predict_proba(scored)
        a_second = len(scored) / (time.perf_counter() - start)
        return {"examples": a_second, "flops": a_second * operations}

    return run


def write(result: dict[str, Any]) -> None:
    """Puts a machine's result in place of what the same machine measured before."""
    file = RESULTS / "limit.json"
    others = json.loads(file.read_text()) if file.exists() else []
    results = [result, *(other for other in others if other["machine"] != result["machine"])]
    file.write_text(json.dumps(results, indent=1) + "\n")
    write_table("limit", table)


def table(results: list[dict[str, Any]]) -> str:
    heading = (
        "# Against the machine's limit\n\n`python benchmarks/limit.py`. The share is of the large matrix product in "
        "the same numbers (fp32, bf16 or int8).\n"
    )
    return heading + "".join(map(table_of_machine, results))


def medians_and_limits(result: dict[str, Any]) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Of each task the medians of the turns; of each kind of numbers the greatest rate of matrix products."""
    medians = {
        name: {key: statistics.median(rate[key] for rate in rates) for key in rates[0]}
        for name, rates in result["rates"].items()
    }
    limits: dict[str, float] = {}
    for name, median in medians.items():
        if name.startswith("matrix"):
            kind = name.rpartition(" ")[2]
            limits[kind] = max(limits.get(kind, 0), median["flops"])
    return medians, limits


def table_of_machine(result: dict[str, Any]) -> str:
    medians, limits = medians_and_limits(result)
    ours = {name: median["examples"] for name, median in medians.items() if name.startswith("training, ours")}
    kinds = [name.rpartition(" ")[2] for name in ours]
    lines = [
        "",
        f"On {result['machine']}, {result['threads']} threads; medians of {result['rounds']} turns, in brackets their "
        "range:",
        "",
        f"| what | messages/s | {' | '.join(f'against ours in {kind}' for kind in kinds)} | 10⁹ operations/s "
        "| share of the limit |",
        "| --- " * (4 + len(kinds)) + "|",
    ]
    for name, median in medians.items():
        examples, flops = median.get("examples"), median.get("flops")
        rates = [rate.get("flops", 0) / 1e9 for rate in result["rates"][name]]
        cells = [
            name,
            f"{examples:.0f}" if examples else "",
            *(f"1 / {of_ours / examples:.1f}" if examples and "plain" in name else "" for of_ours in ours.values()),
            f"{flops / 1e9:.0f} ({min(rates):.0f} to {max(rates):.0f})" if flops else "",
            f"{100 * flops / limits[name.rpartition(' ')[2]]:.0f} %" if flops else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
