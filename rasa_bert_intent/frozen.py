"""Vectors of an encoder as it is, without any training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from rasa_bert_intent import network as net
from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import find_encoder, pooling_of
from rasa_bert_intent.runtime import choose_device, threads

_BATCH = 64


def encode(
    texts: Sequence[str],
    encoder: str,
    *,
    revision: str | None = None,
    pooling: str = "auto",
    progress: bool = True,
) -> np.ndarray:
    """Pooled vectors `[texts, hidden]`, float32.

    Args:
        texts: At least one.
        encoder: A directory or hub id, see `rasa_bert_intent.encoder.find_encoder`.
        revision: Of the hub id.
        pooling: `mean`, `cls`, or `auto`: as the encoder says.
        progress: Whether to show a bar on standard error, where that is a terminal.

    Raises:
        EncoderError: if the encoder cannot be found or read.
    """
    options = Options(encoder=encoder).with_environment()
    source = find_encoder(encoder, revision)
    device = choose_device(options.device)
    pooling = pooling_of(source.path) if pooling == "auto" else pooling
    network = net.IntentNetwork(net.load_encoder(source.path), pooling, 1, "linear")
    network.to(device).eval()
    tokenizer = net.load_tokenizer(source.path)
    limit = net.longest_input(network.encoder.config) or options.max_length
    token_ids = net.tokenize(tokenizer, texts, min(limit, options.max_length), network.embeddings)
    bar = tqdm(total=len(texts), unit=" examples", desc="reading", disable=None if progress else True)
    with threads(options.num_threads), bar:
        return net.in_batches(
            network.features,
            token_ids,
            network.head.in_features,
            pad_id=tokenizer.pad_token_id,
            device=device,
            batch_size=_BATCH,
            on_batch=bar.update,
        )
