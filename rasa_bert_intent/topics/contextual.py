"""Topics by CombinedTM, a contextualised topic model (Bianchi et al. 2021, arXiv 2004.03974), by its own library."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from rasa_bert_intent.errors import DataError, OptionsError
from rasa_bert_intent.topics.words import Bag

EXTRA = "pip install 'rasa-bert-intent[topics]'"
# The library's own defaults.
_EPOCHS = 100
_BATCH = 64
_SAMPLES = 20
_VOCABULARY = 2000


def require_library() -> None:
    """Raises:
    OptionsError: if contextualized-topic-models is not installed.
    """
    if find_spec("contextualized_topic_models") is None:
        raise OptionsError(f"--method contextual needs contextualized-topic-models, which is not installed: {EXTRA}")


def topic_model(
    vectors: np.ndarray,
    bag: Bag,
    topics: int,
    seed: int,
    on_epoch: Callable[[int, float], Any] = lambda epoch, loss: None,
) -> np.ndarray:
    """The most probable topic of each message, `[messages]`, by CombinedTM on embeddings and words.

    Args:
        vectors: `[messages, hidden]`.
        bag: The words of the messages.
        topics: How many to look for; some may stay empty.
        seed: Of the weights and samples.
        on_epoch: Told the number of each epoch, from 0, and its loss a message: the negative evidence lower bound.

    Raises:
        DataError: if the messages hold no words.
        OptionsError: if the library is not installed.
    """
    require_library()
    if not bag.words:
        raise DataError("the messages hold no words that a topic model could count. Take --method clusters.")
    import torch
    from contextualized_topic_models.datasets.dataset import CTMDataset
    from contextualized_topic_models.models.ctm import CombinedTM

    from rasa_bert_intent.runtime import untouched_random_state

    class Told(CombinedTM):
        """Tells the loss, which the library only prints."""

        def _train_epoch(self, loader: Any) -> tuple[int, float]:
            seen, loss = super()._train_epoch(loader)
            on_epoch(self.nn_epoch, loss)
            return seen, loss

    frequent = np.argsort(-np.asarray(bag.counts.sum(axis=0)).ravel(), kind="stable")[:_VOCABULARY]
    words = {number: bag.words[column] for number, column in enumerate(frequent)}
    messages = CTMDataset(vectors.astype(np.float32), bag.counts[:, frequent].toarray().astype(np.float32), words)
    # The library draws bars on standard error that cannot be turned off.
    with untouched_random_state(), contextlib.redirect_stderr(io.StringIO()):
        torch.manual_seed(seed)
        model = Told(
            bow_size=len(words),
            contextual_size=vectors.shape[1],
            n_components=topics,
            num_epochs=_EPOCHS,
            batch_size=min(_BATCH, len(vectors)),
            num_data_loader_workers=0,
        )
        model.fit(messages, n_samples=_SAMPLES)
    shares = model.training_doc_topic_distributions
    if not np.isfinite(shares).all():
        raise DataError("the topic model's training came to no end (its loss is not finite). Take --method clusters.")
    return shares.argmax(axis=1)
