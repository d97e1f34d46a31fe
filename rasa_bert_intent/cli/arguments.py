"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds `model`, the path that `rasa_bert_intent.archive.open_model` opens."""
    parser.add_argument("model", type=Path, help="Rasa's archive (.tar.gz), a folder of archives, or a model directory")
