"""Tiny random encoders of every family, made in a second: real architectures with real files."""

import hashlib
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

WORDS = [
    *("hi", "hello", "hey", "good", "morning", "evening", "there", "bye", "see", "you", "later", "so", "long", "night"),
    *("play", "some", "music", "jazz", "rock", "song", "put", "on", "start", "the", "lights", "off", "turn", "lamp"),
    *("kitchen", "dark", "please", "what", "is", "weather", "rain", "tomorrow", "it", "a", "an", "to", "me", "in"),
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FAMILIES = ("bert", "distilbert", "roberta", "electra", "deberta-v2", "xlm-roberta", "mpnet", "albert")

# What the families call the same sizes.
_NAMES = {"distilbert": {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"}}


def make_encoder(directory: Path, family: str = "bert", seed: int = 0, **changes: object) -> Path:
    """Writes a tiny random encoder with its tokenizer into a directory."""
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "hidden_dim": 64,
        "embedding_size": 16,
        "max_position_embeddings": 66,
        "vocab_size": len(SPECIAL) + len(set(WORDS)) + 26,
        "pad_token_id": 0,
        **changes,
    }
    names = _NAMES.get(family, {})
    config = AutoConfig.for_model(family, **{names.get(key, key): value for key, value in sizes.items()})
    torch.manual_seed(seed)
    AutoModel.from_config(config).save_pretrained(directory)
    make_tokenizer().save_pretrained(directory)
    return directory


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer of the words above and single letters."""
    letters = ["##" + chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *dict.fromkeys(WORDS), *letters])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def put_into_cache(cache: Path, source: Path, name: str, revision: str = "main") -> Path:
    """Lays an encoder into a hub cache as huggingface_hub does."""
    commit = hashlib.sha1(revision.encode()).hexdigest()
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / revision).write_text(commit)
    return Path(shutil.copytree(source, repository / "snapshots" / commit))
