"""How time and memory grow with examples, intents and tokens.

    python benchmarks/growth.py

Made-up messages of English words, drawn at random: half of a message's words from its intent's own four, so that
there is something to learn (where answers are chance, int8 gives others than fp32, and more precise weights are tried).
Each size is trained for one epoch in a process of its own, stored, and served. The training's seconds are those of all
that `fit` does: the n-grams, the export and P(in scope) too. Each row is written to benchmarks/results/growth.json and
growth.md as it comes, in place of the former of its size; tables that are not asked for (`--tables words`) stay there
as they are.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rasa_runs import ENVIRONMENT, RESULTS, machine, taken, write_table

EXAMPLES, INTENTS, WORDS = 4000, 60, 8
TABLES: dict[str, list[dict[str, int]]] = {
    "examples": [{"examples": n} for n in (1000, 4000, 16000, 100_000)],
    "intents": [{"intents": n} for n in (10, 60, 1000)],
    "words": [{"words": n, "examples": 1000} for n in (3, 30, 300, 498)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most-examples", type=int, default=100_000, help="leave out sizes above this")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print("ANSWER " + json.dumps(measure(**args.one)))
        return
    file = RESULTS / "growth.json"
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    tables |= json.loads(file.read_text())["tables"] if file.exists() else {}
    on, result = machine(), {"tables": tables}
    for name in args.tables:
        for number, size in enumerate(TABLES[name]):
            if size.get("examples", 0) > args.most_examples:
                continue
            command = [sys.executable, __file__, "--one", json.dumps(size)]
            done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr[-3000:])
            answer = next(line for line in done.stdout.splitlines() if line.startswith("ANSWER "))
            row = {**json.loads(answer.removeprefix("ANSWER ")), "machine": on, **taken()}
            tables[name][number : number + 1] = [row]
            print(name, row, flush=True)
            file.write_text(json.dumps(result, indent=1) + "\n")
            write_table("growth", table)


def measure(examples: int = EXAMPLES, intents: int = INTENTS, words: int = WORDS) -> dict[str, Any]:
    from rasa_bert_intent import Options, fit, load_to_serve
    from rasa_bert_intent.encoder import find_encoder
    from rasa_bert_intent.network import load_tokenizer

    vocabulary = sorted(w for w in load_tokenizer(find_encoder(Options().encoder).path).get_vocab() if w.isalpha())
    draw = random.Random(0)
    own = [draw.sample(vocabulary, 4) for _ in range(intents)]
    texts = []
    for i in range(examples):
        message = draw.choices(own[i % intents], k=words // 2) + draw.choices(vocabulary, k=words - words // 2)
        draw.shuffle(message)
        texts.append(" ".join(message))
    options = Options.from_config({"epochs": 1, "min_steps": 0, "contrastive_weight": 0, "max_length": 512})
    start = time.perf_counter()
    model = fit(texts, [f"intent_{i % intents}" for i in range(examples)], options, progress=False)
    trained = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as scratch:
        model.save(Path(scratch) / "model")
        served = load_to_serve(Path(scratch) / "model")
    seconds = []
    for text in texts[:100]:
        start = time.perf_counter()
        served.predict_proba([text])
        seconds.append(time.perf_counter() - start)
    return {
        "examples": examples,
        "intents": intents,
        "tokens": round(statistics.mean(map(len, served.tokenize(texts[:1000])))),
        "training_seconds": trained,
        "training_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "engine": model.training["engine"],
        "message_p50_ms": 1000 * statistics.median(seconds),
    }


def table(result: dict[str, Any]) -> str:
    lines = ["# Growth", "", "`python benchmarks/growth.py`. One epoch of training, and all that follows it."]
    for name, rows in result["tables"].items():
        lines += [
            "",
            f"## {name.capitalize()}",
            "",
            "| examples | intents | tokens | training, s | ms an example and epoch | peak memory, MB | engine "
            "| one message, p50 ms | machine |",
            "| --- " * 9 + "|",
        ]
        lines += [
            f"| {row['examples']:,} | {row['intents']:,} | {row['tokens']} | {row['training_seconds']:.1f} "
            f"| {1000 * row['training_seconds'] / row['examples']:.1f} | {row['training_peak_mb']:.0f} "
            f"| {row['engine']} | {row['message_p50_ms']:.2f} | {row['machine'].rpartition(', torch')[0]} |"
            for row in rows
        ]
        missing = TABLES[name][len(rows) :]
        if missing:
            told = "; ".join(", ".join(f"{value:,} {key}" for key, value in size.items()) for size in missing)
            lines += ["", f"Not measured: {told}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
