"""Trains SetFit with our default encoder, or scores what it trained: for training_time.py, in a process of its own.

    python benchmarks/setfit_worker.py train.yml FOLDER
    python benchmarks/setfit_worker.py rest.yml FOLDER --score scores.json

Both are Rasa NLU data; it takes `pip install setfit`. As its paper (Tunstall et al. 2022, arXiv 2209.11055) has it: 20
pairs alike and 20 unlike for each example, one pass through them, batches of 16, a logistic regression on top; and
what the library sets: a learning rate of 2e-5, where the paper names 1e-3. All pairs, its library's present default,
are twelve times as many of 500 examples.
"""

from __future__ import annotations

import logging

from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from without_rasa import arguments, write_scores

from rasa_bert_intent import Options
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.encoder import find_encoder


def main() -> None:
    args = arguments(__doc__)
    logging.disable(logging.WARNING)
    texts, intents = read_examples(args.data)
    if args.score:
        model = SetFitModel.from_pretrained(str(args.model))
        answers = [str(answer) for answer in model.predict(texts)]
        confidences = model.predict_proba(texts, as_numpy=True).max(1)
        write_scores(args.score, intents, answers, confidences)
        return
    model = SetFitModel.from_pretrained(str(find_encoder(Options().encoder).path))
    settings = TrainingArguments(batch_size=16, num_epochs=1, num_iterations=20, seed=42, report_to="none")
    examples = Dataset.from_dict({"text": texts, "label": intents})
    Trainer(model=model, args=settings, train_dataset=examples).train()
    model.save_pretrained(str(args.model))


if __name__ == "__main__":
    main()
