"""Starts from an adapter that others trained: PEFT's layout, task SEQ_CLS, on transformers' own classifier."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from torch import nn

from rasa_bert_intent import network as net
from rasa_bert_intent.encoder import existing_file, find_adapter
from rasa_bert_intent.errors import EncoderError
from rasa_bert_intent.network import IntentNetwork

logger = logging.getLogger(__name__)

_TASK = "SEQ_CLS"
# What PEFT puts before the names of the model's own weights.
_PREFIX = "base_model.model."
# What transformers calls the first label where nobody named it.
_UNNAMED = "LABEL_0"


def network_with_adapter(
    adapter: str, labels_file: str | None, encoder: Path, name: str
) -> tuple[IntentNetwork, list[str]]:
    """An encoder with an adapter merged into it, and its intents.

    Args:
        adapter: Hub id or directory of the adapter.
        labels_file: JSON list of its intents; None: its `config.json` has them (`id2label`).
        encoder: Directory of the encoder it was trained on.
        name: Of that encoder, as the user gave it.

    Raises:
        EncoderError: if the adapter is for another task, its labels are unknown or as many as they should not be, or
            it does not fit the encoder.
    """
    directory = find_adapter(adapter).path
    config = _config(directory)
    weights = _weights(directory)
    num_labels = _num_labels(directory, weights)
    labels = _labels(directory, labels_file, num_labels)
    base, random = net.load_classifier(encoder, num_labels)
    unknown = sorted(random - {name.removeprefix(_PREFIX) for name in weights})
    if unknown:
        raise EncoderError(
            f"adapter: neither {directory} nor the encoder in {encoder} holds the weights of {unknown[0]}: it was "
            "saved without all it had trained (modules_to_save), and cannot answer as it did. Choose another."
        )
    _warn_of_another(adapter, config.base_model_name_or_path, name)
    merged = _merged(base, config, weights, directory, encoder)
    last = net.take_last_layer(merged)
    network = IntentNetwork(merged, "own", num_labels, "linear")
    network.head.load_state_dict(last.state_dict())
    return network, labels


def _warn_of_another(adapter: str, trained_on: str | None, encoder: str) -> None:
    """Encoders of the same shapes cannot be told apart, but their names can."""
    if trained_on and Path(trained_on).name != Path(encoder).name:
        logger.warning(
            f"Adapter {adapter} was trained on {trained_on!r}, and encoder is {encoder!r}: unless they are the same, "
            "its answers are worthless."
        )


def _config(directory: Path) -> Any:
    from peft import PeftConfig

    try:
        config = PeftConfig.from_pretrained(str(directory))
    except (ValueError, TypeError, KeyError) as error:
        raise EncoderError(
            f"adapter: {directory / 'adapter_config.json'} cannot be read: {str(error).splitlines()[0]}. "
            "Fetch the adapter again."
        ) from None
    task = getattr(config.task_type, "value", config.task_type)
    if task != _TASK:
        raise EncoderError(
            f"adapter: {directory} was trained for the task {task}, and only {_TASK} classifies. Choose another."
        )
    return config


def _weights(directory: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    path = directory / "adapter_model.safetensors"
    try:
        return load_file(path)
    except Exception as error:  # safetensors' own error type has no public home
        raise EncoderError(f"adapter: {path} is damaged ({error}). Fetch the adapter again.") from None


def _num_labels(directory: Path, weights: dict[str, Any]) -> int:
    """The outputs of the trained classification layer, which PEFT stores whole beside the adapter."""
    last = [name for name in weights if name.removeprefix(_PREFIX).removesuffix(".weight") in net.LAST_LAYERS]
    if not last:
        raise EncoderError(
            f"adapter: {directory / 'adapter_model.safetensors'} holds no classification layer, so it knows no "
            "intents. Choose one that was trained with modules_to_save."
        )
    return int(weights[last[0]].shape[0])


def _labels(directory: Path, labels_file: str | None, num_labels: int) -> list[str]:
    file = existing_file("adapter_labels", labels_file) if labels_file else directory / "config.json"
    labels = _read_labels(file) if file.is_file() else None
    if labels is None or _UNNAMED in labels:
        source = file if labels_file else directory
        raise EncoderError(
            f"adapter: {source} names no intents. Give adapter_labels a JSON file with the list of the adapter's "
            f"{num_labels} intents, in the order of its outputs."
        )
    if len(labels) != num_labels or len(set(labels)) != num_labels:
        raise EncoderError(
            f"adapter: it has {num_labels} outputs, and {file} names {len(set(labels))} different intents. Give "
            "adapter_labels the file that belongs to it."
        )
    return labels


def _read_labels(file: Path) -> list[str] | None:
    """The intents in a JSON list, or in the `id2label` of a configuration; None if it has neither."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise EncoderError(f"adapter: {file} is no JSON ({error}). Mend it.") from None
    if isinstance(content, dict):
        named = content.get("id2label") or {}
        content = [named[str(number)] for number in range(len(named)) if str(number) in named]
    return [str(label) for label in content] if isinstance(content, list) and content else None


def _merged(base: Any, config: Any, weights: dict[str, Any], directory: Path, encoder: Path) -> nn.Module:
    """The encoder with the adapter merged into its weights.

    Raises:
        EncoderError: unless every weight of the adapter has its place in the encoder, and none is left without.
    """
    from peft import get_peft_model, set_peft_model_state_dict
    from peft.utils import get_peft_model_state_dict

    trained_on = str(config.base_model_name_or_path)
    config.inference_mode = False
    config.base_model_name_or_path = base.name_or_path  # else PEFT warns that it was renamed
    try:
        adapted = get_peft_model(base, config)
        wanted = {name: tuple(value.shape) for name, value in get_peft_model_state_dict(adapted).items()}
        found = {name: tuple(value.shape) for name, value in weights.items()}
        if wanted != found:
            name = min(name for name, _ in wanted.items() ^ found.items())
            raise ValueError(f"{name} is {_shape(found, name)} in the adapter and {_shape(wanted, name)} here")
    except ValueError as error:
        raise EncoderError(
            f"adapter: {directory} does not fit the encoder in {encoder}: {str(error).splitlines()[0]}. It was trained "
            f"on {trained_on!r}: give that as encoder."
        ) from None
    set_peft_model_state_dict(adapted, weights)
    # PEFT froze what it did not train.
    return adapted.merge_and_unload().requires_grad_(True)


def _shape(shapes: dict[str, tuple[int, ...]], name: str) -> str:
    return " x ".join(map(str, shapes[name])) if name in shapes else "missing"
