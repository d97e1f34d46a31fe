"""The network: an encoder, pooling, and a head; and how texts become its batches."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rasa_bert_intent import batches
from rasa_bert_intent.errors import EncoderError, OptionsError, first_line
from rasa_bert_intent.torch_heads import HEADS

# Families whose position ids start after the padding id, so that the table is that much longer than the longest input.
_POSITIONS_AFTER_PADDING = {"roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl", "data2vec-text", "xmod"}

# The layer that gives the logits in transformers' models for sequence classification, as the families call it.
LAST_LAYERS = ("classifier.out_proj", "classifier")

# While it collects what the layers give, transformers before 5.2 changes them, for all threads.
_collecting = threading.Lock()

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


class IntentNetwork(nn.Module):
    """Encoder, pooling and head.

    Args:
        encoder: A transformers encoder (or a PEFT model around one) whose output has `last_hidden_state`.
        pooling: `mean` over the tokens, `cls`: the first token, or `own`: the encoder is a transformers model for
            sequence classification without its last layer (see `take_last_layer`), and gives one vector itself.
        num_labels: Of the head.
        head: `linear` or `cosine`.
    """

    encoder: Any

    def __init__(self, encoder: Any, pooling: str, num_labels: int, head: str) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.head: Any = HEADS[head](encoder.config.hidden_size, num_labels)

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """One vector a message: `[messages, hidden]`, fp32, from token ids and mask of `[messages, tokens]`."""
        return self._pooled(self.encoder(input_ids=input_ids, attention_mask=attention_mask), attention_mask)

    @property
    def width(self) -> int:
        """Of the vectors."""
        return self.head.in_features + self.encoder.config.hidden_size

    @property
    def embeddings(self) -> int:
        """How many tokens the encoder knows."""
        return len(self.encoder.get_input_embeddings().weight)

    def vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The features and, beside them, one vector of all layers: `[messages, features + layers]`, fp32.

        Of every layer it has the mean of the tokens, at length 1: a third each is of the last, the one before, and all
        others with the embeddings. Trained on many examples, the last one has forgotten what is not of the intents, of
        which the one before tells more: on nine models of MASSIVE without some intents the distance has an AUROC of
        .900 by the three, and .898 where half is the last and half all others. The others tell other languages.
        """
        with _collecting:
            output = self.encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        last = output.hidden_states[-1]
        # Some families have layers of fewer tokens, or narrower ones.
        alike = [layer for layer in output.hidden_states[:-1] if layer.shape == last.shape] or [last]
        *first, before, last = (F.normalize(_mean(layer, attention_mask), dim=-1) for layer in (*alike, last))
        layers = last + before + (sum(first) / len(first) if first else 0)
        return torch.cat([self._pooled(output, attention_mask), layers], dim=-1)

    def _pooled(self, output: Any, attention_mask: Tensor) -> Tensor:
        if self.pooling == "own":
            return output.logits.float()
        if self.pooling == "cls":
            return output.last_hidden_state[:, 0].float()
        return _mean(output.last_hidden_state, attention_mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits `[messages, labels]`, fp32."""
        return self.classify(self.features(input_ids, attention_mask))

    def classify(self, features: Tensor) -> Tensor:
        """Logits `[messages, labels]` from features `[messages, hidden]`."""
        return self.head(features).float()


def _mean(tokens: Tensor, attention_mask: Tensor) -> Tensor:
    """Over the tokens that are no padding: `[messages, hidden]`, fp32."""
    tokens = tokens.float()
    mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)  # a tokenizer may make no token of a text


def load_encoder(directory: Path) -> Any:
    """The transformers encoder in a directory, fp32, on the CPU, without its unused pooling layer.

    Raises:
        EncoderError: if transformers cannot load it as an encoder, or its weights are not all there.
    """
    encoder, missing = _load("AutoModel", directory)
    lacking = sorted(name for name in missing if "pooler" not in name)
    if lacking:
        raise EncoderError(
            f"encoder: the weights in {directory} lack {len(lacking)} of the encoder's, such as {lacking[0]!r}. Fetch "
            "the encoder again; what saved it must name them as transformers does."
        )
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


def load_classifier(directory: Path, num_labels: int) -> tuple[Any, set[str]]:
    """transformers' own model for sequence classification around an encoder, fp32, on the CPU.

    Args:
        directory: Of the encoder.
        num_labels: Of the classifier.

    Returns:
        The model, and the names of its weights that the directory lacks, which are random.

    Raises:
        EncoderError: if transformers cannot load it.
    """
    return _load("AutoModelForSequenceClassification", directory, num_labels=num_labels)


def _load(loader: str, directory: Path, **changes: Any) -> tuple[Any, set[str]]:
    import transformers

    config = load_config(directory, **changes)
    with quiet_transformers():
        try:
            encoder, report = getattr(transformers, loader).from_pretrained(
                directory,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise _cannot_load(directory, error) from None
        except Exception as error:  # safetensors' own error type has no public home
            if type(error).__name__ != "SafetensorError":
                raise
            raise EncoderError(
                f"encoder: the weights in {directory} are damaged ({error}). Fetch the encoder again."
            ) from None
    if not _embeds_tokens(encoder):
        raise _other_kind(directory, config.model_type, "has no embeddings of tokens")
    for tensor in (*encoder.parameters(), *encoder.buffers()):
        tensor.data = tensor.data.clone()  # else they stay views of the file, which may be deleted while in use
    return encoder, set(report["missing_keys"])


def load_config(directory: Path, **changes: Any) -> Any:
    """The transformers configuration of the encoder in a directory.

    Raises:
        EncoderError: if transformers cannot read it, or it is of another kind of model.
    """
    from transformers import AutoConfig

    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(directory, trust_remote_code=False, local_files_only=True, **changes)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise _cannot_load(directory, error) from None
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "hidden_size"):
        raise _other_kind(directory, config.model_type, "is no BERT-like encoder")
    return config


def _cannot_load(directory: Path, error: Exception) -> EncoderError:
    return EncoderError(
        f"encoder: transformers cannot load {directory}: {first_line(error)} Check that the directory is whole."
    )


def _embeds_tokens(encoder: Any) -> bool:
    try:
        return hasattr(encoder.get_input_embeddings(), "weight")
    except NotImplementedError:
        return False


def _other_kind(directory: Path, family: str, why: str) -> EncoderError:
    return EncoderError(
        f"encoder: {directory} is of type {family!r}, which {why}. Choose BERT, DistilBERT, RoBERTa, MiniLM, ELECTRA, "
        "DeBERTa, XLM-R, MPNet or ALBERT."
    )


def take_last_layer(encoder: Any) -> nn.Linear:
    """Takes the layer that gives the logits out of a transformers model for sequence classification.

    What is left gives the layer's input as its logits: the features.
    """
    modules = dict(encoder.named_modules())
    last = next(name for name in LAST_LAYERS if isinstance(modules.get(name), nn.Linear))
    layer = encoder.get_submodule(last)
    parent, _, name = last.rpartition(".")
    setattr(encoder.get_submodule(parent), name, nn.Identity())
    return layer


def reinitialise(encoder: Any, layers: int) -> None:
    """Gives the top layers of an encoder random weights, as before its pretraining (Zhang 2021, arXiv 2006.05987).

    Raises:
        OptionsError: if the encoder has fewer layers, or shares one layer's weights among all.
    """
    wanted = getattr(encoder.config, "num_hidden_layers", 0)
    stacks = [m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == wanted]
    if not stacks or layers > wanted:
        found = f"{wanted} layers" if stacks else "no layers of their own weights"
        raise OptionsError(f"reinit_layers: this encoder ({encoder.config.model_type}) has {found}, got {layers}.")
    for layer in list(stacks[0])[-layers:]:
        for module in layer.modules():
            for parameter in module.parameters(recurse=False):
                parameter._is_hf_initialized = False  # type: ignore[attr-defined]  # else what was loaded stays
            encoder._init_weights(module)


def load_tokenizer(directory: Path) -> Any:
    """The fast tokenizer in a directory.

    Raises:
        EncoderError: if there is none that can be read.
    """
    # Without its files transformers makes an empty tokenizer, for which every word is unknown.
    if not any(next(directory.glob(pattern), None) for pattern in _TOKENIZER_FILES):
        raise EncoderError(f"encoder: {directory} holds no tokenizer ({', '.join(_TOKENIZER_FILES)}). Add its files.")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoTokenizer

    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
        except Exception as error:  # tokenizers raises bare Exceptions
            raise EncoderError(
                f"encoder: {directory} holds no tokenizer that can be read: {first_line(error)}"
            ) from None
    if tokenizer.pad_token_id is None:
        raise EncoderError(f"encoder: the tokenizer in {directory} has no padding token. Choose another encoder.")
    return tokenizer


def longest_input(config: Any) -> int | None:
    """The most tokens that an encoder's table of positions takes by its configuration, None where there is no limit."""
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0 or getattr(config, "position_embedding_type", None) == "rotary":
        return None
    if getattr(config, "relative_attention", False) and not config.position_biased_input:  # DeBERTa
        return None
    if config.model_type in _POSITIONS_AFTER_PADDING:
        padding = 1 if config.model_type == "mpnet" else config.pad_token_id or 0  # MPNet's is fixed
        limit -= padding + 1
    return limit


def check_length(name: str, config: Any, max_length: int) -> None:
    """Refuses more tokens than an encoder reads.

    Raises:
        OptionsError: with how many it reads.
    """
    limit = longest_input(config)
    if limit is not None and max_length > limit:
        raise OptionsError(f"max_length: {name} reads at most {limit} tokens, got {max_length}. Lower it.")


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int, embeddings: int) -> list[list[int]]:
    """Token ids of each text, special tokens included, cut at `max_length`, not padded.

    What the tokenizer knows and an encoder with so many embeddings does not is an unknown token.
    """
    if not texts:
        return []
    texts = batches.whole_characters(texts)
    ids = tokenizer(texts, truncation=True, max_length=max_length, return_attention_mask=False)["input_ids"]
    return batches.embedded(ids, embeddings, unknown_token(tokenizer))


def unknown_token(tokenizer: Any) -> int:
    """The id that stands for what a tokenizer does not know; its padding, where it knows all."""
    return tokenizer.pad_token_id if tokenizer.unk_token_id is None else tokenizer.unk_token_id


def pad(token_ids: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, both `[messages, longest]`, int64, padded on the right."""
    ids, mask = batches.pad(token_ids, pad_id)
    return torch.from_numpy(ids), torch.from_numpy(mask)


@torch.inference_mode()
def in_batches(
    function: Callable[[Tensor, Tensor], Tensor],
    token_ids: Sequence[Sequence[int]],
    width: int,
    *,
    pad_id: int,
    device: torch.device,
    batch_size: int,
    on_batch: Callable[[int], Any] = lambda texts: None,
) -> np.ndarray:
    """As `rasa_bert_intent.batches.in_batches`, of a function of torch's on a device."""

    def of_arrays(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        output = function(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))
        return output.float().cpu().numpy()

    return batches.in_batches(of_arrays, token_ids, width, pad_id=pad_id, batch_size=batch_size, on_batch=on_batch)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' load reports and progress bars, which tell a bot builder nothing."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
