"""What the scripts that train and score without Rasa share: their arguments, and the scores they write."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rasa_bert_intent.reports.metrics import accuracy, expected_calibration_error, macro_f1


def arguments(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Rasa NLU data")
    parser.add_argument("model", type=Path, help="the folder of what is trained")
    parser.add_argument("--score", type=Path, metavar="FILE", help="score the model, in place of training it")
    return parser.parse_args()


def write_scores(file: Path, intents: Sequence[str], answers: Sequence[str], confidences: np.ndarray) -> None:
    scores = {
        "accuracy": accuracy(intents, answers),
        "macro_f1": macro_f1(intents, answers),
        "ece": expected_calibration_error(confidences, np.asarray(intents) == np.asarray(answers)),
        "test_examples": len(intents),
    }
    file.write_text(json.dumps(scores))
