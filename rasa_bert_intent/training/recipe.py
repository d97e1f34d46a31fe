"""The recipe: what the options leave open is chosen by the size of the data, and logged in one line."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from rasa_bert_intent.config import Options

logger = logging.getLogger(__name__)

# Below this many examples an intent on average LoRA learns faster, and a contrastive term helps any head: at 5, 10, 20
# and 50 an intent, with a linear one, 72.8, 78.2, 82.1 and 84.9 against 71.7, 77.9, 81.7 and 84.5 % of MASSIVE's
# development rows, three seeds (benchmarks/recipes.py; with intents' names 74.7 and 78.6 against 74.8 and 78.4).
_MANY = 50

# Between these many a cosine head beside the term is as good as a linear one or better: at 20 an intent 82.2 against
# 82.1, at 50 85.2 against 84.9 %, with 0.6 more macro-F1. With 5 and 10 it has 0.9 and 0.4 less, and from 100 on as
# much accuracy, but distances that tell less of what is out of scope (10 intents of all rows: AUROC .88 against .89).
_COSINE_FROM, _COSINE_BELOW = 15, 100

# Least steps; with LoRA eight passes in batches of 32, but from 200 to 600. On MASSIVE's development rows (three seeds)
# 200, 200 and 300 steps at 5, 10 and 20 an intent are, with the rate of few, as accurate as 600 were with the other one
# (72.7, 78.2 and 82.3 against 72.5, 77.9 and 82.6 %), with less loss (1.23, 0.93 and 0.77 against 1.29, 1.01 and 0.80).
_LEAST_STEPS = 600
_EXAMPLES, _LEAST_STEPS_OF_LORA = (800, 2400), (200, _LEAST_STEPS)

# Peak learning rates of the encoder (or LoRA) and of the head, by method; that of LoRA with few examples an intent.
_RATES = {"lora": (7e-4, 1e-3), "full": (1e-4, 1e-3), "head": (0.0, 3e-3)}
_RATE_OF_FEW = 1e-3


def choose(options: Options, num_examples: int, num_intents: int) -> Options:
    """The options with nothing left open.

    Args:
        options: As the user gave them.
        num_examples: To train on.
        num_intents: Among them.
    """
    an_intent = num_examples / num_intents
    method = "lora" if options.method == "auto" else options.method
    few = an_intent < _MANY
    (encoder_rate, head_rate), least_steps = _RATES[method], _LEAST_STEPS
    if method == "lora":
        least_steps = int(np.interp(num_examples, _EXAMPLES, _LEAST_STEPS_OF_LORA))
        encoder_rate = _RATE_OF_FEW if few else encoder_rate
    head = options.classification_head
    if head == "auto":  # an adapter brings its own, which is linear
        suits = method == "lora" and _COSINE_FROM <= an_intent < _COSINE_BELOW and not options.adapter
        head = "cosine" if suits else "linear"
    recipe: dict[str, Any] = {
        "method": method,
        "classification_head": head,
        "contrastive_weight": 0.3 if method != "head" and (few or head == "cosine") else 0.0,
        "learning_rate": encoder_rate,
        "head_learning_rate": head_rate,
        "min_steps": least_steps,
    }
    chosen = options.completed_by(recipe)
    logger.info(
        f"Recipe for {num_examples} examples of {num_intents} intents ({an_intent:.0f} an intent): "
        f"{', '.join(f'{key}: {getattr(chosen, key)}' for key in recipe)}. Options in config.yml override it."
    )
    return chosen
