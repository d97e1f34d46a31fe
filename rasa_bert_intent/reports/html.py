"""An `Evaluation` as one HTML page that needs nothing beside it and no network."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.evaluation import Confusion, Evaluation, Prediction

if TYPE_CHECKING:
    import plotly.graph_objects as go

EXTRA = "pip install 'rasa-bert-intent[report]'"
_PAIRS_SHOWN = 20
_ERRORS_SHOWN = 40


def html_is_possible() -> bool:
    """Whether the libraries of the extra `report` are here."""
    return all(importlib.util.find_spec(name) is not None for name in ("plotly", "jinja2"))


def to_html(evaluation: Evaluation) -> str:
    """The report: totals, confusion matrix, worst errors, calibration, threshold, and every intent, worst first.

    Raises:
        DataError: if the extra `report` is not installed.
    """
    require_html()
    from rasa_bert_intent.reports import figures

    drawn = {
        "matrix": figures.matrix(evaluation),
        "reliability": figures.reliability(evaluation.confidences),
        "histogram": figures.histogram(evaluation.confidences),
        "threshold": figures.threshold(evaluation.fallback),
    }
    return render(
        "report.html",
        drawn,
        evaluation=evaluation,
        confused=drawn["matrix"].layout.meta["confused"],
        pairs=evaluation.confusions[:_PAIRS_SHOWN],
        errors=_worst(evaluation.confusions)[:_ERRORS_SHOWN],
        taken_for={pair.intent: pair for pair in reversed(evaluation.confusions)},
        wrong=sum(pair.count for pair in evaluation.confusions),
    )


def require_html() -> None:
    """Asks for what a page needs.

    Raises:
        DataError: if the extra `report` is not installed.
    """
    if not html_is_possible():
        raise DataError(f"a report in HTML needs plotly and jinja2: {EXTRA}")


def render(template: str, figures: Mapping[str, go.Figure], **values: Any) -> str:
    """One HTML page that needs nothing beside it and no network.

    plotly's script is part of the page, and the page forbids itself any other (Content-Security-Policy).

    Args:
        template: Of the folder `page`.
        figures: By the name that the template gives their places.
        values: What else it shows.

    Raises:
        DataError: if the extra `report` is not installed.
    """
    require_html()
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    pages = Environment(
        loader=PackageLoader("rasa_bert_intent.reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template(template).render(
        # Within a script element the text "</script>" or "<!--" of a message would end or hide what follows.
        figures={name: figure.to_json().replace("<", "\\u003c") for name, figure in figures.items()},
        plotly=get_plotlyjs(),
        **values,
    )


def _worst(confusions: list[Confusion]) -> list[tuple[str, Prediction]]:
    """The right intent and what was given instead, the surest first."""
    errors = [(pair.intent, example) for pair in confusions for example in pair.examples]
    return sorted(errors, key=lambda error: (-error[1].confidence, error[1].text))
