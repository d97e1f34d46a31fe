"""Every option of the classifier: its default, its meaning, its check. The one place where they stand.

`Options.from_config` takes the mapping of `config.yml` and reports every mistake in it in one message.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from rasa_bert_intent.checks import (
    Check,
    Device,
    Flag,
    Integer,
    Number,
    OneOf,
    Optional,
    TargetModules,
    Text,
    Url,
    unknown,
)
from rasa_bert_intent.contradictions import contradictions
from rasa_bert_intent.errors import OptionsError

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
ENVIRONMENT_PREFIX = "RASA_BERT_INTENT_"

# Settings of the machine that runs the model, not of the model: the environment may override what an archive fixed.
REMOTE_OPTIONS = ("remote_url", "remote_timeout", "remote_retries", "remote_fallback")
MACHINE_OPTIONS = ("engine", "device", "num_threads", "precision", *REMOTE_OPTIONS)

# What a bot decides about a model that was trained elsewhere; all else is as it was trained.
SERVING_OPTIONS = (*MACHINE_OPTIONS, "ranking_length", "renormalize_confidences")

# What the recipe chooses by the data where the user does not.
RECIPE_OPTIONS = (
    "method",
    "classification_head",
    "contrastive_weight",
    "learning_rate",
    "head_learning_rate",
    "min_steps",
)

# Rasa adds these to a component's mapping.
_ADDED_BY_RASA = ("name", "finetuning_epoch_fraction")


def _option(default: Any, check: Check, meaning: str) -> Any:
    return field(default=default, metadata={"check": check, "meaning": meaning})


@dataclass(frozen=True)
class Options:
    """The options of the classifier, checked; built by `Options.from_config`.

    The fields' own meanings stand beside them, and `describe` lists them.
    """

    encoder: str = _option(
        DEFAULT_ENCODER, Text(), "Id on the Hugging Face hub, or a directory, of any BERT-family encoder."
    )
    encoder_revision: str | None = _option(
        None, Optional(Text()), "Branch, tag or commit of the hub id. Null: the main branch."
    )
    adapter: str | None = _option(
        None,
        Optional(Text()),
        "Id on the hub, or a directory, of a PEFT adapter for sequence classification (task `SEQ_CLS`) to start from; "
        "`epochs: 0` serves it as it is. Null: none.",
    )
    adapter_labels: str | None = _option(
        None,
        Optional(Text()),
        "JSON file with the list of the adapter's intents, in the order of its outputs. Null: its config.json names "
        "them.",
    )
    method: str = _option(
        "auto",
        OneOf("auto", "lora", "full", "head"),
        "What is trained: `lora` small matrices beside every linear layer, `full` the encoder, `head` the last layer; "
        "`auto` as suits the data.",
    )
    classification_head: str = _option(
        "auto",
        OneOf("auto", "linear", "cosine"),
        "The last layer: `linear`, or `cosine`, which compares with each intent's mean; `auto` as suits the data.",
    )
    lora_r: int = _option(16, Integer(1, 1024), "Rank of LoRA's matrices.")
    lora_alpha: float = _option(
        32, Number(0, 4096, open_low=True), "LoRA's scale: its output is multiplied by `lora_alpha / lora_r`."
    )
    lora_dropout: float = _option(0.0, Number(0, 1, open_high=True), "Dropout before LoRA's matrices.")
    lora_target_modules: str | list[str] = _option(
        "all-linear", TargetModules(), "Names of the layers that LoRA adapts, or `all-linear`."
    )
    lora_use_rslora: bool = _option(
        False, Flag(), "Rank-stabilised LoRA: scale by `lora_alpha / sqrt(lora_r)`; for ranks of 32 and above."
    )
    pooling: str = _option(
        "auto",
        OneOf("auto", "mean", "cls"),
        "How token vectors become one: `auto` does as the encoder was made (mean for sentence encoders, else cls).",
    )
    epochs: int = _option(5, Integer(0, 100_000), "Passes through the examples. 0: leave the model untrained.")
    min_steps: int | None = _option(
        None,
        Optional(Integer(0, 10_000_000)),
        "Train for at least this many steps (batches): small data gets more epochs. 0: exactly `epochs`. Null: 600, "
        "and by LoRA on fewer than 2,400 examples fewer, down to 200 on 800.",
    )
    batch_size: int = _option(32, Integer(1, 65_536), "Examples a step.")
    gradient_accumulation_steps: int = _option(
        1, Integer(1, 65_536), "Batches summed before the weights change: a larger batch in the same memory."
    )
    learning_rate: float | None = _option(
        None, Optional(Number(0, 1)), "Peak learning rate of the encoder or LoRA. Null: a good one for the method."
    )
    head_learning_rate: float | None = _option(
        None, Optional(Number(0, 1)), "Peak learning rate of the last layer. Null: a good one for the method."
    )
    weight_decay: float = _option(0.01, Number(0, 1), "AdamW's weight decay; biases and norms have none.")
    warmup_ratio: float = _option(0.05, Number(0, 1), "Share of the steps in which the learning rate rises.")
    lr_scheduler: str = _option(
        "linear",
        OneOf("linear", "cosine", "constant"),
        "Course of the learning rate after the warm-up: down to 0, or constant.",
    )
    max_grad_norm: float = _option(1.0, Number(0), "Longest gradient; a longer one is shortened. 0: no limit.")
    label_smoothing: float = _option(
        0.1, Number(0, 1, open_high=True), "Probability taken from the right intent and spread over all."
    )
    class_weights: str = _option(
        "none", OneOf("none", "balanced"), "`balanced`: rare intents weigh as much in the loss as frequent ones."
    )
    balanced_batches: bool = _option(
        False, Flag(), "Draw every intent equally often, in pairs of examples, instead of weighing it in the loss."
    )
    contrastive_weight: float | None = _option(
        None,
        Optional(Number(0)),
        "Weight of a supervised contrastive term beside cross-entropy. Null: as suits the data. 0: none.",
    )
    contrastive_temperature: float = _option(
        0.1, Number(0, open_low=True), "Temperature of the contrastive term and stage; lower: nearer neighbours count."
    )
    contrastive_stage: str = _option(
        "none",
        OneOf("none", "supervised", "unsupervised"),
        "A contrastive stage before: `supervised` pulls an intent's examples together, `unsupervised` (SimCLR) two "
        "dropout views of a text.",
    )
    contrastive_stage_epochs: int = _option(3, Integer(1, 100_000), "Passes through the texts in that stage.")
    unlabelled_texts: str | None = _option(
        None, Optional(Text()), "File with one text a line that the unsupervised stage also reads. Null: none."
    )
    r_drop: float = _option(
        0.0, Number(0), "Weight of R-Drop: two dropout views of a text must agree. Doubles the time. 0: none."
    )
    ema_decay: float = _option(
        0.0, Number(0, 1, open_high=True), "Average the weights over the steps with this decay, such as 0.99. 0: none."
    )
    reinit_layers: int = _option(
        0, Integer(0, 1000), "Encoder layers to initialise anew, from the top (method full). 0: none."
    )
    layer_lr_decay: float = _option(
        1.0,
        Number(0, 1, open_low=True),
        "Each encoder layer learns at this times the rate of the one above it. 1: all alike.",
    )
    learn_intent_names: bool | None = _option(
        None, Optional(Flag()), "Learn an intent's name as one more example of it. Null: if few are given, and it fits."
    )
    max_length: int = _option(128, Integer(4, 8192), "Longest message in tokens; the rest is cut off.")
    validation_split: float | None = _option(
        None,
        Optional(Number(0, 1, open_high=True)),
        "Share of the examples held out to find the best epoch and to calibrate. Null: 5 % from 50 examples an intent, "
        "to calibrate after the last epoch; else 0.",
    )
    evaluate_on_number_of_examples: int = _option(
        0, Integer(0), "How many examples to hold out, in place of `validation_split`. 0: as `validation_split` says."
    )
    validation_data: str | None = _option(
        None,
        Optional(Text()),
        "File or folder of other examples (Rasa NLU data, or `.jsonl`) in the place of held-out ones: all of the bot's "
        "own are trained on. Keep it away from what `rasa train` reads. Null: none.",
    )
    evaluate_every_number_of_epochs: int = _option(
        1, Integer(-1), "Epochs between two evaluations on the held-out examples. -1: after the last epoch alone."
    )
    early_stopping_patience: int = _option(
        3,
        Integer(0),
        "After `min_steps`, stop at so many evaluations (held-out macro-F1, then loss) without gain. 0: never.",
    )
    engine: str = _option(
        "auto",
        OneOf("auto", "torch", "onnx", "remote"),
        "What serves the model: `onnx` (ONNX Runtime, int8, a CPU: fast, small and soon loaded) or `torch`; `auto` "
        "takes onnx when trained on a CPU, torch on a GPU. `remote`: a server that many bots share.",
    )
    remote_url: str | None = _option(
        None, Optional(Url()), "Of the server that `engine: remote` asks, such as `http://127.0.0.1:5056`."
    )
    remote_timeout: float = _option(
        2.0, Number(0, 600, open_low=True), "Seconds to wait for the server to go on answering, at each try."
    )
    remote_retries: int = _option(1, Integer(0, 10), "Further tries when the server fails, before there is no intent.")
    remote_fallback: str = _option(
        "none",
        OneOf("none", "local"),
        "While the server fails: `none` answers no intent, `local` loads the model here and answers by it.",
    )
    precision: str = _option(
        "auto",
        OneOf("auto", "fp32", "bf16"),
        "Arithmetic: `auto` trains in bf16 where that is measured to be faster; a CPU serves in int8, or by torch in "
        "fp32. `fp32` holds for both, and for the ONNX graph, whose precision training fixes.",
    )
    device: str = _option(
        "auto", Device(), "`cpu`, `cuda`, `cuda:1`, `mps`; `auto` takes one GPU where there is one, else the CPU."
    )
    num_threads: int | None = _option(
        None,
        Optional(Integer(1, 1024)),
        "CPU threads. Null: as many as there are CPUs for us, by the container's quota too. On a busy server 1 is "
        "often fastest.",
    )
    random_seed: int = _option(42, Integer(0, 2**32 - 1), "The same seed, data and machine give the same model.")
    ngram_weight: float | None = _option(
        None,
        Optional(Number(0, 100)),
        "How much a linear classifier of character n-grams counts beside the encoder. Null: as suits the held-out "
        "examples, or a little. 0: none is trained.",
    )
    calibrate_confidences: bool = _option(
        True,
        Flag(),
        "Make confidences as high as intents are right, by held-out examples (`ngram_weight` too) or the recipe.",
    )
    out_of_scope_score: str = _option(
        "distance",
        OneOf("distance", "energy", "none"),
        "By what confidences are lowered for messages unlike all examples: `distance` from the intents, `energy` of "
        "the logits, or `none`. An intent `out_of_scope` is not lowered.",
    )
    ranking_length: int = _option(10, Integer(0), "Intents in the ranking. 0: all.")
    renormalize_confidences: bool = _option(
        False, Flag(), "Make the confidences in a shortened ranking sum to what all of them do."
    )
    store_encoder: bool | None = _option(
        None,
        Optional(Flag()),
        "Store the encoder as before LoRA, to serve by torch and to train on. Null: unless ONNX Runtime serves and the "
        "encoder can be found again. `false`: never; then `engine: auto` takes torch, for a model of a few MB.",
    )
    trained_model: str | None = _option(
        None,
        Optional(Text()),
        "Model that was trained elsewhere, to take instead of training: a directory that `rasa-bert-intent train` "
        "wrote, an archive of Rasa's, or a folder of archives. Null: none.",
    )
    tensorboard_log_directory: str | None = _option(
        None, Optional(Text()), "Directory for TensorBoard's logs. Null: none are written."
    )
    tensorboard_log_level: str = _option(
        "epoch", OneOf("epoch", "batch"), "Log to TensorBoard after every `epoch` or every `batch`."
    )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Options:
        """Checks a component's mapping from `config.yml`, missing keys taking their defaults.

        Raises:
            OptionsError: naming every unknown key, wrong type, value out of range and senseless combination.
        """
        checks = cls._checks()
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        for key, value in config.items():
            if key in _ADDED_BY_RASA:
                continue
            if key not in checks:
                mistakes.append(unknown(str(key), list(checks)))
                continue
            try:
                values[key] = checks[key](value)
            except ValueError as error:
                mistakes.append(f"{key}: expected {error}, got {value!r}")
        options = cls(**values)
        mistakes += contradictions(options)
        if mistakes:
            count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
            raise OptionsError(f"{count} in the options of BertIntentClassifier: " + "; ".join(mistakes) + ".")
        return options

    def with_environment(self, environment: Mapping[str, str] | None = None) -> Options:
        """These options, with the settings of this machine from `RASA_BERT_INTENT_DEVICE` and the like.

        Raises:
            OptionsError: if such a variable holds what the option does not allow.
        """
        environment = os.environ if environment is None else environment
        checks = self._checks()
        changes = {}
        for name in MACHINE_OPTIONS:
            variable = ENVIRONMENT_PREFIX + name.upper()
            if variable not in environment:
                continue
            try:
                changes[name] = checks[name](environment[variable])
            except ValueError as error:
                raise OptionsError(
                    f"environment variable {variable}: expected {error}, got {environment[variable]!r}."
                ) from None
        return replace(self, **changes)

    def without_remote(self) -> Options:
        """These options as they are where the model itself is: for training, and for what serves it."""
        defaults: dict[str, Any] = {f.name: f.default for f in fields(self) if f.name in REMOTE_OPTIONS}
        return replace(self, engine="auto" if self.engine == "remote" else self.engine, **defaults)

    def completed_by(self, recipe: Mapping[str, Any]) -> Options:
        """These options, with those of a recipe that are left open (`auto` or null) taken from it."""
        left_open = [name for name in RECIPE_OPTIONS if getattr(self, name) in ("auto", None)]
        return replace(self, **{name: recipe[name] for name in left_open})

    @property
    def holds_out(self) -> bool:
        """Whether the user asked to hold examples out, or gave others."""
        return bool(self.evaluate_on_number_of_examples or self.validation_split or self.validation_data)

    def to_dict(self) -> dict[str, Any]:
        """The options as a flat mapping that JSON and YAML can hold."""
        return asdict(self)

    @classmethod
    def _checks(cls) -> dict[str, Check]:
        return {f.name: f.metadata["check"] for f in fields(cls)}

    @classmethod
    def describe(cls) -> list[tuple[str, Any, str, str]]:
        """Name, default, allowed values and meaning of every option, in order."""
        return [(f.name, f.default, str(f.metadata["check"]), f.metadata["meaning"]) for f in fields(cls)]
