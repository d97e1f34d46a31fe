"""What a model's directory holds, read and checked without torch.

The directory::

    model.json      format, labels, encoder and its checksum, options, how training went, checksums of the files
    head.safetensors
    ngrams.safetensors  of character n-grams (unless ngram_weight is 0)
    scope.safetensors   of the distance from the intents (unless out_of_scope_score is another)
    seen.safetensors    hashes of the examples that it was trained on (older models have none)
    onnx/           the encoder as an ONNX graph (unless engine is torch)
    adapter/        LoRA in PEFT's layout (method lora)
    encoder/        configuration and weights (where nothing could be served or trained on without them)
    tokenizer/
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from rasa_bert_intent.config import SERVING_OPTIONS, Options
from rasa_bert_intent.encoder import file_checksum
from rasa_bert_intent.errors import ModelError, name_some
from rasa_bert_intent.home import OF_A_DESKTOP
from rasa_bert_intent.ngrams import NGrams
from rasa_bert_intent.scope import Distance, Energy, Scope, in_scope_columns
from rasa_bert_intent.token_counts import TokenCounts
from rasa_bert_intent.version import __version__

FORMAT = 11
MANIFEST = "model.json"
HEAD = "head.safetensors"
GRAPH = "onnx/model.onnx"
ADAPTER = "adapter"
ENCODER = "encoder"
TOKENIZER = "tokenizer"
CARD = "model_card.md"  # may lie beside
_SCOPE = "scope.safetensors"
_TOKENS = "tokens"
_NGRAMS = "ngrams.safetensors"
_SEEN = "seen.safetensors"
_CONTENT = {"labels", "encoder", "pooling", "options", "calibration", "scope", "training"}
_OURS = {MANIFEST, HEAD, _SCOPE, _NGRAMS, _SEEN, GRAPH.split("/")[0], ADAPTER, ENCODER, TOKENIZER}


def fingerprint(directory: Path) -> str:
    """What tells a model from every other: a checksum of its manifest, which holds those of all its files.

    How it is served is no part of it: a bot and a server may each have options of their own for that.
    """
    manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
    for name in SERVING_OPTIONS:
        manifest["options"].pop(name, None)
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def read_manifest(directory: Path, *, check_files: bool = True) -> dict[str, Any]:
    """The manifest of a model's directory.

    Args:
        directory: Of the model.
        check_files: Whether every file it names is checked, which reads all of them.

    Raises:
        ModelError: if a file is missing, damaged, altered, or of another format.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise ModelError(f"{directory} holds no {MANIFEST}: it is no model of rasa-bert-intent. Train one, or check.")
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version, files = manifest["format"], manifest["files"]
        whole = version != FORMAT or manifest.keys() >= _CONTENT
        if not (whole and isinstance(version, int) and isinstance(files, dict)):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is damaged. Train again, or restore the file.") from None
    if version != FORMAT:
        raise ModelError(
            f"{path} has format {version}, made by rasa-bert-intent {manifest.get('version')}; this version "
            f"({__version__}) reads format {FORMAT}. "
            f"{'Upgrade rasa-bert-intent, or train' if version > FORMAT else 'Train'} again."
        )
    for name, checksum in files.items() if check_files else ():
        file = directory / name
        if not file.is_file():
            raise ModelError(f"{file} is missing. Train again, or restore the file.")
        if file_checksum(file) != checksum:
            raise ModelError(f"{file} is damaged or was altered: its checksum differs. Train again, or restore it.")
    return manifest


def fitting_options(manifest: dict[str, Any], options: Options | None) -> Options:
    """The options to serve a model, or to train it on, with: what they leave open is as it was trained.

    Under `trained_model` all are: what `config.yml` decides was written into the manifest when the model was taken.

    Raises:
        ModelError: if they ask for another network than was trained.
    """
    stored = Options.from_config(manifest["options"])
    if options is None or options.trained_model:
        return stored.with_environment().without_remote()
    options = replace(options.without_remote().completed_by(manifest["options"]), max_length=stored.max_length)
    for name in ("method", "classification_head"):
        if getattr(options, name) != getattr(stored, name):
            raise ModelError(
                f"The model was trained with {name}: {getattr(stored, name)}, and the options say "
                f"{getattr(options, name)}. Give the same, or train again."
            )
    return options


def write_manifest(directory: Path, content: dict[str, Any]) -> None:
    """Writes the manifest of a directory whose other files are all there."""
    paths = (path.relative_to(directory) for path in sorted(directory.rglob("*")) if path.is_file())
    checksums = {path.as_posix(): file_checksum(directory / path) for path in paths if path.parts[0] in _OURS}
    _write(directory, {"format": FORMAT, "version": __version__, **content, "files": checksums})


def write_options(directory: Path, manifest: dict[str, Any], options: Options) -> None:
    """Writes the manifest of a directory anew with other options; its files stay, and their checksums."""
    _write(directory, {**manifest, "options": options.to_dict()})


def _write(directory: Path, manifest: dict[str, Any]) -> None:
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")


def save_seen(seen: np.ndarray | None, directory: Path) -> None:
    """Writes the hashes of the examples that a model was trained on, see `rasa_bert_intent.seen`."""
    from safetensors.numpy import save_file

    if seen is not None:
        save_file({"hashes": seen}, directory / _SEEN)


def load_seen(directory: Path) -> np.ndarray | None:
    """What `save_seen` wrote."""
    from safetensors.numpy import load_file

    file = directory / _SEEN
    return load_file(file)["hashes"] if file.is_file() else None


def make_empty(directory: Path) -> None:
    """Makes a directory, or removes a model from it, one that was not written to its end too; its card stays.

    Raises:
        ModelError: if it holds anything else; nothing is removed then.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if foreign := [name for name in _foreign(directory) if name != CARD]:
        raise ModelError(f"{directory} holds {name_some(foreign)}, which is no model of ours. Name another folder.")
    held = [path for path in directory.iterdir() if path.name not in (CARD, *OF_A_DESKTOP)]
    for path in sorted(held, key=lambda path: path.name == HEAD):  # last, as it tells that the others are a model's
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def check_replaceable(directory: Path, force: bool) -> None:
    """Refuses a directory for a new model in which something would be lost.

    Raises:
        ModelError: if it is a file or a mount point, holds anything but a former model, or that without `force`.
    """
    if directory.is_mount():
        raise ModelError(f"{directory} is a mount point, which cannot be replaced at once. Name a folder in it.")
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ModelError(f"{directory} is a file; expected a folder. Name another.")
    if foreign := _foreign(directory):
        raise ModelError(f"{directory} holds {name_some(foreign)}, which is no model of ours. Name another folder.")
    if not force and any(path.name not in OF_A_DESKTOP for path in directory.iterdir()):
        raise ModelError(f"{directory} holds a model. Name another folder, or replace it with --force.")


def _foreign(directory: Path) -> list[str]:
    """The names in a directory that are no part of a model: all, where neither a manifest nor a head tells of one."""
    names = {path.name for path in directory.iterdir()} - {*OF_A_DESKTOP}
    try:
        files = {name.split("/")[0] for name in json.loads((directory / MANIFEST).read_text("utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        files = set()
    return sorted(names - (_OURS | files if files or HEAD in names else set()))


def save_ngrams(ngrams: NGrams | None, directory: Path) -> None:
    """Writes what n-grams add to the encoder's logits."""
    from safetensors.numpy import save_file

    if ngrams is not None:
        save_file({field.name: getattr(ngrams, field.name) for field in fields(ngrams)}, directory / _NGRAMS)


def load_ngrams(directory: Path) -> NGrams | None:
    """What `save_ngrams` wrote."""
    from safetensors.numpy import load_file

    file = directory / _NGRAMS
    return NGrams(**load_file(file)) if file.is_file() else None


def save_scope(scope: Scope | None, directory: Path) -> dict[str, float] | None:
    """Writes what tells messages in scope from others; returns its part of the manifest."""
    from safetensors.numpy import save_file

    if scope is None:
        return None
    if isinstance(scope.distance, Distance):
        arrays = {field.name: getattr(scope.distance, field.name) for field in fields(Distance)}
        tokens = arrays.pop(_TOKENS)
        arrays |= {f"{_TOKENS}.{field.name}": getattr(tokens, field.name) for field in fields(tokens)}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, directory / _SCOPE)
    return {"centre": scope.centre, "width": scope.width}


def load_scope(manifest: dict[str, Any], directory: Path) -> Scope | None:
    """What `save_scope` wrote."""
    from safetensors.numpy import load_file

    if manifest["scope"] is None:
        return None
    distance: Distance | Energy = Energy(in_scope_columns(manifest["labels"]))
    if (directory / _SCOPE).is_file():
        arrays = load_file(directory / _SCOPE)
        tokens = TokenCounts(**{field.name: arrays.pop(f"{_TOKENS}.{field.name}") for field in fields(TokenCounts)})
        distance = Distance(**arrays, tokens=tokens)
    return Scope(distance, **manifest["scope"])
