"""An intent's name as one more example of it: `alarm_set` says what it is about, and counts where examples are few."""

from __future__ import annotations

import logging
import re
from collections import Counter

import numpy as np
from scipy.stats import binom

from rasa_bert_intent.distributed.group import told_by_main
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.doctor.texts import normalise
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training.batching import Examples

logger = logging.getLogger(__name__)

# From this many examples an intent on average a name adds nothing: it is worth 1.9 points of accuracy at 5 (72.85 to
# 74.73 % of MASSIVE's development rows, three seeds), 0.6 at 10, and at 20 no more than chance.
_FEW_BELOW = 15

# Share of the names that must be nearest to their own intent: of MASSIVE's 60, English names and examples .63 to .75,
# English names of German examples, which gain nothing, .25 to .30, and numbers .02. And how probable so many may be by
# chance, which of few intents is much.
_LEAST_TELLING, _CHANCE = 0.5, 0.05
# Of more intents so many tell, drawn at random: a name is sooner nearest to its own among few than among a thousand,
# and the share above is that of 60.
_INTENTS_ASKED = 100

_NO_LETTERS = re.compile(r"[\W_]+")
_CAPITAL_AFTER_SMALL = re.compile(r"(?<=[a-z\d])(?=[A-Z])")


def words_of(intent: str) -> str:
    """An intent's name as a text.

    >>> words_of("alarm_set"), words_of("bookTable"), words_of("ask-opening.hours")
    ('alarm set', 'book Table', 'ask opening hours')
    """
    return " ".join(_NO_LETTERS.sub(" ", _CAPITAL_AFTER_SMALL.sub(" ", intent)).split())


def with_names(model: IntentModel, train: Examples, held_out: Examples, world: World) -> Examples:
    """The examples and, where `learn_intent_names` asks for it, the names of their intents.

    Left open, it is done where examples are few and the names tell of them: where most lie nearer to the mean of their
    own intent's examples than to any other's, as the encoder sees them. Names that are numbers, or in another language,
    do not.

    Args:
        model: On its device; only if it is not trained yet what it is said to see is the encoder's own.
        train: The examples to train on.
        held_out: Others, which must not be learnt as names either.
        world: The processes that train; the first one decides.
    """
    asked = model.options.learn_intent_names
    if asked is False:
        return train
    columns = [column for column in sorted(set(train.labels)) if model.in_scope[column]]
    texts = {column: words_of(model.labels[column]) for column in columns}
    # A name that is an example, or that two intents share but for its spelling, says nothing more.
    times = Counter(normalise(text) for text in [*train.texts, *held_out.texts, *texts.values()])
    columns = [column for column in columns if texts[column] and times[normalise(texts[column])] == 1]
    names = Examples([texts[c] for c in columns], model.tokenize([texts[c] for c in columns]), columns)
    few = len(train) < _FEW_BELOW * len(set(train.labels))
    if not columns or (asked is None and not (few and told_by_main(world, lambda: _telling(model, train, names)))):
        return train
    return Examples([*train.texts, *names.texts], [*train.inputs, *names.inputs], [*train.labels, *names.labels])


def _telling(model: IntentModel, train: Examples, names: Examples) -> bool:
    if len(names) > _INTENTS_ASKED:
        random = np.random.default_rng(model.options.random_seed)
        names = names.subset(sorted(random.choice(len(names), _INTENTS_ASKED, replace=False).tolist()))
    asked = set(names.labels)
    train = train.subset([row for row, label in enumerate(train.labels) if label in asked])
    labels = np.asarray(train.labels)
    examples, named = np.split(model.features_of_tokens([*train.inputs, *names.inputs]), [len(train)])
    means = np.stack([examples[labels == label].mean(axis=0) for label in names.labels])
    # What all have in common tells nothing, and in encoders that were not made for sentences it is the most.
    means, named = (_unit(vectors - vectors.mean(axis=0)) for vectors in (means, named))
    number = len(means)
    hits = int(((named @ means.T).argmax(axis=1) == np.arange(number)).sum())
    learn = hits >= _LEAST_TELLING * number and binom.sf(hits - 1, number, 1 / number) <= _CHANCE
    logger.info(
        f"The names of {hits} of {number} intents say what their examples do: "
        f"{'each is one more example' if learn else 'they are not learnt'} (option learn_intent_names)."
    )
    return learn


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
