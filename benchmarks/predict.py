"""`rasa-bert-intent predict` on files of many lines: messages a second, and that memory does not grow with the file.

    python benchmarks/predict.py

A model is trained for a few epochs on the example bot's messages, stored, and asked by the real command for those
messages again and again. Writes benchmarks/results/predict.json and predict.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from limit import bots_messages
from rasa_runs import ENVIRONMENT, RESULTS, machine

from rasa_bert_intent import Options, fit

ENGINES: dict[str, dict[str, Any]] = {
    "onnx int8": {"engine": "onnx"},
    "onnx fp32": {"engine": "onnx", "precision": "fp32"},
    "torch fp32": {"engine": "torch", "precision": "fp32"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["onnx int8"])
    args = parser.parse_args()
    os.environ["RASA_BERT_INTENT_DEVICE"] = "cpu"
    texts, intents = bots_messages(960)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for engine in args.engines:
            model = Path(scratch) / engine
            quick = {"epochs": 1, "min_steps": 200, **ENGINES[engine]}  # with fewer steps int8 may be refused
            fit(texts, intents, Options.from_config(quick), progress=False).save(model)
            for lines in args.lines:
                file = Path(scratch) / "messages.txt"
                file.write_text("".join(f"{texts[i % len(texts)]}\n" for i in range(lines)), "utf-8")
                rows.append({"engine": engine, "lines": lines, **run(model, file, lines, Path(scratch) / "answers")})
                print(rows[-1], flush=True)
    result = {"machine": machine(), "rows": rows}
    (RESULTS / "predict.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "predict.md").write_text(table(result))


def run(model: Path, file: Path, lines: int, answers: Path) -> dict[str, float]:
    """Seconds and peak of memory of the command, which must answer every line."""
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "predict", str(model), "--input", str(file)]
    start = time.perf_counter()
    with answers.open("w") as out, (answers.parent / "log").open("w") as log:
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit((answers.parent / "log").read_text()[-3000:])
    with answers.open("rb") as written:
        assert sum(1 for _ in written) == lines
    return {"seconds": seconds, "peak_mb": usage.ru_maxrss / 1024}


def table(result: dict[str, Any]) -> str:
    lines = [
        "# Files of many messages",
        "",
        f"`python benchmarks/predict.py`, on {result['machine']}. The whole command, start included.",
        "",
        "| engine | lines | seconds | messages/s | peak memory, MB |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['engine']} | {row['lines']:,} | {row['seconds']:.1f} | {row['lines'] / row['seconds']:.0f} "
        f"| {row['peak_mb']:.0f} |"
        for row in result["rows"]
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
