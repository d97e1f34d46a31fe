import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from encoders import make_encoder

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def still_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny encoder without dropout, whose losses are the same however the work is divided."""
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return make_encoder(tmp_path_factory.mktemp("still") / "bert", **still)


@pytest.fixture
def job(tmp_path: Path, examples: tuple[list[str], list[str]], still_encoder: Path) -> Callable[..., dict[str, Any]]:
    """Makes a job for curve.py, in a folder of its own, with options changed as told."""

    def make(name: str, *, encoder: Path = still_encoder, more: dict[str, Any] | None = None, **changes: Any) -> Any:
        options = {
            "encoder": str(encoder),
            "method": "lora",
            "classification_head": "cosine",
            "contrastive_weight": 0,
            "min_steps": 0,
            "epochs": 3,
            "batch_size": 5,  # of 24 examples: the last batch has 4, and halves are of different length
            "max_length": 32,
            "pooling": "mean",
            "engine": "torch",
            "precision": "fp32",
            "device": "cpu",
            "num_threads": 1,
            "learn_intent_names": False,
            **changes,
        }
        texts, intents = examples
        return {
            "texts": texts,
            "intents": intents,
            "options": options,
            "folder": str(tmp_path / name),
            **(more or {}),
        }

    return make
