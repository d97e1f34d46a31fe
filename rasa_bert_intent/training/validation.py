"""Which examples train a model, and which others tell how well it does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rasa_bert_intent.config import Options
from rasa_bert_intent.data.labelled import read_plain
from rasa_bert_intent.data.split import split_by_text
from rasa_bert_intent.doctor.texts import by_text, normalise
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.home import expanded
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training.batching import Examples

logger = logging.getLogger(__name__)

# Below this many examples an intent on average, every example is worth more in training than in validation.
_EXAMPLES_PER_INTENT_TO_HOLD_OUT = 50


def split(
    model: IntentModel, texts: Sequence[str], intents: Sequence[str], *, hold_out: bool = True
) -> tuple[Examples, Examples]:
    """Examples to train on, and others, by `validation_data` or held out of those given; there may be none.

    Args:
        model: Whose tokenizer, labels and options apply.
        texts: The examples.
        intents: The intent of each, all known to the model.
        hold_out: Whether any of those given may be held out.

    Raises:
        DataError: if `validation_data` cannot be read, or nothing in it is of use.
    """
    options, examples = model.options, _encode(model, texts, intents)
    if options.validation_data:
        return examples, _encode(model, *read_validation(Path(options.validation_data), texts, model.labels))
    number = held_out(options, len(texts), len(set(intents))) if hold_out else 0
    kept, others = split_by_text(by_text(texts), examples.labels, number, options.random_seed)
    if len(kept) < len(others):
        asked = "evaluate_on_number_of_examples" if options.evaluate_on_number_of_examples else "validation_split"
        logger.warning(
            f"{asked}: {len(others)} of the {len(texts)} examples are held out, and {len(kept)} are left to train on. "
            "Lower it."
        )
    return examples.subset(kept), examples.subset(others)


def held_out(options: Options, num_examples: int, num_intents: int) -> int:
    """How many of the examples to hold out for validation."""
    if options.evaluate_on_number_of_examples:
        return min(options.evaluate_on_number_of_examples, num_examples)
    share = options.validation_split
    if share is None:
        share = 0.05 if num_examples >= _EXAMPLES_PER_INTENT_TO_HOLD_OUT * num_intents else 0.0
    return round(share * num_examples)


def read_validation(path: Path, trained: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Texts and intents of `validation_data`, without those that tell nothing; one line in the log says how many.

    Args:
        path: As `rasa_bert_intent.data.labelled.read_plain` takes it.
        trained: Texts that are trained on: a model's answer to them tells nothing of others. Case, blanks and
            punctuation at the end do not matter.
        labels: The intents that are trained.

    Raises:
        DataError: if the file cannot be read, or nothing is left.
    """
    try:
        texts, intents = read_plain(expanded(path))
    except DataError as error:
        raise DataError(f"validation_data: {error}") from None
    known, seen = set(labels), {normalise(text) for text in trained}
    of_intents = [(text, intent) for text, intent in zip(texts, intents, strict=True) if intent in known]
    new = [(text, intent) for text, intent in of_intents if normalise(text) not in seen]
    left_out = f"{len(texts) - len(of_intents)} of other intents and {len(of_intents) - len(new)} that are trained on"
    if not new:
        raise DataError(
            f"validation_data: none of the {len(texts)} examples in {path} is of use: {left_out}. Give other examples "
            "of the same intents, outside of what `rasa train` reads."
        )
    if len(new) < len(texts):
        logger.warning(f"validation_data: of {len(texts)} examples in {path}, {left_out} are left out.")
    return [text for text, _ in new], [intent for _, intent in new]


def _encode(model: IntentModel, texts: Sequence[str], intents: Sequence[str]) -> Examples:
    column = {label: number for number, label in enumerate(model.labels)}
    tokens = model.tokenize(texts)
    return Examples(texts, tokens, [column[intent] for intent in intents])
