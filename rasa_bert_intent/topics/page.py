"""A `Discovery` as one HTML page that needs nothing beside it and no network."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from rasa_bert_intent.reports import figures
from rasa_bert_intent.reports.html import render
from rasa_bert_intent.topics.discovery import Discovery

_LONGEST_TEXT = 80
_WORDS_SHOWN = 6
# Hues that far apart are told apart however many there are: the golden angle.
_DEGREES = 137.5


def topics_page(discovery: Discovery) -> str:
    """The map of all messages, the topics in a table, and of each its words and most typical messages."""
    coherent = [topic.coherence for topic in discovery.topics if topic.coherence is not None]
    return render(
        "topics.html",
        {"map": topics_map(discovery)},
        discovery=discovery,
        coherence=sum(coherent) / len(coherent) if coherent else None,
        words_shown=_WORDS_SHOWN,
        colours=[_colour(number) for number in range(len(discovery.topics))],
    )


def topics_map(discovery: Discovery) -> go.Figure:
    """Every message a point, near to those that are like it, in the colour of its topic."""
    figure = figures.themed()
    for number, topic in enumerate(discovery.topics):
        name = escape(figures.shortened(topic.intent, 30))
        # Not by WebGL: plotly makes its shaders by eval, which the page forbids itself.
        figure.add_scatter(
            x=[member.x for member in topic.members],
            y=[member.y for member in topic.members],
            mode="markers",
            marker={"color": _colour(number), "size": 6, "opacity": 0.8},
            name=f"{number + 1}. {name}",
            text=[
                f"{escape(figures.shortened(member.text, _LONGEST_TEXT))}<br>"
                f"{escape(member.intent)} {member.confidence:.2f}"
                for member in topic.members
            ],
            hovertemplate="%{text}<extra>" + name + "</extra>",
        )
    nothing = {"visible": False, "showgrid": False, "zeroline": False}
    figure.update_xaxes(nothing).update_yaxes(nothing, scaleanchor="x")
    return figure.update_layout(
        height=620,
        dragmode="zoom",
        hovermode="closest",
        legend={"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )


def _colour(number: int) -> str:
    return f"hsl({number * _DEGREES % 360:.0f}, 60%, 50%)"
