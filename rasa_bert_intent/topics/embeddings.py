"""Embeds messages by a trained model, and by its encoder as that was before: of topics unseen each knows something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.scope import unit

EMBEDDINGS = ("both", "tuned", "encoder")
_CHUNK = 2048


def understand(model: IntentPredictor, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Features of length 1, `[texts, hidden]`, and confidences `[texts, labels]`, by the model.

    Args:
        model: Trained.
        texts: At least one.
    """
    features, confidences = [], []
    with tqdm(total=len(texts), unit=" messages", desc="reading", disable=None) as bar:
        for chunk in _chunks(texts):
            vectors = model.vectors(chunk)
            features.append(vectors.features)
            confidences.append(model.confidences(chunk, vectors))
            bar.update(len(chunk))
    return unit(np.concatenate(features)), np.concatenate(confidences)


def embeddings(
    model: IntentPredictor, texts: Sequence[str], features: np.ndarray, choice: str | None
) -> tuple[np.ndarray, str, list[str]]:
    """Vectors of length 1 to find topics by, `[texts, hidden]`, which they are, and notes.

    Args:
        model: Trained; its encoder is looked for again where it is needed.
        texts: As many as features.
        features: Of length 1, as `understand` gives them.
        choice: `tuned` the model's features; `encoder` those of its encoder before it was trained; `both` side by side,
            which finds hidden intents better than `tuned`, and in no way that is sure better than `encoder`
            (benchmarks/discover.py). None: both where the encoder is found, else tuned.

    Raises:
        EncoderError: if the encoder is asked for and nowhere.
    """
    if choice == "tuned":
        return features, "tuned", []
    try:
        from rasa_bert_intent.frozen import encode

        name, revision = model.encoder.name, model.encoder.revision
        before = unit(encode(texts, name, revision=revision, pooling=model.options.pooling))
    except (BertIntentError, ImportError) as error:
        if choice is not None:
            raise
        return features, "tuned", [f"topics are found by the model's own features alone: {error}"]
    if choice == "encoder":
        return before, "encoder", []
    return unit(np.hstack([features, before])), "both", []


def on_a_map(vectors: np.ndarray, seed: int) -> np.ndarray:
    """A place in the plane for each message, `[messages, 2]`, like ones near each other: t-SNE (van der Maaten 2008).

    Args:
        vectors: `[messages, hidden]`.
        seed: Of t-SNE.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    # Fewer dimensions first, as its authors advise: distances are sooner had, and less noisy.
    kept = PCA(min(50, *vectors.shape), random_state=seed).fit_transform(vectors)
    if not np.ptp(kept, axis=0).any():  # all are alike
        return np.zeros((len(vectors), 2))
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    start = kept[:, :2] / kept[:, 0].std() * 1e-4  # as init="pca", which warns before scikit-learn 1.2
    tsne = TSNE(2, perplexity=perplexity, init=start, learning_rate="auto", random_state=seed)
    return tsne.fit_transform(kept.astype(np.float32))


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), _CHUNK):
        yield texts[start : start + _CHUNK]
