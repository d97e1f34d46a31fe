"""`Evaluation`: all that is told of a model after it answered labelled messages.

`dataclasses.asdict` of it is the JSON that `rasa-bert-intent evaluate --output` writes: its keys are the attributes
below, and nested objects and lists stand for the classes named there.

Out of scope are messages that the bot should refuse. The model may have an intent for them or not. If it has, they are
also scored as examples of that intent, and a message given that intent is refused whatever its confidence: its score
is 0. Every other message's score is the confidence of its intent, which FallbackClassifier compares with its threshold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.metrics import (
    ConfidenceBin,
    IntentScores,
    accuracy,
    auroc,
    confidence_bins,
    expected_calibration_error,
    macro_f1,
    per_intent,
)
from rasa_bert_intent.reports.threshold import Advice, advise_threshold

EXAMPLES_A_PAIR = 3
ANSWERED_SHOWN = 10


@dataclass(frozen=True)
class Prediction:
    """What a model says of a message.

    Attributes:
        text: The message.
        intent: The intent given to it.
        confidence: Of that intent, 0 to 1, as FallbackClassifier sees it.
    """

    text: str
    intent: str
    confidence: float


@dataclass(frozen=True)
class Confusion:
    """Two intents of which one is taken for the other.

    Attributes:
        intent: The right one.
        predicted: The one given.
        count: How often.
        examples: The most confident, at most three.
    """

    intent: str
    predicted: str
    count: int
    examples: list[Prediction]


@dataclass(frozen=True)
class OutOfScope:
    """How messages out of scope fare.

    Attributes:
        examples: How many; a text that was given twice counts once.
        intent_is_known: Whether the model has an intent for them.
        auroc: How well the score tells messages in scope from them, see `rasa_bert_intent.reports.metrics.auroc`.
        answered: Those answered at the threshold advised, the most confident, at most ten.
    """

    examples: int
    intent_is_known: bool
    auroc: float
    answered: list[Prediction]


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on labelled messages.

    Attributes:
        title: What was evaluated on what.
        data: Which data it was evaluated on.
        examples: Labelled messages scored; those out of scope are among them if the model has an intent for them.
        accuracy: Share given the right intent.
        macro_f1: Mean of the intents' F1.
        ece: Expected calibration error of the confidences, in 15 bins.
        confidences: These bins, from 0 to 1.
        mean_confidence: Above the accuracy: the model is too sure; below: not sure enough.
        intents: The scores of every intent, worst first.
        confusions: Every pair of intents confused, most frequent first.
        unknown_intents: Intents of the data that the model does not have; their messages can only be wrong.
        out_of_scope: None if no message out of scope was given.
        fallback: The threshold advised for FallbackClassifier.
    """

    title: str
    data: str
    examples: int
    accuracy: float
    macro_f1: float
    ece: float
    confidences: list[ConfidenceBin]
    mean_confidence: float
    intents: list[IntentScores]
    confusions: list[Confusion]
    unknown_intents: list[str]
    out_of_scope: OutOfScope | None
    fallback: Advice


def evaluate(
    predictions: Sequence[Prediction],
    truth: Sequence[str],
    labels: Iterable[str],
    *,
    out_of_scope: Sequence[Prediction] = (),
    out_of_scope_intent: str = "out_of_scope",
    title: str = "Evaluation",
    data: str = "",
) -> Evaluation:
    """Compares predictions with the truth.

    Args:
        predictions: Of the labelled messages, `[n]`.
        truth: The right intent of each, `[n]`.
        labels: The intents that the model has.
        out_of_scope: Predictions of further messages, all out of scope.
        out_of_scope_intent: Labelled messages of this intent are out of scope too.
        title: What is evaluated on what.
        data: The name of the data.

    Raises:
        DataError: if no labelled message is in scope.
    """
    known = set(labels)
    intent_is_known = out_of_scope_intent in known
    pairs = list(zip(predictions, truth, strict=True))
    inside = [(prediction, intent) for prediction, intent in pairs if intent != out_of_scope_intent]
    if not inside:
        raise DataError(
            f"no example is in scope: all {len(pairs)} have the intent {out_of_scope_intent!r}. Give examples of the "
            "bot's other intents too, or another --out-of-scope-intent."
        )
    outside = [prediction for prediction, intent in pairs if intent == out_of_scope_intent]
    outside = list({prediction.text: prediction for prediction in [*outside, *out_of_scope]}.values())

    def score(prediction: Prediction) -> float:
        return 0.0 if prediction.intent == out_of_scope_intent else prediction.confidence

    inside_scores, outside_scores = [score(prediction) for prediction, _ in inside], list(map(score, outside))
    advice = advise_threshold(inside_scores, [p.intent == intent for p, intent in inside], outside_scores)
    scored = pairs if intent_is_known else inside
    given, right = [prediction.intent for prediction, _ in scored], [intent for _, intent in scored]
    confidences = [prediction.confidence for prediction, _ in scored]
    hits = [prediction.intent == intent for prediction, intent in scored]
    return Evaluation(
        title=title,
        data=data,
        examples=len(scored),
        accuracy=accuracy(right, given),
        macro_f1=macro_f1(right, given),
        ece=expected_calibration_error(confidences, hits),
        confidences=confidence_bins(confidences, hits),
        mean_confidence=sum(confidences) / len(confidences),
        intents=per_intent(right, given),
        confusions=_confusions(scored),
        unknown_intents=sorted({*right} - known),
        out_of_scope=OutOfScope(
            examples=len(outside),
            intent_is_known=intent_is_known,
            auroc=auroc(inside_scores, outside_scores),
            answered=_most_confident(
                [p for p, s in zip(outside, outside_scores, strict=True) if s > 0 and s >= advice.chosen.threshold],
                ANSWERED_SHOWN,
            ),
        )
        if outside
        else None,
        fallback=advice,
    )


def _confusions(pairs: Iterable[tuple[Prediction, str]]) -> list[Confusion]:
    wrong: dict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for prediction, intent in pairs:
        if prediction.intent != intent:
            wrong[intent, prediction.intent].append(prediction)
    found = [
        Confusion(intent, predicted, len(examples), _most_confident(examples, EXAMPLES_A_PAIR))
        for (intent, predicted), examples in wrong.items()
    ]
    return sorted(found, key=lambda pair: (-pair.count, pair.intent, pair.predicted))


def _most_confident(predictions: Iterable[Prediction], number: int) -> list[Prediction]:
    return sorted(predictions, key=lambda prediction: (-prediction.confidence, prediction.text))[:number]
