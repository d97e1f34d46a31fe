"""Loads a trained model to serve, with the engine that suits the machine."""

from __future__ import annotations

import logging
from pathlib import Path

from rasa_bert_intent.config import Options
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.storage import GRAPH, fitting_options, read_manifest

logger = logging.getLogger(__name__)


def load_to_serve(directory: Path, options: Options | None = None) -> IntentPredictor:
    """Reads a model's directory.

    Args:
        directory: Which `IntentModel.save` wrote.
        options: Of this machine (`engine`, `device`, `num_threads`, `precision`); None: as stored, with the
            environment's.

    Raises:
        ModelError: if a file is missing or damaged, or torch is to serve and the encoder is nowhere.
    """
    manifest = read_manifest(directory)
    options = fitting_options(manifest, options)
    if _by_onnx(directory, options):
        from rasa_bert_intent.onnx_model import OnnxModel

        return OnnxModel.load(directory, manifest, options)
    if options.engine == "onnx":
        logger.warning("engine: onnx was asked for, and the model was stored without a graph: torch serves it.")
    from rasa_bert_intent.model import IntentModel

    return IntentModel.load(directory, options)


def takes_gpu(directory: Path, options: Options) -> bool:
    """Whether a GPU serves the model in a directory where there is one, by options that fit it."""
    return options.device != "cpu" and not _by_onnx(directory, options)


def _by_onnx(directory: Path, options: Options) -> bool:
    if options.engine == "torch" or not (directory / GRAPH).is_file():
        return False
    return options.engine == "onnx" or options.device in ("auto", "cpu")
