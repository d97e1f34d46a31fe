"""The pipelines that the benchmarks compare, as they stand in `config.yml`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

OURS = "rasa_bert_intent.BertIntentClassifier"
_NGRAMS: list[dict[str, Any]] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]


# Options to serve by each engine, of a training that is short: with fewer steps int8 may be refused.
_QUICK: dict[str, Any] = {"epochs": 1, "min_steps": 200}
ENGINES: dict[str, dict[str, Any]] = {
    "onnx int8": {**_QUICK, "engine": "onnx"},
    "onnx fp32": {**_QUICK, "engine": "onnx", "precision": "fp32"},
    "torch fp32": {**_QUICK, "engine": "torch", "precision": "fp32"},
}


def ours(**options: Any) -> list[dict[str, Any]]:
    return [{"name": OURS, **options}]


def diet(epochs: int = 100, **options: Any) -> list[dict[str, Any]]:
    """What `rasa init` writes, without ResponseSelector and FallbackClassifier, which say nothing of intents."""
    return [
        _NGRAMS[0],
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        *_NGRAMS[1:],
        {"name": "DIETClassifier", "epochs": epochs, "constrain_similarities": True, **options},
        {"name": "EntitySynonymMapper"},
    ]


def logistic_regression(**options: Any) -> list[dict[str, Any]]:
    return [*_NGRAMS, {"name": "LogisticRegressionClassifier", **options}]


def bare() -> list[dict[str, Any]]:
    """The least that Rasa runs with: no classifier."""
    return [_NGRAMS[0]]


def config(pipeline: Iterable[dict[str, Any]]) -> str:
    content = {"recipe": "default.v1", "assistant_id": "benchmark", "language": "en", "pipeline": list(pipeline)}
    return yaml.safe_dump(content, sort_keys=False)
