"""`OnnxModel`: serves a trained model by ONNX Runtime and `tokenizers`, without torch, transformers or peft."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rasa_bert_intent.batches import embedded, in_batches, whole_characters
from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.config import Options
from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.errors import ModelError, first_line
from rasa_bert_intent.predictor import EncoderIdentity, IntentPredictor, Vectors
from rasa_bert_intent.storage import GRAPH, HEAD, TOKENIZER, load_ngrams, load_scope


class OnnxEncoder:
    """An encoder with its pooling as an ONNX graph, on the CPU.

    Args:
        graph: The graph or its file: `input_ids` and `attention_mask`, both `[messages, tokens]`, int64, to `vectors`
            of `[messages, features + layers]`.
        num_threads: Of its own pool; None: as many as there are CPUs for us. They spin while a message is worked on,
            which takes a third off its time, and sleep in between, for the sake of other processes.
    """

    def __init__(self, graph: bytes | Path, num_threads: int | None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or available_cpus()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        source = graph if isinstance(graph, bytes) else str(graph)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    @property
    def width(self) -> int:
        """Of the vectors."""
        return int(self._session.get_outputs()[0].shape[1])

    def __call__(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """Both vectors of each message side by side, float32, from token ids and mask of `[messages, tokens]`."""
        return self._session.run(None, {"input_ids": input_ids, "attention_mask": attention_mask})[0]


@dataclass(kw_only=True)
class OnnxModel(IntentPredictor):
    """A trained classifier on ONNX Runtime.

    Attributes:
        network: The encoder.
        last_layer: Its arrays, see `rasa_bert_intent.heads`.
        tokenizer: Of `tokenizers`.
        pad_id: Its padding token.
        unknown_id: The token for what it does not know.
        embeddings: How many tokens the encoder knows.
    """

    network: OnnxEncoder
    last_layer: dict[str, np.ndarray]
    tokenizer: Any
    pad_id: int
    unknown_id: int
    embeddings: int

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:  # noqa: D102
        encodings = self.tokenizer.encode_batch_fast(whole_characters(texts))
        return embedded([encoding.ids for encoding in encodings], self.embeddings, self.unknown_id)

    def vectors_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> Vectors:  # noqa: D102
        hidden = self.last_layer["weight"].shape[1]
        both = in_batches(self.network, token_ids, self.network.width, pad_id=self.pad_id, batch_size=batch_size)
        return Vectors(token_ids, both[:, :hidden], both[:, hidden:])

    @property
    def head(self) -> dict[str, np.ndarray]:  # noqa: D102
        return self.last_layer

    @classmethod
    def load(cls, directory: Path, manifest: dict[str, Any], options: Options) -> OnnxModel:
        """Reads a model that was stored with an ONNX graph.

        Args:
            directory: The model's directory.
            manifest: Its manifest, read and checked.
            options: As stored, with those of this machine.

        Raises:
            ModelError: if ONNX Runtime or `tokenizers` cannot read their files.
        """
        from safetensors.numpy import load_file

        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            import onnxruntime  # noqa: F401
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ModelError(
                f"ONNX Runtime cannot be loaded here ({error}). Install it again, or set engine: torch."
            ) from None
        try:
            network = OnnxEncoder(directory / GRAPH, options.num_threads)
            tokenizer = Tokenizer.from_file(str(directory / TOKENIZER / "tokenizer.json"))
        except Exception as error:  # both raise classes of their own without a public home
            raise ModelError(f"The model in {directory} cannot be read: {first_line(error)} Train again.") from None
        tokenizer.no_padding()
        tokenizer.enable_truncation(options.max_length, direction=manifest["truncation_side"])
        return cls(
            network=network,
            last_layer=load_file(directory / HEAD),
            tokenizer=tokenizer,
            pad_id=manifest["pad_id"],
            unknown_id=manifest["unknown_id"],
            embeddings=manifest["embeddings"],
            labels=manifest["labels"],
            encoder=EncoderIdentity(**manifest["encoder"]),
            options=options,
            ngrams=load_ngrams(directory),
            calibration=Calibration(**manifest["calibration"]),
            scope=load_scope(manifest, directory),
            training=manifest["training"],
        )
