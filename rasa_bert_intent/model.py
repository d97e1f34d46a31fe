"""`IntentModel`: a trained classifier as torch has it, to train on, to save, and to serve on any device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rasa_bert_intent import batches, storage
from rasa_bert_intent import network as net
from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import find_encoder, weights_checksum
from rasa_bert_intent.errors import BertIntentError, EncoderError, ModelError
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.onnx_model import OnnxEncoder
from rasa_bert_intent.predictor import EncoderIdentity, IntentPredictor, Vectors
from rasa_bert_intent.runtime import autocast, choose_device, serves_in_bf16, threads


@dataclass(frozen=True)
class Graph:
    """The encoder as ONNX, which serves in place of the network.

    Attributes:
        content: Of the graph's file.
        encoder: Runs it.
        precision: Of its matrix products: `int8`, `uint8` or `fp32`.
    """

    content: bytes
    encoder: OnnxEncoder
    precision: str


@dataclass(kw_only=True)
class IntentModel(IntentPredictor):
    """A trained intent classifier.

    Attributes:
        network: The torch module; LoRA is merged when the model is loaded to serve.
        tokenizer: Of transformers.
        device: Where it runs.
        bf16: Whether it predicts in bf16.
        graph: What predicts in place of the network, as it does once the model is stored; None: nothing does.
        holds_encoder: Whether it was loaded with the encoder beside it, which may be nowhere else.
        seen: Hashes of the examples that it was trained on, see `rasa_bert_intent.seen`; None: not known.
    """

    network: IntentNetwork
    tokenizer: Any
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    bf16: bool = False
    graph: Graph | None = None
    holds_encoder: bool = False
    seen: np.ndarray | None = None

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:  # noqa: D102
        return net.tokenize(self.tokenizer, texts, self.options.max_length, self.network.embeddings)

    @property
    def head(self) -> dict[str, np.ndarray]:  # noqa: D102
        return {name: value.numpy() for name, value in _on_cpu(self.network.head.state_dict()).items()}

    @property
    def batch_as_served(self) -> int:  # noqa: D102
        return 64 if self.graph is None else super().batch_as_served

    def vectors_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> Vectors:  # noqa: D102
        hidden, width = self.network.head.in_features, self.network.width
        if self.graph is not None:
            pad_id = self.tokenizer.pad_token_id
            both = batches.in_batches(self.graph.encoder, token_ids, width, pad_id=pad_id, batch_size=batch_size)
        else:
            both = self._by_torch(self.network.vectors, token_ids, width, batch_size)
        return Vectors(token_ids, both[:, :hidden], both[:, hidden:])

    def features_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> np.ndarray:  # noqa: D102
        if self.graph is not None:
            return self.vectors_of_tokens(token_ids, batch_size).features
        return self._by_torch(self.network.features, token_ids, self.network.head.in_features, batch_size)

    def _by_torch(
        self, function: Callable[..., Tensor], token_ids: Sequence[Sequence[int]], width: int, batch_size: int
    ) -> np.ndarray:
        training, pad_id = self.network.training, self.tokenizer.pad_token_id
        self.network.eval()
        with threads(self.options.num_threads), autocast(self.device, self.bf16):
            output = net.in_batches(
                function, token_ids, width, pad_id=pad_id, device=self.device, batch_size=batch_size
            )
        self.network.train(training)
        return output

    @property
    def adapter(self) -> Any | None:
        """The PEFT model around the encoder, None if there is none or it was merged."""
        # Before peft 0.19 a merged encoder keeps its peft_config.
        return self.network.encoder if hasattr(self.network.encoder, "get_base_model") else None

    def save(self, directory: Path) -> None:
        """Writes the model into a directory, in place of a former model there.

        Raises:
            ModelError: if LoRA was merged already (the model was loaded to serve), or the directory holds anything but
                a model.
        """
        from safetensors.torch import save_file

        if self.options.method == "lora" and self.adapter is None:
            raise ModelError("This model was loaded to serve: its LoRA is merged. Load it with trainable=True to save.")
        storage.make_empty(directory)
        save_file(_on_cpu(self.network.head.state_dict()), directory / storage.HEAD)
        self.tokenizer.save_pretrained(directory / storage.TOKENIZER)
        scope = storage.save_scope(self.scope, directory)
        storage.save_ngrams(self.ngrams, directory)
        storage.save_seen(self.seen, directory)
        if self.graph is not None:
            (directory / storage.GRAPH).parent.mkdir()
            (directory / storage.GRAPH).write_bytes(self.graph.content)
        if self.adapter is not None:
            self._save_adapter(directory / storage.ADAPTER)
        if self._stores_encoder:
            self._save_encoder(directory / storage.ENCODER)
        storage.write_manifest(
            directory,
            {
                "labels": self.labels,
                "encoder": asdict(self.encoder),
                "pooling": self.network.pooling,
                "pad_id": self.tokenizer.pad_token_id,
                "unknown_id": net.unknown_token(self.tokenizer),
                "embeddings": self.network.embeddings,
                "truncation_side": self.tokenizer.truncation_side,
                "options": self.options.to_dict(),
                "calibration": asdict(self.calibration),
                "scope": scope,
                "training": self.training,
            },
        )

    @property
    def _stores_encoder(self) -> bool:
        if self.options.store_encoder is not None:
            return self.options.store_encoder
        # Under LoRA or a head alone the encoder is the one that was found, and can be found again to train on.
        changed = self.options.method == "full" or self.network.pooling == "own"
        return changed or self.graph is None or self.holds_encoder

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
        manifest = storage.read_manifest(directory)
        options = storage.fitting_options(manifest, options)
        identity = EncoderIdentity(**manifest["encoder"])
        holds_encoder = (directory / storage.ENCODER).is_dir()
        base = directory / storage.ENCODER if holds_encoder else _find_base(identity)
        try:
            tokenizer = net.load_tokenizer(directory / storage.TOKENIZER)
            labels = manifest["labels"]
            if manifest["pooling"] == "own":
                encoder, _ = net.load_classifier(base, len(labels))
                net.take_last_layer(encoder)
            else:
                encoder = net.load_encoder(base)
            network = IntentNetwork(encoder, manifest["pooling"], len(labels), options.classification_head)
            if options.method == "lora":
                network.encoder = _with_adapter(network.encoder, directory / storage.ADAPTER, trainable)
            _load_head(network.head, directory / storage.HEAD)
            scope = storage.load_scope(manifest, directory)
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
            ngrams=storage.load_ngrams(directory),
            calibration=Calibration(**manifest["calibration"]),
            scope=scope,
            training=manifest["training"],
            device=device,
            bf16=serves_in_bf16(options.precision, device, identity.model_type),
            holds_encoder=holds_encoder,
            seen=storage.load_seen(directory),
        )


def _find_base(identity: EncoderIdentity) -> Path:
    """The encoder of a model that was stored without it, checked to be the one it was trained on."""
    try:
        path = find_encoder(identity.name, identity.revision).path
    except BertIntentError as error:
        raise ModelError(f"The model was stored without its encoder, which torch needs. {error}") from None
    found = weights_checksum(path)
    if found != identity.sha256:
        raise ModelError(
            f"The model was trained on encoder {identity.name!r} with checksum {identity.sha256[:12]}…, and {path} has "
            f"{found[:12]}…. Put the same encoder there, or train again."
        )
    return path


def _with_adapter(encoder: Any, directory: Path, trainable: bool) -> nn.Module:
    from peft import PeftModel

    if not (directory / "adapter_model.safetensors").is_file():  # else peft looks for a pickle
        raise ModelError(f"{directory} holds no adapter_model.safetensors. Train again, or restore the file.")
    adapted = PeftModel.from_pretrained(encoder, directory, is_trainable=trainable)
    return adapted if trainable else adapted.merge_and_unload()


def _load_head(head: nn.Module, path: Path) -> None:
    from safetensors.torch import load_file

    try:
        head.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit the model: {str(error).splitlines()[-1].strip()}") from None


def _on_cpu(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}
