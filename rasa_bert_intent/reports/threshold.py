"""Which threshold to give Rasa's FallbackClassifier, and what it costs.

A message has one score: the confidence with which the bot answers it. FallbackClassifier refuses a message when
`confidence < threshold`, so it is answered when its score is at least the threshold. A score of 0 is never answered:
the model itself said that the message is out of scope. FallbackClassifier's second test, `ambiguity_threshold`, is not
looked at.

Two rules choose among the thresholds 0.00, 0.01, ... 0.99:

`balanced`, where there are messages out of scope: the largest mean of two shares, of messages in scope that are
answered rightly, and of messages out of scope that are refused. Of neighbouring thresholds that are equally good the
middle one is taken, of several such runs the longest, then the lowest: new messages are not quite like these.

`precise`, where there are none: the lowest threshold at which 95 % of the answers are right, of those that keep 90 % of
the right answers. If there is none, the one of these with the largest share of right answers, the lowest of equals. If
95 % are right without any threshold, none is asked for by these messages, but 0.00 would answer gibberish too: it is
the middle of the thresholds that keep 99 % of the right answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLDS = tuple(hundredth / 100 for hundredth in range(100))
WANTED_PRECISION = 0.95
KEPT_RIGHT_ANSWERS = 0.90
KEPT_WHERE_NONE_IS_NEEDED = 0.99


@dataclass(frozen=True)
class TradeOff:
    """What happens at a threshold; all shares are 0 to 1.

    Attributes:
        threshold: Of FallbackClassifier.
        answered: Of the messages in scope, the share answered.
        right_of_answered: Of these, the share answered rightly; None where none is answered.
        answered_rightly: Of all messages in scope, the share answered rightly.
        refused: Of the messages out of scope, the share refused; None where there is no such message.
    """

    threshold: float
    answered: float
    right_of_answered: float | None
    answered_rightly: float
    refused: float | None


@dataclass(frozen=True)
class Advice:
    """A threshold, and why.

    Attributes:
        rule: `balanced` or `precise`, see above.
        reason: Why this threshold, in words.
        chosen: The trade-off at the threshold advised.
        table: The trade-off at 0.0, 0.1, ... 0.9 and at the threshold advised, by threshold.
        curve: The trade-off at every threshold.
    """

    rule: str
    reason: str
    chosen: TradeOff
    table: list[TradeOff]
    curve: list[TradeOff]


def advise_threshold(
    in_scope: Sequence[float] | np.ndarray,
    right: Sequence[bool] | np.ndarray,
    out_of_scope: Sequence[float] | np.ndarray = (),
) -> Advice:
    """Advises a threshold.

    Args:
        in_scope: Scores of messages in scope, `[n]`, at least one.
        right: Whether the intent given to each of them is the right one, `[n]`.
        out_of_scope: Scores of messages out of scope, `[m]`; may be empty.
    """
    scores, hits, outside = np.asarray(in_scope, float), np.asarray(right, bool), np.asarray(out_of_scope, float)
    rows = [_trade_off(threshold, scores, hits, outside) for threshold in THRESHOLDS]
    if len(outside):
        rule, (chosen, reason) = "balanced", _balanced(rows)
    else:
        rule, (chosen, reason) = "precise", _precise(rows)
    table = [row for number, row in enumerate(rows) if number % 10 == 0 or row is chosen]
    return Advice(rule, reason, chosen, table, rows)


def _trade_off(threshold: float, scores: np.ndarray, hits: np.ndarray, outside: np.ndarray) -> TradeOff:
    answered = _answered(scores, threshold)
    return TradeOff(
        threshold=threshold,
        answered=float(answered.mean()),
        right_of_answered=float(hits[answered].mean()) if answered.any() else None,
        answered_rightly=float((answered & hits).mean()),
        refused=float((~_answered(outside, threshold)).mean()) if len(outside) else None,
    )


def _answered(scores: np.ndarray, threshold: float) -> np.ndarray:
    return (scores >= threshold) & (scores > 0)


def _balanced(rows: Sequence[TradeOff]) -> tuple[TradeOff, str]:
    gains = [_rounded((row.answered_rightly + (row.refused or 0.0)) / 2) for row in rows]
    best = max(gains)
    runs: list[list[TradeOff]] = [[]]
    for row, gain in zip(rows, gains, strict=True):
        if gain == best:
            runs[-1].append(row)
        else:
            runs.append([])
    longest = max(runs, key=len)
    return longest[(len(longest) - 1) // 2], (
        "It balances best what is answered rightly in scope and what is refused out of scope"
    )


def _precise(rows: Sequence[TradeOff]) -> tuple[TradeOff, str]:
    every = rows[0].answered_rightly
    if not every:
        return rows[0], "No message is answered rightly, so no threshold is better than another"
    candidates = [row for row in rows if _rounded(row.answered_rightly / every) >= KEPT_RIGHT_ANSWERS]
    wanted, kept = f"{WANTED_PRECISION:.0%}", f"{KEPT_RIGHT_ANSWERS:.0%}"
    if (rows[0].right_of_answered or 0.0) >= WANTED_PRECISION:
        harmless = [row for row in rows if _rounded(row.answered_rightly / every) >= KEPT_WHERE_NONE_IS_NEEDED]
        return harmless[(len(harmless) - 1) // 2], (
            f"{wanted} of the answers are right without any; it is the middle of those that keep "
            f"{KEPT_WHERE_NONE_IS_NEEDED:.0%} of the right ones, to refuse what is unlike the bot's examples"
        )
    for row in candidates:
        if (row.right_of_answered or 0.0) >= WANTED_PRECISION:
            return row, f"The lowest at which {wanted} of the answers are right, keeping {kept} of the right ones"
    nearest = max(candidates, key=lambda row: row.right_of_answered or 0.0)
    return nearest, f"No threshold that keeps {kept} of the right answers makes {wanted} right: this one comes nearest"


def _rounded(value: float) -> float:
    """A share that is equal to others whose fractions are, though they may differ in the last bit."""
    return round(value, 9)
