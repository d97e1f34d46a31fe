"""Draws the committed results as PNG, for the README.

    python benchmarks/plots.py

Reads benchmarks/results/ alone and measures nothing: whoever repeats a benchmark runs this after it. Writes
docs/images/*.png. Thin lines on bars are the standard deviation of several trainings, or the range of several turns.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from limit import medians_and_limits
from massive import seconds_on_massive
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from rasa_runs import results

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

# (title, value of a pipeline's row, its range in the turns, digits)
_Row = dict[str, Any]
SERVING: list[tuple[str, Callable[[_Row], float], Callable[[_Row], list[float]] | None, int]] = [
    ("One message, p50 ms", lambda row: row["parse_message_p50_ms"], lambda row: row["parse_message_p50_ms_spread"], 1),
    (
        "HTTP, 4 clients, requests/s",
        lambda row: row["http"]["4"]["per_second"],
        lambda row: row["http"]["4"]["per_second_spread"],
        0,
    ),
    ("Load, s", lambda row: row["load_seconds"], None, 1),
    ("Added memory, MB", lambda row: row["added_mb"], None, 0),
    ("Archive, MB", lambda row: row["archive_mb"], None, 0),
]
# (title, key of a run, factor, digits)
MASSIVE = [
    ("Test accuracy, %", "accuracy", 100, 2),
    ("Macro-F1, %", "macro_f1", 100, 2),
    ("Calibration error (ECE)", "ece", 1, 3),
    ("Peak memory, GB", "training_peak_mb", 1e-3, 1),
]
MASSIVE_NAMES = {
    "lora": "ours, LoRA",
    "lora-dev": "ours, LoRA,\ncalibrated on dev",
    "full-8-epochs": "ours, full, 8 epochs",
    "head": "ours, head",
    "frozen-encoder": "frozen encoder,\nlogistic regression",
    "diet-36+64-epochs": "DIET with entities,\n36 + 64 epochs",
    "diet-without-entities": "DIET, intents alone,\n100 epochs",
    "logistic-regression": "logistic regression\non n-grams",
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    IMAGES.mkdir(exist_ok=True)
    with plt.rc_context(STYLE):
        for draw in (serving, massive, growth, limit):
            draw()


def serving() -> None:
    """One panel a cost, one bar a pipeline."""
    result = results("serving")
    rows = {name: row for name, row in result["rows"].items() if not name.startswith("bare")}
    figure, panels = plt.subplots(1, len(SERVING), figsize=(12.5, 2.1), sharey=True)
    for panel, (title, value, spread, digits) in zip(panels, SERVING, strict=True):
        values = [value(row) for row in rows.values()]
        ranges = [spread(row) if spread else [of_row] * 2 for row, of_row in zip(rows.values(), values, strict=True)]
        errors = [(of_row - low, high - of_row) for of_row, (low, high) in zip(values, ranges, strict=True)]
        bars(panel, title, list(rows), values, [f"{one:.{digits}f}" for one in values], errors)
    save(figure, "serving.png", result["machine"])


def massive() -> None:
    """One panel a score, one bar a method: the mean of the runs, their spread as a line."""
    runs, seconds = results("massive"), seconds_on_massive()
    seconds["diet-36+64-epochs"] = seconds["diet"]
    methods = [method for method in MASSIVE_NAMES if any(run["method"] == method for run in runs)]
    names = [MASSIVE_NAMES[method] for method in methods]
    size = (14, 0.5 + 0.42 * len(names))
    figure, panels = plt.subplots(1, len(MASSIVE) + 1, figsize=size, sharey=True)
    for panel, (title, key, scale, digits) in zip(panels, MASSIVE, strict=False):
        values = [[scale * run[key] for run in runs if run["method"] == method and key in run] for method in methods]
        means = [statistics.mean(of_method) if of_method else 0 for of_method in values]
        texts = [f"{mean:.{digits}f}" if mean else "" for mean in means]
        errors = [(statistics.stdev(of_method),) * 2 if len(of_method) > 1 else (0.0, 0.0) for of_method in values]
        bars(panel, title, names, means, texts, errors)
    minutes = [seconds.get(method, 0) / 60 for method in methods]
    bars(panels[-1], "Training, minutes", names, minutes, [f"{one:.0f}" if one else "" for one in minutes])
    save(figure, "massive.png", f"Training: {results('training_time')['large']['machine']}; 100 epochs calculated")


def growth() -> None:
    """Training and one message's time over examples, intents and tokens."""
    tables = results("growth")["tables"]
    figure, panels = plt.subplots(1, 5, figsize=(14, 2.4))
    figure.subplots_adjust(wspace=0.34)
    lines(panels[0], "Training of one epoch, s", "examples", tables["examples"], "training_seconds", in_proportion=True)
    lines(panels[1], "Peak memory, MB", "examples", tables["examples"], "training_peak_mb")
    lines(panels[2], "Training of one epoch, s", "intents", tables["intents"], "training_seconds")
    lines(panels[3], "Training of one epoch, s", "tokens", tables["words"], "training_seconds", in_proportion=True)
    lines(panels[4], "One message, p50 ms", "tokens", tables["words"], "message_p50_ms", in_proportion=True)
    over: dict[str, list[str]] = {}
    for name, rows in tables.items():
        for on in sorted({row["machine"].rpartition(", torch")[0] for row in rows}):
            over.setdefault(on, []).append(name.replace("words", "tokens"))
    save(figure, "growth.png", "; ".join(f"{' and '.join(names)}: {on}" for on, names in over.items()))


def limit() -> None:
    """What of the machine's measured matrix rate training and scoring reach, one panel a machine."""
    found = results("limit")
    figure, panels = plt.subplots(1, len(found), figsize=(12.5, 1.5), sharey=True)
    names = list(dict.fromkeys(name for of_machine in found for name in of_machine["rates"] if shares_in(name)))
    for panel, of_machine in zip(panels, found, strict=True):
        medians, limits = medians_and_limits(of_machine)
        shares = [
            100 * medians[name]["flops"] / limits[name.rpartition(" ")[2]] if name in medians else 0 for name in names
        ]
        texts = [f"{share:.0f} %" if share else "no bf16" for share in shares]
        on = of_machine["machine"].rpartition(", torch")[0].partition(" of ")[2]
        bars(panel, on.replace("(R)", "").replace(" Processor", ""), names, shares, texts)
        panel.set_xlim(0, 110)
    save(
        figure,
        "limit.png",
        "Share of the rate of large matrix products in the same numbers, on two cores of each",
    )


def shares_in(name: str) -> bool:
    return name.startswith(("training, ours", "scoring"))


def bars(
    panel: Any,
    title: str,
    names: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    errors: Sequence[tuple[float, float]] | None = None,
) -> None:
    """The errors are how far a value goes down and up."""
    colours = [OURS if name.startswith(("ours", "training, ours", "scoring")) else OTHERS for name in names]
    below_and_above = list(zip(*errors, strict=True)) if errors else None
    panel.barh(range(len(names)), values, color=colours, xerr=below_and_above, ecolor=INK, height=0.68)
    for y, (value, text) in enumerate(zip(values, texts, strict=True)):
        end = value + (errors[y][1] if errors else 0)
        panel.annotate(text, (end, y), (3, 0), textcoords="offset points", va="center")
    panel.set_title(title)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.tick_params(length=0, labelbottom=False)
    panel.spines["bottom"].set_visible(False)
    panel.margins(x=0.22)


def lines(panel: Any, title: str, over: str, rows: list[dict[str, Any]], key: str, in_proportion: bool = False) -> None:
    panel.plot([row[over] for row in rows], [row[key] for row in rows], "o-", color=OURS, markersize=4)
    panel.set(title=title, xlabel=over, xscale="log", yscale="log" if in_proportion else "linear")
    if in_proportion:
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
    else:
        panel.set_ylim(0, 1.1 * max(row[key] for row in rows))


def save(figure: Any, name: str, below: str) -> None:
    """With a line below that names the machine."""
    drawn = figure.get_tightbbox(figure.canvas.get_renderer()).y0 - 0.2  # inches
    figure.text(0.01, drawn / figure.get_figheight(), below.replace("(R)", ""), fontsize=8)
    figure.savefig(IMAGES / name)
    plt.close(figure)


if __name__ == "__main__":
    main()
