"""Topics as clusters of embeddings: spectral clustering of the messages' nearest neighbours."""

from __future__ import annotations

import warnings

import numpy as np

from rasa_bert_intent.errors import OptionsError

# What `auto` tries: finer steps where one more topic changes more.
TRIED = (2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 50, 60)
# With fewer messages than this a topic, on average, a number of topics is not tried.
_MESSAGES_A_TOPIC = 5
_NEIGHBOURS = 10
_SILHOUETTE_OF = 3000


def cluster(vectors: np.ndarray, topics: int | None, seed: int) -> tuple[np.ndarray, dict[int, float]]:
    """The topic of each message, `[messages]`, and the silhouettes of the numbers of topics that were tried.

    Messages are the nodes of a graph in which each is linked to its nearest neighbours, and k-means finds the topics
    in the first eigenvectors of its normalised Laplacian (Shi and Malik 2000; von Luxburg 2007, arXiv 0711.0189). A
    topic need not be round, as it must be for k-means alone.

    Args:
        vectors: `[messages, hidden]`; of length 1, so that distances are those of the cosine.
        topics: How many to make; None: as many as have the best silhouette (Rousseeuw 1987), by cosine.
        seed: Of the starts, and of the messages that the silhouette is measured on where there are many.

    Raises:
        OptionsError: if the number of topics is open, and no two are found.
    """
    from sklearn.cluster import KMeans

    def divided(count: int) -> np.ndarray:
        return KMeans(count, n_init=10, random_state=seed).fit_predict(coordinates[:, :count])

    tried = [count for count in TRIED if count * _MESSAGES_A_TOPIC <= len(vectors)]
    coordinates = _eigenvectors(vectors, topics or tried[-1], seed)
    if topics is not None:
        return divided(topics), {}
    assigned = {count: divided(count) for count in tried}
    scores = {count: score for count in tried if (score := _silhouette(vectors, assigned[count], seed)) is not None}
    if not scores:
        raise OptionsError("--topics: auto finds no two topics: the messages are all alike to the encoder.")
    return assigned[max(scores, key=lambda count: scores[count])], scores


def _eigenvectors(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The first ones of the graph of nearest neighbours, `[messages, count]`."""
    from sklearn.manifold import spectral_embedding
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(vectors, min(_NEIGHBOURS, len(vectors) - 1), include_self=True)
    # By lobpcg a small graph is solved as a dense matrix, which gives any number of eigenvectors.
    solver = "lobpcg" if len(vectors) < 5 * count + 1 else "arpack"
    with warnings.catch_warnings():
        # A graph in several parts is no fault: the parts are topics.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        return spectral_embedding(
            (graph + graph.T) / 2, n_components=count, eigen_solver=solver, random_state=seed, drop_first=False
        )


def _silhouette(vectors: np.ndarray, assigned: np.ndarray, seed: int) -> float | None:
    from sklearn.metrics import silhouette_score

    sample = np.random.default_rng(seed).permutation(len(vectors))[:_SILHOUETTE_OF]
    if not 1 < len(np.unique(assigned[sample])) < len(sample):
        return None
    return float(silhouette_score(vectors[sample], assigned[sample], metric="cosine"))
