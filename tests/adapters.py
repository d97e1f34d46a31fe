"""Adapters as those on the hub are: written and read by plain peft, on transformers' own classification model."""

from pathlib import Path

import torch

LABELS = ["bye", "greet", "lights_off", "play_music", "unused"]

# Attention's query and value, where they are not called so.
_TARGETS = {"distilbert": ["q_lin", "v_lin"], "deberta-v2": ["query_proj", "value_proj"], "mpnet": ["q", "v"]}
# Layers before the last one that the encoder itself does not have.
_TRAINED_WHOLE = {"distilbert": ["pre_classifier"], "deberta-v2": ["pooler"]}


def publish(
    directory: Path, encoder: Path, family: str = "bert", *, whole: list[str] | None = None, std: float = 0.3, **changes
) -> Path:
    """Writes an adapter as those on the hub are: by plain peft, on transformers' own model."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(1)
    base = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(LABELS))
    settings = {
        "r": 4,
        "target_modules": _TARGETS.get(family, ["query", "value"]),
        "modules_to_save": _TRAINED_WHOLE.get(family) if whole is None else whole,
        "task_type": "SEQ_CLS",
        **changes,
    }
    model = get_peft_model(base, LoraConfig(**settings))
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=std)
    model.save_pretrained(directory)
    return directory


def as_published(directory: Path, encoder: Path, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The logits that plain transformers and peft give."""
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    base = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(LABELS))
    model = PeftModel.from_pretrained(base, directory).eval()
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask).logits
