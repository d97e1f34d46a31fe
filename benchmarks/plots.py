"""Draws the committed results as PNG, for the README.

    python benchmarks/plots.py

Reads benchmarks/results/ alone and measures nothing: whoever repeats a benchmark runs this after it. Writes
docs/images/*.png.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from rasa_runs import RESULTS

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
OURS, OTHERS, INK = "#2a6fbb", "#b4b9c2", "#30343b"
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": OTHERS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.dpi": 160,
    "savefig.bbox": "tight",
    "savefig.facecolor": "white",
}

# (title, value of a pipeline's row, digits)
SERVING: list[tuple[str, Callable[[dict[str, Any]], float], int]] = [
    ("One message, p50 ms", lambda row: row["parse_message_p50_ms"], 1),
    ("HTTP requests/s", lambda row: row["http"]["4"]["per_second"], 0),
    ("Load, s", lambda row: row["load_seconds"], 1),
    ("Added memory, MB", lambda row: row["added_mb"], 0),
    ("Archive, MB", lambda row: row["archive_mb"], 0),
]
# (title, key of a run, factor, digits); how long each trains beside the others is in training_time.md
MASSIVE = [
    ("Test accuracy, %", "accuracy", 100, 2),
    ("Macro-F1, %", "macro_f1", 100, 2),
    ("Calibration error (ECE)", "ece", 1, 3),
]
MASSIVE_NAMES = {
    "lora": "ours, LoRA",
    "lora-dev": "ours, LoRA,\ncalibrated on dev",
    "full-8-epochs": "ours, full, 8 epochs",
    "head": "ours, head",
    "diet": "DIET",
    "diet-36-epochs": "DIET, 36 epochs",
    "diet-36+64-epochs": "DIET, 36 + 64 epochs",
    "diet-without-entities": "DIET, intents alone",
    "logistic-regression": "logistic regression\non n-grams",
}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with plt.rc_context(STYLE):
        serving()
        massive()
        if (RESULTS / "growth.json").exists():
            growth()


def serving() -> None:
    """One panel a cost, one bar a pipeline."""
    rows = json.loads((RESULTS / "serving.json").read_text())["rows"]
    names = [name for name in rows if not name.startswith("bare")]
    figure, panels = plt.subplots(1, len(SERVING), figsize=(12.5, 2.1), sharey=True)
    for panel, (title, value, digits) in zip(panels, SERVING, strict=True):
        values = [value(rows[name]) for name in names]
        bars(panel, title, names, values, [f"{one:.{digits}f}" for one in values])
    save(figure, "serving.png")


def massive() -> None:
    """One panel a score, one bar a method: the mean of the runs, their spread as a line."""
    runs = [json.loads(file.read_text()) for file in sorted((RESULTS / "massive").glob("*.json"))]
    methods = [method for method in MASSIVE_NAMES if any(run["method"] == method for run in runs)]
    names = [MASSIVE_NAMES[method] for method in methods]
    figure, panels = plt.subplots(1, len(MASSIVE), figsize=(12.5, 0.5 + 0.42 * len(names)), sharey=True)
    for panel, (title, key, scale, digits) in zip(panels, MASSIVE, strict=True):
        values = [[scale * run[key] for run in runs if run["method"] == method and key in run] for method in methods]
        means = [statistics.mean(of_method) if of_method else 0 for of_method in values]
        texts = [f"{mean:.{digits}f}" if mean else "" for mean in means]
        errors = [statistics.stdev(of_method) if len(of_method) > 1 else 0 for of_method in values]
        bars(panel, title, names, means, texts, errors)
    save(figure, "massive.png")


def growth() -> None:
    """Training and one message's time over examples, intents and tokens."""
    tables = json.loads((RESULTS / "growth.json").read_text())["tables"]
    figure, panels = plt.subplots(1, 4, figsize=(12.5, 2.4))
    figure.subplots_adjust(wspace=0.3)
    lines(panels[0], "Training, s an epoch", "examples", tables["examples"], "training_seconds")
    lines(panels[1], "Peak memory of training, MB", "examples", tables["examples"], "training_peak_mb")
    lines(panels[2], "Training, s an epoch", "intents", tables["intents"], "training_seconds")
    lines(panels[3], "One message, p50 ms", "tokens", tables["words"], "message_p50_ms")
    save(figure, "growth.png")


def bars(
    panel: Any,
    title: str,
    names: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    errors: Sequence[float] | None = None,
) -> None:
    colours = [OURS if name.startswith("ours") else OTHERS for name in names]
    panel.barh(range(len(names)), values, color=colours, xerr=errors, ecolor=INK, height=0.68)
    for y, (value, text) in enumerate(zip(values, texts, strict=True)):
        panel.annotate(text, (value + (errors[y] if errors else 0), y), (3, 0), textcoords="offset points", va="center")
    panel.set_title(title)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.tick_params(length=0, labelbottom=False)
    panel.spines["bottom"].set_visible(False)
    panel.margins(x=0.22)


def lines(panel: Any, title: str, over: str, rows: list[dict[str, Any]], key: str) -> None:
    panel.plot([row[over] for row in rows], [row[key] for row in rows], "o-", color=OURS, markersize=4)
    in_proportion = key == "training_seconds" and over == "examples"
    panel.set(title=title, xlabel=over, xscale="log", yscale="log" if in_proportion else "linear")
    if not in_proportion:
        panel.set_ylim(0, 1.1 * max(row[key] for row in rows))


def save(figure: Any, name: str) -> None:
    figure.savefig(IMAGES / name)
    plt.close(figure)


if __name__ == "__main__":
    main()
