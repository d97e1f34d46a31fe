"""Combinations of options that make no sense."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rasa_bert_intent.home import expanded

if TYPE_CHECKING:
    from rasa_bert_intent.config import Options

# Options that make no sense where the encoder is left as it is, with the value that turns each off.
_TRAIN_THE_ENCODER = {"contrastive_weight": 0, "contrastive_stage": "none", "r_drop": 0, "layer_lr_decay": 1}

# Options of a new network, with the values that can stand beside an adapter, which brings its own.
_OF_A_NEW_NETWORK = {
    "pooling": ("auto",),
    "classification_head": ("auto", "linear"),
    "reinit_layers": (0,),
    "store_encoder": (True, None),
}


def contradictions(options: Options) -> list[str]:
    """What is wrong with options that are fine one by one, each as a part of a sentence that says what to do."""
    found = []
    if options.method == "full" and options.store_encoder is False:
        found.append(
            "store_encoder: false cannot go with method: full, whose encoder exists nowhere else; "
            "use method: lora or head, or store_encoder: true"
        )
    if options.adapter_labels and not options.adapter:
        found.append("adapter_labels goes with an adapter; name it, or remove adapter_labels")
    if options.adapter:
        found += [
            f"{name}: {getattr(options, name)} cannot go with an adapter, which brings its own network; remove it"
            for name, allowed in _OF_A_NEW_NETWORK.items()
            if getattr(options, name) not in allowed
        ]
    if options.class_weights == "balanced" and options.balanced_batches:
        found.append("class_weights: balanced and balanced_batches do the same; give one of them")
    if options.unlabelled_texts and options.contrastive_stage != "unsupervised":
        found.append("unlabelled_texts are read by contrastive_stage: unsupervised alone; set it, or remove them")
    if options.reinit_layers and options.method != "full":
        found.append("reinit_layers needs method: full, as nothing else would train the new layers")
    if options.method == "head":
        found += [
            f"{name} trains the encoder, which method: head does not; remove it, or use method: lora or full"
            for name, off in _TRAIN_THE_ENCODER.items()
            if getattr(options, name) not in (off, None)
        ]
    if options.evaluate_on_number_of_examples and options.validation_split:
        found.append("evaluate_on_number_of_examples and validation_split both say what to hold out; give one of them")
    if options.validation_data and (options.evaluate_on_number_of_examples or options.validation_split):
        found.append(
            "validation_data takes the place of examples that evaluate_on_number_of_examples or validation_split holds "
            "out; give one of them"
        )
    if options.encoder_revision is not None and os.path.isdir(expanded(options.encoder)):  # noqa: PTH112  (Path.is_dir raises where it may not look)
        found.append(f"encoder_revision goes with a hub id, and encoder {options.encoder!r} is a directory; remove it")
    return found
