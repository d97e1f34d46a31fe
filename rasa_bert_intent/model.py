"""`IntentModel`: a trained classifier that predicts, and that a directory of JSON, safetensors and a tokenizer holds.

The directory::

    model.json      format, labels, encoder and its checksum, options, how training went, checksums of the files
    head.safetensors
    scope.safetensors   of the Mahalanobis distance (unless out_of_scope_score is another)
    adapter/        LoRA in PEFT's layout (method lora)
    encoder/        configuration and weights (unless store_encoder is false)
    tokenizer/
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rasa_bert_intent import network as net
from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import file_checksum, find_encoder, weights_checksum
from rasa_bert_intent.errors import BertIntentError, EncoderError, ModelError
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.runtime import autocast, choose_device, serves_in_bf16, threads
from rasa_bert_intent.scope import Energy, MahalanobisDistance, Scope, in_scope_columns
from rasa_bert_intent.version import __version__

FORMAT = 3
MANIFEST = "model.json"
SCOPE_FILE = "scope.safetensors"


@dataclass(frozen=True)
class EncoderIdentity:
    """Which encoder a model stands on.

    Attributes:
        name: Hub id, or the directory it was read from.
        revision: Of the hub id.
        sha256: Checksum of its weights, see `rasa_bert_intent.encoder.weights_checksum`.
        model_type: The family, such as `bert`.
    """

    name: str
    revision: str | None
    sha256: str
    model_type: str


@dataclass
class IntentModel:
    """A trained intent classifier.

    Attributes:
        network: The torch module; LoRA is merged when the model is loaded to serve.
        tokenizer: Of transformers.
        labels: Intents, in the order of the logits' columns.
        encoder: The identity of the encoder it stands on.
        options: As trained.
        calibration: Makes confidences as high as they are right.
        scope: What tells whether a message is in scope; None: all are.
        training: How training went (examples, best epoch, scores, seconds, ...).
        device: Where it runs.
        bf16: Whether it predicts in bf16.
    """

    network: IntentNetwork
    tokenizer: Any
    labels: list[str]
    encoder: EncoderIdentity
    options: Options
    calibration: Calibration = field(default_factory=Calibration)
    scope: Scope | None = None
    training: dict[str, Any] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    bf16: bool = False

    def predict_proba(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Confidences `[texts, labels]`, float64: P(in scope) times P(intent | in scope).

        The confidences of a text sum to P(in scope), but that the intent `out_of_scope`, where there is one, is not
        lowered: it has nothing to be in scope of.
        """
        return self.confidences(self.features(texts, batch_size))

    def features(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Pooled vectors `[texts, hidden]`, float32."""
        token_ids = net.tokenize(self.tokenizer, texts, self.options.max_length)
        return self.features_of_tokens(token_ids, batch_size)

    @cached_property
    def in_scope(self) -> np.ndarray:
        """Which labels are in scope, `[labels]`, bool."""
        return in_scope_columns(self.labels)

    def confidences(self, features: np.ndarray) -> np.ndarray:
        """Confidences `[texts, labels]`, as `predict_proba` gives them, from pooled vectors `[texts, hidden]`."""
        logits = self.logits_of_features(features)
        confidences = self.calibration.probabilities(logits)
        if self.scope is not None:
            confidences[:, self.in_scope] *= self.scope.probability(features, logits)[:, None]
        return confidences

    def predict_logits(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Logits `[texts, labels]`, float32."""
        return self.logits_of_features(self.features(texts, batch_size))

    def logits_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> np.ndarray:
        """Logits `[texts, labels]`, float32, of texts given as token ids."""
        return self.logits_of_features(self.features_of_tokens(token_ids, batch_size))

    @torch.inference_mode()
    def logits_of_features(self, features: np.ndarray) -> np.ndarray:
        """Logits `[texts, labels]`, float32, of pooled vectors `[texts, hidden]`."""
        training = self.network.training
        self.network.eval()
        with threads(self.options.num_threads):
            logits = self.network.classify(torch.from_numpy(features).to(self.device))
        self.network.train(training)
        return logits.cpu().numpy()

    def features_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> np.ndarray:
        """Pooled vectors `[texts, hidden]`, float32, of texts given as token ids."""
        training = self.network.training
        self.network.eval()
        with threads(self.options.num_threads), autocast(self.device, self.bf16):
            output = net.in_batches(
                self.network.features,
                token_ids,
                self.network.head.in_features,
                pad_id=self.tokenizer.pad_token_id,
                device=self.device,
                batch_size=batch_size,
            )
        self.network.train(training)
        return output

    @property
    def adapter(self) -> Any | None:
        """The PEFT model around the encoder, None if there is none or it was merged."""
        # Before peft 0.19 a merged encoder keeps its peft_config.
        return self.network.encoder if hasattr(self.network.encoder, "get_base_model") else None

    def save(self, directory: Path) -> None:
        """Writes the model into a directory, whose former content goes.

        Raises:
            ModelError: if LoRA was merged already (the model was loaded to serve).
        """
        from safetensors.torch import save_file

        if self.options.method == "lora" and self.adapter is None:
            raise ModelError("This model was loaded to serve: its LoRA is merged. Load it with trainable=True to save.")
        for old in directory.iterdir() if directory.exists() else ():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        directory.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(directory / "tokenizer")
        save_file(_on_cpu(self.network.head.state_dict()), directory / "head.safetensors")
        if self.scope is not None:
            _save_scope(self.scope, directory)
        if self.adapter is not None:
            self._save_adapter(directory / "adapter")
        if self.options.store_encoder:
            self._save_encoder(directory / "encoder")
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        manifest = {
            "format": FORMAT,
            "version": __version__,
            "labels": self.labels,
            "encoder": asdict(self.encoder),
            "pooling": self.network.pooling,
            "options": self.options.to_dict(),
            "calibration": asdict(self.calibration),
            "scope": None if self.scope is None else {"centre": self.scope.centre, "width": self.scope.width},
            "training": self.training,
            "files": {path.relative_to(directory).as_posix(): file_checksum(path) for path in files},
        }
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")

    def _save_adapter(self, directory: Path) -> None:
        assert self.adapter is not None
        # The name, not a path of this machine, is what another machine can find again. Under an adapter that was merged
        # the encoder is another one, which lies beside.
        name = "../encoder" if self.network.pooling == "own" else self.encoder.name
        self.adapter.peft_config["default"].base_model_name_or_path = name
        self.adapter.save_pretrained(directory, safe_serialization=True, save_embedding_layers=False)
        (directory / "README.md").unlink(missing_ok=True)  # an empty model card

    def _save_encoder(self, directory: Path) -> None:
        """Writes the encoder without LoRA, from memory: where it was read from may be gone by now."""
        encoder: Any = self.network.encoder
        state = {
            name.removeprefix("base_model.model.").replace(".base_layer.", "."): value
            for name, value in _on_cpu(encoder.state_dict()).items()
            if ".lora_" not in name
        }
        base = encoder if self.adapter is None else encoder.get_base_model()
        with net.quiet_transformers():
            base.save_pretrained(directory, state_dict=state, safe_serialization=True)

    @classmethod
    def load(cls, directory: Path, options: Options | None = None, *, trainable: bool = False) -> IntentModel:
        """Reads a model that `save` wrote.

        Args:
            directory: The model's directory.
            options: Of this machine (`device`, `num_threads`, `precision`) and for training on; None: as stored.
            trainable: Whether to keep LoRA apart, to train on; else it is merged, to serve.

        Raises:
            ModelError: if a file is missing, damaged or of a newer format, or the encoder or the method is not the one
                trained with.
        """
        manifest = _read_manifest(directory)
        stored = Options.from_config(manifest["options"])
        options = (options or stored.with_environment()).completed_by(manifest["options"])
        for name in ("method", "classification_head"):
            if getattr(options, name) != getattr(stored, name):
                raise ModelError(
                    f"The model in {directory} was trained with {name}: {getattr(stored, name)}, and the options say "
                    f"{getattr(options, name)}. Give the same, or train again."
                )
        identity = EncoderIdentity(**manifest["encoder"])
        base = directory / "encoder"
        if not base.is_dir():
            base = _find_base(identity)
        try:
            tokenizer = net.load_tokenizer(directory / "tokenizer")
            labels = manifest["labels"]
            if manifest["pooling"] == "own":
                encoder, _ = net.load_classifier(base, len(labels))
                net.take_last_layer(encoder)
            else:
                encoder = net.load_encoder(base)
            network = IntentNetwork(encoder, manifest["pooling"], len(labels), stored.classification_head)
            if options.method == "lora":
                network.encoder = _with_adapter(network.encoder, directory / "adapter", trainable)
            _load_head(network.head, directory / "head.safetensors")
            scope = _load_scope(manifest, directory)
        except EncoderError as error:
            raise ModelError(f"The model in {directory} cannot be read: {error}") from None
        device = choose_device(options.device, strict=False)
        network.to(device).eval()
        return cls(
            network=network,
            tokenizer=tokenizer,
            labels=labels,
            encoder=identity,
            options=options,
            calibration=Calibration(**manifest["calibration"]),
            scope=scope,
            training=manifest["training"],
            device=device,
            bf16=serves_in_bf16(options.precision, device),
        )


def _read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a model's directory, after checking every file it names."""
    path = directory / MANIFEST
    if not path.is_file():
        raise ModelError(f"{directory} holds no {MANIFEST}: it is no model of rasa-bert-intent. Train one, or check.")
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version, files = manifest["format"], manifest["files"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is damaged. Train again, or restore the file.") from None
    if version != FORMAT:
        raise ModelError(
            f"{path} has format {version}, made by rasa-bert-intent {manifest.get('version')}; this version "
            f"({__version__}) reads format {FORMAT}. "
            f"{'Upgrade rasa-bert-intent, or train' if version > FORMAT else 'Train'} again."
        )
    for name, checksum in files.items():
        file = directory / name
        if not file.is_file():
            raise ModelError(f"{file} is missing. Train again, or restore the file.")
        if file_checksum(file) != checksum:
            raise ModelError(f"{file} is damaged or was altered: its checksum differs. Train again, or restore it.")
    return manifest


def _find_base(identity: EncoderIdentity) -> Path:
    """The encoder of a model that was stored without it, checked to be the one it was trained on."""
    try:
        path = find_encoder(identity.name, identity.revision).path
    except BertIntentError as error:
        raise ModelError(f"The model was stored without its encoder (store_encoder: false). {error}") from None
    found = weights_checksum(path)
    if found != identity.sha256:
        raise ModelError(
            f"The model was trained on encoder {identity.name!r} with checksum {identity.sha256[:12]}…, and {path} has "
            f"{found[:12]}…. Put the same encoder there, or train again."
        )
    return path


def _with_adapter(encoder: Any, directory: Path, trainable: bool) -> nn.Module:
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(encoder, directory, is_trainable=trainable)
    return adapted if trainable else adapted.merge_and_unload()


def _load_head(head: nn.Module, path: Path) -> None:
    from safetensors.torch import load_file

    try:
        head.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit the model: {str(error).splitlines()[-1].strip()}") from None


def _save_scope(scope: Scope, directory: Path) -> None:
    from safetensors.numpy import save_file

    if isinstance(scope.distance, MahalanobisDistance):
        arrays = {"means": scope.distance.means, "whitening": scope.distance.whitening}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, directory / SCOPE_FILE)


def _load_scope(manifest: dict[str, Any], directory: Path) -> Scope | None:
    from safetensors.numpy import load_file

    if manifest["scope"] is None:
        return None
    distance: MahalanobisDistance | Energy = Energy(in_scope_columns(manifest["labels"]))
    if (directory / SCOPE_FILE).is_file():
        distance = MahalanobisDistance(**load_file(directory / SCOPE_FILE))
    return Scope(distance, **manifest["scope"])


def _on_cpu(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}
