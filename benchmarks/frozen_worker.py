"""The frozen encoder under scikit-learn's logistic regression, the usual floor, in a process of its own.

    python benchmarks/frozen_worker.py TRAIN FOLDER
    python benchmarks/frozen_worker.py TEST FOLDER --score scores.json

Both are Rasa NLU data. The messages' vectors are those of sentence-transformers: the mean of the last layer's tokens,
of length one. C is chosen among 1, 10 and 100 by cross-validation in three parts. FOLDER takes what is trained: the
regression alone, without the encoder.
"""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer
from without_rasa import arguments, write_scores

from rasa_bert_intent import Options
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.encoder import find_encoder


def main() -> None:
    args = arguments(__doc__)
    texts, intents = read_examples(args.data)
    file = args.model / "regression.pickle"
    if args.score:
        regression = pickle.loads(file.read_bytes())  # by ourselves, above
        probabilities = regression.predict_proba(vectors(texts))
        answers = regression.classes_[probabilities.argmax(1)].tolist()
        write_scores(args.score, intents, answers, probabilities.max(1))
        return
    warnings.filterwarnings("ignore", message="The least populated class")
    regression = LogisticRegressionCV(Cs=[1, 10, 100], cv=3, max_iter=1000).fit(vectors(texts), intents)
    args.model.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(regression))


@torch.inference_mode()
def vectors(texts: list[str]) -> np.ndarray:
    """`[n, width]`."""
    directory = find_encoder(Options().encoder).path
    tokenizer, encoder = AutoTokenizer.from_pretrained(directory), AutoModel.from_pretrained(directory).eval()
    by_length = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    found = np.empty((len(texts), encoder.config.hidden_size), np.float32)
    for start in range(0, len(texts), 64):
        chosen = by_length[start : start + 64]
        batch = tokenizer([texts[number] for number in chosen], padding=True, truncation=True, return_tensors="pt")
        tokens, mask = encoder(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
        found[chosen] = normalize((tokens * mask).sum(1) / mask.sum(1)).numpy()
    return found


if __name__ == "__main__":
    main()
