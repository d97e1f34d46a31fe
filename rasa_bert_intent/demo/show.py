"""What the classifier thinks, as HTML; messages and names in it are text and never markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rasa_bert_intent.demo.backends import Backend
from rasa_bert_intent.demo.corrections import Corrections
from rasa_bert_intent.demo.thoughts import Thought
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.scope import OUT_OF_SCOPE_INTENT

_ROWS_SHOWN = 200
_INTENTS_SHOWN = 10


def thought_html(thought: Thought | None, backend: Backend) -> str:
    """A message's ranking as bars, its confidence, P(in scope), entities, time, and whether the bot falls back."""
    return _render("thought.html", thought=thought, backend=backend, out_of_scope=OUT_OF_SCOPE_INTENT)


def list_html(thoughts: Sequence[Thought], seconds: float) -> str:
    """A table of messages with their intents, and how many each intent has."""
    counts = Counter(thought.intent or "none" for thought in thoughts).most_common()
    return _render(
        "list.html",
        thoughts=thoughts[:_ROWS_SHOWN],
        total=len(thoughts),
        fallbacks=sum(thought.fallback for thought in thoughts),
        counts=counts[:_INTENTS_SHOWN],
        other_intents=len(counts[_INTENTS_SHOWN:]),
        seconds=seconds,
    )


def corrections_html(corrections: Corrections) -> str:
    """What was corrected, the last first, where it is kept, and how to train on it."""
    return _render("corrections.html", kept=corrections.kept[::-1], file=corrections.file, folder=corrections.folder)


def notice_html(text: str, kind: str = "error") -> str:
    """A line for people: `error`, which is read out at once, or `done`; nothing for an empty text."""
    return _render("notice.html", text=text, kind=kind)


def error_html(error: BertIntentError, *uploaded: str | None) -> str:
    """An error as a line; the page's copies of uploaded files, whose long paths nobody knows, by their names alone."""
    told = str(error)
    for file in filter(None, uploaded):
        told = told.replace(file, Path(file).name)
    return notice_html(told)


def frame_html(report: str, title: str) -> str:
    """A whole page within ours, which it can neither read nor change; a reader of the screen is told its title."""
    return _render("frame.html", report=report, title=title)


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("rasa_bert_intent.demo", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)
