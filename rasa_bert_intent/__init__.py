"""Fine-tune a BERT-family encoder as the intent classifier of a Rasa bot.

In `config.yml`::

    pipeline:
    - name: rasa_bert_intent.BertIntentClassifier

The names below are loaded when first used: importing the package imports neither torch nor Rasa.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.version import __version__

# Torch's idle threads wait by spinning: beside another busy process each step then takes up to a hundred times as
# long. This makes them sleep soon; it is read when torch is first imported, hence here.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

if TYPE_CHECKING:
    from rasa_bert_intent.classifier import BertIntentClassifier
    from rasa_bert_intent.config import Options
    from rasa_bert_intent.model import IntentModel
    from rasa_bert_intent.serving import load_to_serve
    from rasa_bert_intent.training.fit import fit

__all__ = ["BertIntentClassifier", "IntentModel", "Options", "__version__", "fit", "load_to_serve"]

_HOME = {
    "BertIntentClassifier": "rasa_bert_intent.classifier",
    "IntentModel": "rasa_bert_intent.model",
    "Options": "rasa_bert_intent.config",
    "fit": "rasa_bert_intent.training.fit",
    "load_to_serve": "rasa_bert_intent.serving",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
