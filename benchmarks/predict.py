"""`rasa-bert-intent predict` on files of many lines: messages a second, and that memory does not grow with the file.

    python benchmarks/predict.py

A model is trained for a few epochs on the example bot's messages, stored, and asked by the real command for those
messages again and again. Writes benchmarks/results/predict.json and predict.md.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from limit import bots_messages
from pipelines import ENGINES
from rasa_runs import RESULTS, machine, run, write_table

from rasa_bert_intent import Options, fit


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
            fit(texts, intents, Options.from_config(ENGINES[engine]), progress=False).save(model)
            for lines in args.lines:
                file = Path(scratch) / "messages.txt"
                file.write_text("".join(f"{texts[i % len(texts)]}\n" for i in range(lines)), "utf-8")
                cost = run(Path(scratch), "rasa_bert_intent.cli", "predict", str(model), "--input", str(file))
                answers = (Path(scratch) / "log").read_text("utf-8").splitlines()
                assert sum(answer.startswith('{"text"') for answer in answers) == lines
                rows.append({"engine": engine, "lines": lines, **cost})
                print(rows[-1], flush=True)
    result = {"machine": machine(), "rows": rows}
    (RESULTS / "predict.json").write_text(json.dumps(result, indent=1) + "\n")
    write_table("predict", table)


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
