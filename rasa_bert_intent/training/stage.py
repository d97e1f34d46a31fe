"""A contrastive stage before the training of the intents: the encoder learns which texts belong together."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.home import expanded
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training.batching import Examples, batch_sampler, collate_tokens
from rasa_bert_intent.training.callbacks import ProgressBar
from rasa_bert_intent.training.checkpoints import StageCheckpoints
from rasa_bert_intent.training.objectives import Contrast
from rasa_bert_intent.training.trainer import IntentTrainer

logger = logging.getLogger(__name__)


def contrastive_stage(
    model: IntentModel, examples: Examples, progress: bool, world: World, checkpoints: StageCheckpoints | None
) -> None:
    """Trains a model's encoder (or its LoRA) in place, by the options `contrastive_*` and `unlabelled_texts`.

    Args:
        model: Fresh; its head is left as it is.
        examples: As token ids, with labels.
        progress: Whether to show a bar.
        world: The processes that train it.
        checkpoints: Where it is gone on from after a stop; None: nowhere.

    Raises:
        DataError: if the file of unlabelled texts cannot be read or holds none.
    """
    options = model.options
    supervised = options.contrastive_stage == "supervised"
    if options.unlabelled_texts:
        texts = read_texts(Path(options.unlabelled_texts))
        ids = model.tokenize(texts)
        examples = Examples([*examples.texts, *texts], [*examples.inputs, *ids], [*examples.labels, *[-1] * len(ids)])
    # Averaging is for the weights that serve; the batches of a supervised stage need partners.
    options = replace(options, ema_decay=0.0, balanced_batches=supervised)
    width = model.network.head.in_features
    contrast = Contrast(model.network, width, options.contrastive_temperature, supervised).to(model.device)
    bar = ProgressBar(progress, "Contrastive stage")
    with tempfile.TemporaryDirectory() as scratch:
        trainer = IntentTrainer(
            contrast,
            Contrast.loss,
            options,
            epochs=options.contrastive_stage_epochs,
            train=examples,
            batches=batch_sampler(examples, options),
            collate=collate_tokens(model.tokenizer.pad_token_id, world),
            device=model.device,
            bf16=model.bf16,
            output_dir=scratch,
            callbacks=[bar],
            world=world,
            checkpoints=checkpoints,
        )
        bar.loss = lambda: float(trainer.running_loss)
        model.network.head.requires_grad_(False)
        try:
            trainer.train()
        finally:
            model.network.head.requires_grad_(True)
            bar.close()
    logger.info(f"Contrastive stage ({options.contrastive_stage}) on {len(examples)} texts: loss {bar.loss():.3f}.")


def read_texts(path: Path) -> list[str]:
    """The lines of a file that are not blank.

    Raises:
        DataError: if it is not there, is no UTF-8, or holds none.
    """
    try:
        texts = [line.strip() for line in expanded(path).read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"unlabelled_texts: {path} cannot be read as UTF-8 text ({error}).") from None
    if not texts:
        raise DataError(f"unlabelled_texts: {path} holds no text. Give a file with one text a line.")
    return texts
