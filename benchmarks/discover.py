"""Whether topics in messages are the intents that a model does not have: 10 intents of MASSIVE are hidden from it.

    python benchmarks/discover.py --data PATH_TO_MASSIVE --models FOLDER

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes; only training and development rows of en-US are read. A
model is trained on 30 rows an intent without 10 intents that a seed draws, and kept in FOLDER, where the next run finds
it. Topics are then looked for in two kinds of messages: `hidden`, up to 100 training rows of each hidden intent, and
`fell back`, those rows and the development rows of the intents that stayed, of which only the messages below a
confidence of 0.5 are taken, as a bot's log would have them. The table has the adjusted mutual information with the true
intents, purity, the mean NPMI of the topics, and seconds, of spectral clustering, k-means and CombinedTM by each kind
of embedding, of Ward's clustering, and of a plain LDA on the words: with as many topics as intents were hidden, and,
with `auto`, as the silhouette is best. Each run goes to results/discover/SEED.json (a run that is there already is not
repeated), and all of them into discover.md.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from out_of_scope import first_of_each
from rasa_runs import RESULTS, existing, machine, spread, write_table
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.metrics import adjusted_mutual_info_score

from rasa_bert_intent import Options, fit, load_to_serve
from rasa_bert_intent.data.massive import Row, read_locales
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.topics.cluster import cluster
from rasa_bert_intent.topics.contextual import topic_model
from rasa_bert_intent.topics.embeddings import EMBEDDINGS, embeddings, understand
from rasa_bert_intent.topics.words import bag_of_words, coherence, stop_words_of

RUNS = RESULTS / "discover"
AN_INTENT, HIDDEN, OF_EACH, THRESHOLD = 30, 10, 100, 0.5
COLUMNS = {"ami": "AMI", "purity": "purity", "npmi": "NPMI", "topics": "topics", "seconds": "seconds"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=existing, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--models", type=Path, required=True, metavar="FOLDER", help="where trained models are kept")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        file = RUNS / f"{seed}.json"
        if not file.exists():
            result = {"seed": seed, "machine": machine(), "messages": run_once(args.data, args.models, seed)}
            file.write_text(json.dumps(result, indent=1) + "\n")
    write_table("discover", table)


def run_once(data: Path, models: Path, seed: int) -> dict[str, Any]:
    (_, rows), *_ = ((name, list(of_locale)) for name, of_locale in read_locales(data, ["en-US"]))
    english = [row for row in rows if row.split != "test"]
    gone = set(random.Random(seed).sample(sorted({row.intent for row in english}), HIDDEN))
    random.Random(seed).shuffle(english)
    train = first_of_each([row for row in english if row.split == "train" and row.intent not in gone], AN_INTENT)
    if not (models / f"m{seed}").exists():
        model = fit([row.text for row in train], [row.intent for row in train], Options(random_seed=seed))
        model.save(models / f"m{seed}")
    hidden = first_of_each([row for row in english if row.split == "train" and row.intent in gone], OF_EACH)
    log = hidden + [row for row in english if row.split == "dev" and row.intent not in gone]
    served = load_to_serve(models / f"m{seed}")
    features, confidences = understand(served, [row.text for row in log])
    fell_back = np.flatnonzero(confidences.max(axis=1) < THRESHOLD)
    return {
        "hidden": scores(served, hidden, features[: len(hidden)], seed),
        "fell back": scores(served, [log[index] for index in fell_back], features[fell_back], seed),
    }


def scores(model: IntentPredictor, rows: list[Row], features: np.ndarray, seed: int) -> dict[str, Any]:
    """Of every method."""
    texts, truth = [row.text for row in rows], [row.intent for row in rows]
    bag = bag_of_words(texts, stop_words_of("english"))
    found: dict[str, Any] = {"messages": len(rows), "intents": len(set(truth)), "methods": {}}

    def measure(name: str, method: Callable[..., np.ndarray], *arguments: Any) -> None:
        start = time.process_time()
        assigned = np.unique(method(*arguments), return_inverse=True)[1]
        seconds = time.process_time() - start
        topics = int(assigned.max()) + 1
        found["methods"][name] = {
            "ami": float(adjusted_mutual_info_score(truth, assigned)),
            "purity": purity(truth, assigned),
            "npmi": float(np.nanmean(coherence(bag, assigned, topics))),
            "topics": topics,
            "seconds": seconds,
        }
        print(name, found["methods"][name], flush=True)

    for kind in EMBEDDINGS:
        vectors = embeddings(model, texts, features, kind)[0]
        measure(f"k-means, {kind}", k_means, vectors, HIDDEN, seed)
        measure(f"spectral clustering, {kind}", spectral, vectors, HIDDEN, seed)
        measure(f"CombinedTM, {kind}", topic_model, vectors, bag, HIDDEN, seed)
        if kind == "both":
            measure("spectral clustering, both, auto", spectral, vectors, None, seed)
            measure("Ward, both", AgglomerativeClustering(HIDDEN).fit_predict, vectors)
    measure("LDA", lda, bag.counts, seed)
    return found


def k_means(vectors: np.ndarray, topics: int, seed: int) -> np.ndarray:
    return KMeans(topics, n_init=10, random_state=seed).fit_predict(vectors)


def spectral(vectors: np.ndarray, topics: int | None, seed: int) -> np.ndarray:
    return cluster(vectors, topics, seed)[0]


def lda(counts: Any, seed: int) -> np.ndarray:
    return LatentDirichletAllocation(HIDDEN, max_iter=20, random_state=seed).fit_transform(counts).argmax(axis=1)


def purity(truth: list[str], assigned: np.ndarray) -> float:
    """The share of messages whose intent is the most frequent one of their topic."""
    intents = np.unique(truth, return_inverse=True)[1]
    return sum(int(np.bincount(intents[assigned == topic]).max()) for topic in np.unique(assigned)) / len(intents)


def table(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# Hidden intents of MASSIVE as topics",
        "",
        f"`python benchmarks/discover.py`, on {'; '.join(sorted({run['machine'] for run in runs}))}. Mean of "
        f"{len(runs)} seeds ± standard deviation. {HIDDEN} topics are looked for, but with auto. Seconds are those of "
        "the processor, one thread. NPMI is of the ten words that tell a topic from the others, over the messages "
        "themselves. Spectral clustering and both embeddings side by side were chosen by looking at seeds 1 and 2, "
        "among about thirteen mixtures of embeddings and six clusterings; seed 3 was not looked at before.",
        "",
        f"| messages | method | {' | '.join(COLUMNS.values())} |",
        f"| --- | --- |{' --- |' * len(COLUMNS)}",
    ]
    for kind in runs[0]["messages"]:
        mine = [run["messages"][kind] for run in runs]
        size = ", ".join(str(each["messages"]) for each in mine)
        intents = ", ".join(str(each["intents"]) for each in mine)
        label = f"{kind} ({size} of {intents} intents)"
        for method in mine[0]["methods"]:
            cells = [
                spread([each["methods"][method][column] for each in mine], 0 if column in ("topics",) else 3)
                for column in ("ami", "purity", "npmi", "topics")
            ]
            cells.append(spread([each["methods"][method]["seconds"] for each in mine], 1))
            lines.append(f"| {label} | {method} | {' | '.join(cells)} |")
            label = ""
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
