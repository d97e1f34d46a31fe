"""The README's tables, made of the results that were kept: tables.py writes them between the comments of their names.

A comment `<!-- massive.py -->` stands before the table that `massive` below makes, and the table ends at a blank line.
"""

from __future__ import annotations

import statistics
from typing import Any

from rasa_runs import RESULTS, results, spread

README = RESULTS.parents[1] / "README.md"
PLUGIN = "`BertIntentClassifier`"
_OTHERS = {"DIET": "DIET, Rasa's default pipeline", "LogisticRegression": "logistic regression on n-grams"}


def massive() -> list[list[str]]:
    runs = results("massive")
    ours, million = f"{PLUGIN} (LoRA)", "22.6 M"
    rows = [
        (f"**{PLUGIN}** (LoRA)", "lora", million, True),
        (f"{ours}, `validation_data`", "lora-dev", million, True),
        (f"{PLUGIN}, `method: full`, `epochs: 8`", "full-8-epochs", million, True),
        (f"{PLUGIN}, `method: head` (frozen encoder)", "head", million, False),
        ("the frozen encoder, logistic regression", "frozen-encoder", million, False),
        ("DIET, 100 epochs, intents alone", "diet-without-entities", "", False),
        ("DIET, 36 + 64 epochs, Rasa's default pipeline with entities", "diet-36+64-epochs", "", False),
        ("logistic regression on n-grams", "logistic-regression", "", False),
    ]
    table = [["", "parameters", "runs", "test accuracy %", "macro-F1 %", "ECE"]]
    for name, method, parameters, bold in rows:
        mine = [run for run in runs if run["method"] == method]
        scores = [spread([100 * run[key] for run in mine], 2) for key in ("accuracy", "macro_f1")]
        ece = spread([run["ece"] for run in mine if "ece" in run], 3)
        shown = [f"**{score}**" for score in scores] if bold else scores
        table.append([name, parameters, str(len(mine)), *shown, ece])
    table.append(["bert-base-uncased, published ([card])", "110 M", "", "89.03", "", ""])
    table.append(["mT5-base encoder, published ([paper])", "", "", "89.0", "", ""])
    return table


def training_time() -> list[list[str]]:
    names = {
        "ours": f"**{PLUGIN}**",
        "DIET": "DIET, 100 epochs",
        "LogisticRegression": _OTHERS["LogisticRegression"],
        "frozen encoder, logistic regression": "the frozen encoder, logistic regression, without Rasa",
        "SetFit": "[SetFit], same encoder, 40 pairs an example, without Rasa, once",
    }
    rows = results("training_time")["small"]["rows"]
    table = [["", "training, s", "accuracy %"]]
    for key, name in ((key, name) for key, name in names.items() if key in rows):
        seconds, right = rows[key]["seconds"], [100 * value for value in rows[key]["accuracy"]]
        cells = [f"{statistics.median(seconds):.0f}", f"{statistics.mean(right):.1f}"]
        if key == "ours":
            cells = [f"**{cell}**" for cell in cells]
        for number, (values, digits) in enumerate(((seconds, 0), (right, 1))):
            low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
            cells[number] += f" ({low} to {high})" if len(values) > 1 and low != high else ""
        table.append([name, *cells])
    return table


def serving() -> list[list[str]]:
    names = {
        "ours, onnx int8": f"**{PLUGIN}**, int8",
        "ours, torch fp32": f"{PLUGIN}, `engine: torch`",
        "DIET": _OTHERS["DIET"],
        "DIET, intents alone": "DIET, intents alone",
        "LogisticRegression": _OTHERS["LogisticRegression"],
        "bare Rasa, no classifier": "Rasa alone, no classifier",
    }
    rows = results("serving")["rows"]
    head = ["memory in all, MB", "added, MB", "archive, MB", "one message (`parse_message`), p50 ms"]
    table = [["", *head, "HTTP requests/s, 4 clients"]]
    for key, name in names.items():
        row: dict[str, Any] = rows[key]
        memory, archive = [f"{row['rss_mb']:.0f}", f"{row['added_mb']:.0f}"], f"{row['archive_mb']:.0f}"
        cells = [*memory, archive, f"{row['parse_message_p50_ms']:.1f}", f"{row['http']['4']['per_second']:.0f}"]
        table.append([name, *(f"**{cell}**" if key == "ours, onnx int8" else cell for cell in cells)])
    return table


TABLES = (massive, training_time, serving)


def filled(readme: str) -> str:
    """The README with its tables as the results give them."""
    for make in TABLES:
        head, *rows = make()
        table = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
        before = f"<!-- {make.__name__}.py -->\n"
        start = readme.index(before) + len(before)
        end = readme.index("\n\n", start)
        readme = readme[:start] + "\n".join(table) + readme[end:]
    return readme
