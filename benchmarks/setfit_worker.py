"""Trains SetFit with our default encoder, or scores what it trained: for training_time.py, in a process of its own.

    python benchmarks/setfit_worker.py train.yml FOLDER
    python benchmarks/setfit_worker.py rest.yml FOLDER --score scores.json

Both are Rasa NLU data; it takes `pip install setfit`. As its paper (Tunstall et al. 2022, arXiv 2209.11055) has it: 20
pairs alike and 20 unlike for each example, one pass through them, batches of 16, a logistic regression on top; and
what the library sets: a learning rate of 2e-5, where the paper names 1e-3. All pairs, its library's present default,
are twelve times as many of 500 examples.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments

from rasa_bert_intent import Options
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.encoder import find_encoder
from rasa_bert_intent.reports.metrics import accuracy, expected_calibration_error, macro_f1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--score", type=Path, metavar="FILE")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    texts, intents = read_examples(args.data)
    if args.score:
        model = SetFitModel.from_pretrained(str(args.model))
        answers = [str(answer) for answer in model.predict(texts)]
        confidences = model.predict_proba(texts, as_numpy=True).max(1)
        scores = {
            "accuracy": accuracy(intents, answers),
            "macro_f1": macro_f1(intents, answers),
            "ece": expected_calibration_error(confidences, np.asarray(intents) == answers),
        }
        args.score.write_text(json.dumps(scores))
        return
    model = SetFitModel.from_pretrained(str(find_encoder(Options().encoder).path))
    arguments = TrainingArguments(batch_size=16, num_epochs=1, num_iterations=20, seed=42, report_to="none")
    examples = Dataset.from_dict({"text": texts, "label": intents})
    Trainer(model=model, args=arguments, train_dataset=examples).train()
    model.save_pretrained(str(args.model))


if __name__ == "__main__":
    main()
