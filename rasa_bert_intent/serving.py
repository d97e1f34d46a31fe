"""Loads a trained model to serve, with the engine that suits the machine."""

from __future__ import annotations

from pathlib import Path

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import ModelError
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.storage import GRAPH, read_manifest


def load_to_serve(directory: Path, options: Options | None = None) -> IntentPredictor:
    """Reads a model's directory.

    Args:
        directory: Which `IntentModel.save` wrote.
        options: Of this machine (`engine`, `device`, `num_threads`, `precision`); None: as stored, with the
            environment's.

    Raises:
        ModelError: if a file is missing or damaged, or the model cannot be served by the engine that is asked for.
    """
    manifest = read_manifest(directory)
    stored = Options.from_config(manifest["options"])
    options = (options or stored.with_environment()).completed_by(manifest["options"])
    has_graph = (directory / GRAPH).is_file()
    if options.engine == "onnx" and not has_graph:
        raise ModelError(
            f"engine: onnx was asked for, and the model in {directory} was stored for torch. Train again with engine: "
            "onnx, or set engine: auto."
        )
    if has_graph and options.engine != "torch" and (options.engine == "onnx" or options.device in ("auto", "cpu")):
        from rasa_bert_intent.onnx_model import OnnxModel

        return OnnxModel.load(directory, manifest, options)
    from rasa_bert_intent.model import IntentModel

    return IntentModel.load(directory, options)
