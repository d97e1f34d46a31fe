"""Topics as clusters of embeddings."""

from __future__ import annotations

import numpy as np

from rasa_bert_intent.errors import OptionsError

# What `auto` tries: finer steps where one more topic changes more.
TRIED = (2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 50, 60)
# With fewer messages than this a topic, on average, a number of topics is not tried.
_MESSAGES_A_TOPIC = 5
_SILHOUETTE_OF = 3000


def k_means(vectors: np.ndarray, topics: int, seed: int) -> np.ndarray:
    """The topic of each message, `[messages]`, by k-means.

    Args:
        vectors: `[messages, hidden]`; of length 1, so that distances are those of the cosine.
        topics: How many to make.
        seed: Of the starts.
    """
    from sklearn.cluster import KMeans

    return KMeans(topics, n_init=10, random_state=seed).fit_predict(vectors)


def number_of_topics(vectors: np.ndarray, seed: int) -> tuple[int, dict[int, float]]:
    """The number of topics with the best silhouette (Rousseeuw 1987), by cosine, of k-means, and that of all tried.

    Args:
        vectors: As for `k_means`.
        seed: Likewise, and of the messages that the silhouette is measured on where there are many.
    """
    from sklearn.metrics import silhouette_score

    scores = {}
    for topics in TRIED:
        if topics > 2 and topics * _MESSAGES_A_TOPIC > len(vectors):
            break
        assigned = k_means(vectors, topics, seed)
        some = min(_SILHOUETTE_OF, len(vectors))
        if len(np.unique(assigned)) > 1:
            scores[topics] = float(
                silhouette_score(vectors, assigned, metric="cosine", sample_size=some, random_state=seed)
            )
    if not scores:
        raise OptionsError("--topics: auto finds no two topics: the messages are all alike to the encoder.")
    return max(scores, key=lambda topics: scores[topics]), scores
