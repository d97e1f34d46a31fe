"""The figures of a report, by plotly.

Colours are CSS variables such as `var(--right)`, which the page's script replaces by those of the reader's light or
dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.stats import binomtest

from rasa_bert_intent.reports.confusion import ordered
from rasa_bert_intent.reports.evaluation import Confusion, Evaluation
from rasa_bert_intent.reports.metrics import ConfidenceBin
from rasa_bert_intent.reports.threshold import Advice

# As many as are read at a glance, and fit on a screen of usual width.
_CONFUSED_SHOWN = 60
_LONGEST_LABEL = 26
_LONGEST_TEXT = 70
_SHARE = {"range": [0, 1.02], "tickformat": ".0%", "fixedrange": True}


def reliability(bins: Sequence[ConfidenceBin]) -> go.Figure:
    """How often answers of a confidence are right, with 95 % intervals by Wilson."""
    shown = [(each, each.right + each.wrong) for each in bins if each.right + each.wrong]
    shares = [each.right / count for each, count in shown]
    intervals = [binomtest(each.right, count).proportion_ci(method="wilson") for each, count in shown]
    figure = themed()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "var(--muted)"}, name="as it should be",
        hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[each.confidence for each, _ in shown],
        y=shares,
        error_y={
            "type": "data",
            "array": [interval.high - share for interval, share in zip(intervals, shares, strict=True)],
            "arrayminus": [share - interval.low for interval, share in zip(intervals, shares, strict=True)],
            "color": "var(--muted)",
            "thickness": 1,
        },
        mode="lines+markers",
        line={"color": "var(--right)"},
        marker={"size": 9},
        name="this model",
        customdata=[[each.lower, each.upper, count] for each, count in shown],
        hovertemplate="%{customdata[2]:,} answers, confidence %{customdata[0]:.2f} to %{customdata[1]:.2f}<br>"
        "mean confidence %{x:.1%}<br>right %{y:.1%}<extra></extra>",
    )
    figure.update_xaxes(_SHARE, range=[0, 1.02], title="confidence")
    figure.update_yaxes(_SHARE, title="right")
    return figure


def histogram(bins: Sequence[ConfidenceBin]) -> go.Figure:
    """How many right and how many wrong answers have a confidence; each on a scale of its own, wrong ones being few."""
    figure = themed(make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08))
    middles = [(each.lower + each.upper) / 2 for each in bins]
    for row, name in enumerate(("right", "wrong"), start=1):
        figure.add_bar(
            x=middles,
            y=[getattr(each, name) for each in bins],
            customdata=[[each.lower, each.upper] for each in bins],
            marker={"color": f"var(--{name})", "line": {"width": 0}},
            name=name,
            hovertemplate="%{y:,} " + name + ", confidence %{customdata[0]:.2f} to %{customdata[1]:.2f}<extra></extra>",
            row=row,
            col=1,
        )
    figure.update_layout(bargap=0.06)
    figure.update_xaxes(_SHARE, range=[0, 1])
    figure.update_xaxes(title="confidence", row=2)
    figure.update_yaxes(fixedrange=True, rangemode="tozero")
    figure.update_yaxes(title="right", row=1)
    figure.update_yaxes(title="wrong", row=2)
    return figure.update_layout(showlegend=False)


def threshold(advice: Advice) -> go.Figure:
    """What every threshold of FallbackClassifier answers and refuses."""
    figure = themed()
    lines = {"answered": ("in scope answered", "muted"), "right_of_answered": ("of these right", "right")}
    if advice.chosen.refused is not None:
        lines["refused"] = ("out of scope refused", "outside")
    for key, (name, colour) in lines.items():
        figure.add_scatter(
            x=[row.threshold for row in advice.curve],
            y=[getattr(row, key) for row in advice.curve],
            mode="lines",
            line={"color": f"var(--{colour})", "width": 2.5},
            name=name,
            hovertemplate="%{y:.1%}",
        )
    figure.add_vline(
        x=advice.chosen.threshold, line={"dash": "dash", "color": "var(--ink)", "width": 1.5},
        annotation={"text": f"advised {advice.chosen.threshold:.2f}", "yref": "paper", "y": 1.0, "yanchor": "bottom"},
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1], fixedrange=True, title="threshold", hoverformat=".2f")
    figure.update_yaxes(_SHARE)
    return figure.update_layout(hovermode="x unified")


def matrix(evaluation: Evaluation) -> go.Figure:
    """What is taken for what: rows are the right intents, columns those given.

    A cell's colour is its share of the messages of its row, its number how many they are. `layout.meta` holds how many
    intents are confused, which come first, the length of a cell and the widest label, in pixels.
    """
    rows = {score.intent: score for score in evaluation.intents}
    intents, confused = ordered(rows, evaluation.confusions, _CONFUSED_SHOWN)
    place = {intent: number for number, intent in enumerate(intents)}
    size = range(len(intents))
    wrong: list[list[float | None]] = [[None for _ in size] for _ in size]
    right: list[list[float | None]] = [[None for _ in size] for _ in size]
    numbers, hover = [["" for _ in size] for _ in size], [["" for _ in size] for _ in size]
    for pair in evaluation.confusions:
        row, column = place[pair.intent], place[pair.predicted]
        wrong[row][column] = pair.count / rows[pair.intent].support
        numbers[row][column] = str(pair.count)
        hover[row][column] = "<br>".join(_pair(pair, rows[pair.intent].support))
    for intent, score in rows.items():
        if score.support:
            row = place[intent]
            right[row][row] = score.recall
            numbers[row][row] = str(round(score.recall * score.support))
            hover[row][row] = f"<b>{escape(intent)}</b><br>right: {numbers[row][row]} of {score.support}"
    figure = themed()
    for values, colour in ((right, "right"), (wrong, "wrong")):
        figure.add_heatmap(
            z=values,
            zmin=0,
            zmax=1 if colour == "right" else max([0.5, *(value for line in wrong for value in line if value)]),
            colorscale=[[0, f"var(--{colour}-faint)"], [1, f"var(--{colour}-full)"]],
            showscale=False,
            xgap=1,
            ygap=1,
            # a text stands wherever one is given, also where there is no value
            text=[
                [number if value is not None else "" for number, value in zip(*cells, strict=True)]
                for cells in zip(numbers, values, strict=True)
            ],
            texttemplate="%{text}",
            textfont={"size": 10, "color": "var(--ink)"},
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            hoverongaps=False,
        )
    cell = max(16, min(44, 440 // max(confused, 1)))
    labels = [escape(shortened(intent, _LONGEST_LABEL)) for intent in intents]
    ticks = {"tickvals": list(size), "ticktext": labels, "gridcolor": "var(--trace)", "zeroline": False, "ticks": ""}
    figure.update_xaxes(ticks, side="top", tickangle=-90, title=None, constrain="domain")
    figure.update_yaxes(ticks, autorange=False, range=[len(intents) - 0.5, -0.5])
    return figure.update_layout(
        autosize=False,
        showlegend=False,
        font={"size": 11},
        meta={"confused": confused, "all": len(intents), "cell": cell, "label": 14 + 6.6 * max(map(len, labels))},
    )


def _pair(pair: Confusion, support: int) -> Iterator[str]:
    yield f"<b>{escape(pair.intent)}</b> taken for <b>{escape(pair.predicted)}</b>"
    yield f"{pair.count} of {support} ({pair.count / support:.0%})"
    for example in pair.examples:
        yield f"{example.confidence:.2f}  {escape(shortened(example.text, _LONGEST_TEXT))}"


def themed(figure: go.Figure | None = None) -> go.Figure:
    """A figure, an empty one if none is given, without plotly's own colours, for the page has its own."""
    figure = figure or go.Figure()
    axes = {"gridcolor": "var(--grid)", "zerolinecolor": "var(--grid)", "linecolor": "var(--grid)", "automargin": True}
    figure.update_layout(
        template="none",
        font={"color": "var(--ink)", "size": 12, "family": "system-ui, sans-serif"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={
            "bgcolor": "var(--card)",
            "bordercolor": "var(--grid)",
            "font": {"color": "var(--ink)"},
            "align": "left",
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 48, "r": 12, "t": 36, "b": 44},
        xaxis={},
        yaxis={},
    )
    return figure.update_xaxes(axes).update_yaxes(axes)


def shortened(text: str, longest: int) -> str:
    """The text on one line, cut off where it is longer than that."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable if len(printable) <= longest else printable[: longest - 1] + "…"
