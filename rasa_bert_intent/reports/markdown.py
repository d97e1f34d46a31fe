"""An `Evaluation` as Markdown whose tables also read well on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rasa_bert_intent.reports.evaluation import Confusion, Evaluation, OutOfScope, Prediction
from rasa_bert_intent.reports.metrics import IntentScores
from rasa_bert_intent.reports.threshold import Advice, TradeOff

_PAIRS_SHOWN = 20
_LONGEST_TEXT = 60
# What Markdown would take for markup; an underscore inside a word is none.
_MARKUP = re.compile(r"[\\`*\[\]<>|~]|(?<![^\W_])_|_(?![^\W_])")


def to_markdown(evaluation: Evaluation) -> str:
    """The report: totals, threshold, messages out of scope, confused intents, and every intent, worst first."""
    sections = [f"# {cell(evaluation.title)}", *_totals(evaluation), *_threshold(evaluation.fallback)]
    if evaluation.out_of_scope is not None:
        sections += _out_of_scope(evaluation.out_of_scope)
    return "\n\n".join([*sections, *_confused(evaluation.confusions), *_intents(evaluation.intents)]) + "\n"


def _totals(evaluation: Evaluation) -> Iterator[str]:
    yield (
        f"{count(evaluation.examples, 'example')}: accuracy {evaluation.accuracy:.4f}, "
        f"macro-F1 {evaluation.macro_f1:.4f}.\n"
        f"Confidence {evaluation.mean_confidence:.4f} on average, calibration error (ECE) {evaluation.ece:.4f}."
    )
    if evaluation.unknown_intents:
        yield f"The model does not have these intents of the data: {cell(', '.join(evaluation.unknown_intents))}."


def _threshold(advice: Advice) -> Iterator[str]:
    yield f"## FallbackClassifier: threshold {advice.chosen.threshold:.2f}"
    yield f"{advice.reason}."
    header = ["threshold", "in scope answered", "of these right", "out of scope refused"]
    rows = [_trade_off(row, row == advice.chosen) for row in advice.table]
    if advice.chosen.refused is not None:
        yield table(header, rows, "rrrr")
        return
    yield table(header[:-1], [row[:-1] for row in rows], "rrr")
    yield "What is refused of messages out of scope is unknown: give some with `--out-of-scope`."


def _trade_off(row: TradeOff, chosen: bool) -> list[str]:
    threshold = f"**{row.threshold:.2f}**" if chosen else f"{row.threshold:.2f}"
    return [threshold, *(_share(value) for value in (row.answered, row.right_of_answered, row.refused))]


def _out_of_scope(found: OutOfScope) -> Iterator[str]:
    yield "## Out of scope"
    if found.intent_is_known:
        how = "a message given the model's own intent for them scores 0"
    else:
        how = "the model has no intent for them"
    yield f"{count(found.examples, 'example')} ({how}): AUROC {found.auroc:.4f} by confidence."
    if found.answered:
        yield "Answered all the same, the most confident:"
        rows = [[cell(p.intent), _message(p), f"{p.confidence:.3f}"] for p in found.answered]
        yield table(["taken for", "message", "confidence"], rows, "llr")


def _confused(pairs: Sequence[Confusion]) -> Iterator[str]:
    yield "## Confused intents"
    if not pairs:
        yield "None."
        return
    yield table(
        ["times", "intent", "taken for", "for example", "confidence"],
        [row for pair in pairs[:_PAIRS_SHOWN] for row in _pair(pair)],
        "rlllr",
    )
    if len(pairs) > _PAIRS_SHOWN:
        rest = sum(pair.count for pair in pairs[_PAIRS_SHOWN:])
        yield f"And {count(rest, 'message')} in {count(len(pairs) - _PAIRS_SHOWN, 'more pair')}."


def _pair(pair: Confusion) -> Iterator[list[str]]:
    """One row an example; only the first names the pair."""
    head = [str(pair.count), cell(pair.intent), cell(pair.predicted)]
    for example in pair.examples:
        yield [*head, _message(example), f"{example.confidence:.3f}"]
        head = ["", "", ""]


def _intents(scores: Sequence[IntentScores]) -> Iterator[str]:
    yield "## Intents, worst first"
    yield table(
        ["intent", "precision", "recall", "F1", "examples"],
        [[cell(s.intent), f"{s.precision:.3f}", f"{s.recall:.3f}", f"{s.f1:.3f}", str(s.support)] for s in scores],
        "lrrrr",
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> str:
    """A table with columns of even width; `alignment` has l or r for each column."""
    widths = [max(3, *(len(row[column]) for row in [header, *rows])) for column in range(len(header))]
    rule = ["-" * (width - 1) + (":" if side == "r" else "-") for width, side in zip(widths, alignment, strict=True)]
    lines = [
        [cell.rjust(width) if side == "r" else cell.ljust(width) for cell, width, side in cells]
        for cells in (zip(row, widths, alignment, strict=True) for row in [header, rule, *rows])
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _message(prediction: Prediction) -> str:
    text = prediction.text
    return cell(text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…")


def cell(text: str) -> str:
    """A text that is neither markup to Markdown nor a control sequence to a terminal."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return _MARKUP.sub(r"\\\g<0>", printable)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def count(number: int, noun: str) -> str:
    """The number, of so many of these."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
