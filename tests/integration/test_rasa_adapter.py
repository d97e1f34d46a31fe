"""An adapter that was published by others, in Rasa."""

import json
from pathlib import Path

import pytest
import torch
from adapters import LABELS, as_published, publish
from bot import UNSEEN, Bot
from transformers import AutoTokenizer

from rasa_bert_intent.encoder import find_encoder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder() -> Path:
    return find_encoder("sentence-transformers/all-MiniLM-L6-v2").path


@pytest.fixture
def options(tmp_path: Path, encoder: Path) -> dict[str, object]:
    (tmp_path / "labels.json").write_text(json.dumps(LABELS))
    adapter = publish(tmp_path / "adapter", encoder, std=0.02)
    return {"adapter": str(adapter), "adapter_labels": str(tmp_path / "labels.json")}


def test_it_answers_as_in_plain_peft(options, encoder, tmp_path):
    bot = Bot(tmp_path / "bot").write({**options, "epochs": 0, "precision": "fp32"})  # int8 rounds
    bot.train()
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    for row in bot.parse(*UNSEEN):
        batch = tokenizer(row["text"], return_tensors="pt")
        logits = as_published(Path(options["adapter"]), encoder, batch["input_ids"], batch["attention_mask"])
        expected = dict(zip(LABELS, torch.softmax(logits[0], dim=0).tolist(), strict=True))
        found = {entry["name"]: entry["confidence"] for entry in row["intent_ranking"]}
        assert found == pytest.approx(expected, abs=1e-4)


def test_it_is_trained_on_and_finetuned(options, tmp_path):
    bot = Bot(tmp_path / "bot").write({**options, "min_steps": 150})
    bot.train()
    first = bot.manifest["training"]
    right = [row["intent"]["name"] == UNSEEN[row["text"]] for row in bot.parse(*UNSEEN)]
    assert sum(right) >= 3
    bot.train("--finetune")
    assert first["epochs"] > 0
    assert bot.manifest["labels"] == LABELS
