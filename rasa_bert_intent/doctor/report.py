"""A diagnosis as text for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rasa_bert_intent.doctor.findings import KINDS, Diagnosis, Finding

# A text longer than this is cut: the place tells the rest.
_LONGEST = 80


def as_text(diagnosis: Diagnosis, limit: int = 20) -> str:
    """Several lines: the findings by kind, with `file:line`, then one line that counts them.

    Args:
        diagnosis: What was found.
        limit: Findings of a kind that are shown; 0: all.
    """
    lines = []
    for kind, heading in KINDS.items():
        found = [finding for finding in diagnosis.findings if finding.kind == kind]
        if not found:
            continue
        lines.append(f"[{len(found)}] {heading}")
        shown = found[:limit] if limit else found
        for finding in shown:
            lines += _lines(finding)
        if len(shown) < len(found):
            lines.append(f"... and {len(found) - len(shown)} more: see --limit and --output")
        lines.append("")
    counts = ", ".join(f"{number} {kind}" for kind, number in diagnosis.counts().items() if number)
    lines += diagnosis.left_out
    lines.append(f"{diagnosis.examples} examples of {diagnosis.intents} intents: {counts or 'nothing found'}")
    return "\n".join(lines)


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Counts and every finding with its file, line, intent and text."""
    return {
        "examples": diagnosis.examples,
        "intents": diagnosis.intents,
        "counts": diagnosis.counts(),
        "left_out": diagnosis.left_out,
        "findings": [
            {
                "kind": finding.kind,
                "note": finding.note,
                "score": finding.score,
                "examples": [
                    {"file": str(e.path), "line": e.line, "intent": e.intent, "text": e.text} for e in finding.examples
                ],
            }
            for finding in diagnosis.findings
        ],
    }


def _lines(finding: Finding) -> Iterator[str]:
    """One line an example, the first with a dash, the last with the note."""
    places = [f"{example.path}:{example.line}" for example in finding.examples]
    width, intents = max(map(len, places)), max(len(example.intent) for example in finding.examples)
    last = len(places) - 1
    for number, (place, example) in enumerate(zip(places, finding.examples, strict=True)):
        text = example.text if len(example.text) <= _LONGEST else example.text[: _LONGEST - 1] + "…"
        note = f"  ({finding.note})" if finding.note and number == last else ""
        yield f"{'  ' if number else '- '}{place:{width}}  {example.intent:{intents}}  {text!r}{note}"
