"""A network ready to be trained: encoder, LoRA, pooling and head, on its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rasa_bert_intent import network as net
from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import find_encoder, pooling_of, weights_checksum
from rasa_bert_intent.errors import EncoderError, OptionsError, name_some
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.predictor import EncoderIdentity
from rasa_bert_intent.runtime import young_garbage_only
from rasa_bert_intent.training.adapter import network_with_adapter
from rasa_bert_intent.training.attention import long_attention
from rasa_bert_intent.training.dropout import use_byte_dropout
from rasa_bert_intent.training.fused_lora import fused_lora


def fresh_model(labels: list[str], options: Options) -> IntentModel:
    """An untrained model, on the CPU.

    Args:
        labels: Its intents; with an adapter, those of them that are trained on.
        options: With nothing left open, see `rasa_bert_intent.training.recipe`.

    Raises:
        EncoderError: if the encoder cannot be found or read.
        OptionsError: if an option does not fit it.
    """
    source = find_encoder(options.encoder, options.encoder_revision)
    if options.adapter:
        network, labels = _from_adapter(source.path, labels, options)
    else:
        encoder = net.load_encoder(source.path)
        pooling = pooling_of(source.path) if options.pooling == "auto" else options.pooling
        network = IntentNetwork(encoder, pooling, len(labels), options.classification_head)
    net.check_length(source.name, network.encoder.config, options.max_length)
    identity = EncoderIdentity(
        options.encoder, options.encoder_revision, weights_checksum(source.path), network.encoder.config.model_type
    )
    _check_dropout(network.encoder.config, options)
    if options.reinit_layers:
        net.reinitialise(network.encoder, options.reinit_layers)
    if options.method == "lora":
        network.encoder = _with_lora(network.encoder, options)
    if options.method == "head":
        network.encoder.requires_grad_(False)
    return IntentModel(
        network=network,
        tokenizer=net.load_tokenizer(source.path),
        labels=labels,
        encoder=identity,
        options=options,
    )


def _from_adapter(encoder: Path, labels: list[str], options: Options) -> tuple[IntentNetwork, list[str]]:
    assert options.adapter is not None
    network, known = network_with_adapter(options.adapter, options.adapter_labels, encoder, options.encoder)
    unknown = sorted(set(labels) - set(known))
    if unknown:
        raise EncoderError(
            f"adapter: {options.adapter} does not know the intent{'s' if len(unknown) > 1 else ''} "
            f"{name_some(unknown)}; it knows {len(known)}, "
            f"such as {known[0]!r}. Rename or remove the examples, or train without the adapter."
        )
    return network, known


def _with_lora(encoder: Any, options: Options) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = options.lora_target_modules
    if targets != "all-linear":
        linear = {name.rpartition(".")[2] for name, module in encoder.named_modules() if isinstance(module, nn.Linear)}
        unknown = sorted(set(targets) - linear)
        if unknown:
            raise OptionsError(
                f"lora_target_modules: this encoder ({encoder.config.model_type}) has no linear layer "
                f"{', '.join(map(repr, unknown))}; it has {', '.join(sorted(linear))}. Name some of these, or "
                "all-linear."
            )
    config = LoraConfig(
        r=options.lora_r,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=targets,
        use_rslora=options.lora_use_rslora,
    )
    try:
        return get_peft_model(encoder, config)
    except ValueError:  # none of its layers is one that LoRA knows
        family = encoder.config.model_type
        raise OptionsError(f"method: this encoder ({family}) has no layers for lora. Use full or head.") from None


def _check_dropout(config: Any, options: Options) -> None:
    """Refuses what tells two passes of one text apart by dropout where there is none."""
    asked = "r_drop" if options.r_drop else "contrastive_stage"
    if not options.r_drop and options.contrastive_stage != "unsupervised":
        return
    of_heads = ("classif", "qa_", "summary_")
    rates = [rate for key, rate in config.to_dict().items() if "drop" in key and not any(of in key for of in of_heads)]
    if options.method == "lora":
        rates.append(options.lora_dropout)
    if not any(isinstance(rate, float) and rate > 0 for rate in rates):
        raise OptionsError(
            f"{asked}: two passes of a text differ by dropout alone, and this encoder ({config.model_type}) has "
            "none. Set lora_dropout with method: lora, or leave the option out."
        )


def place_for_training(model: IntentModel, device: torch.device) -> None:
    """Puts a model on a device as it is best trained there."""
    model.device = device
    model.network.to(device)
    if device.type == "cpu":
        use_byte_dropout(model.network)


@contextmanager
def quick_steps(model: IntentModel) -> Iterator[None]:
    """Inside the block steps of training are quicker; only attention over long messages is another, without dropout."""
    options, adapter, encoder = model.options, model.adapter, model.network.encoder
    with young_garbage_only(), ExitStack() as stack:
        if model.device.type == "cpu":
            # Two views of a message shall differ, if only by the dropout in attention.
            if not options.r_drop and options.contrastive_stage == "none":
                stack.enter_context(long_attention(encoder if adapter is None else encoder.get_base_model()))
            if adapter is not None:
                stack.enter_context(fused_lora(model.network))
                if model.bf16:
                    stack.enter_context(_frozen_in_bf16(encoder))
        yield


@contextmanager
def _frozen_in_bf16(encoder: nn.Module) -> Iterator[None]:
    """Inside the block the weights that are not trained are rounded to bf16 once, instead of at every step.

    The embeddings are too, so that from there on every layer's output is in bf16.
    """
    kept = [(parameter, parameter.data) for parameter in encoder.parameters() if not parameter.requires_grad]
    for parameter, data in kept:
        parameter.data = data.to(torch.bfloat16)
    try:
        yield
    finally:
        for parameter, data in kept:
            parameter.data = data
