"""A training that is stopped goes on from its checkpoint as if it had not been."""

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from rasa_bert_intent import Options, fit, runtime
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training.checkpoints import Checkpoints

Examples = tuple[list[str], list[str]]

# Steps of an epoch: 24 examples, without those held out, in batches of 5.
_CHANGES: list[dict[str, Any]] = [
    {"method": "lora"},
    {"method": "full", "classification_head": "linear", "r_drop": 1.0},
    {"method": "head", "classification_head": "linear", "balanced_batches": True},
    {"method": "lora", "validation_split": 0.25, "early_stopping_patience": 1, "epochs": 6},
    {"method": "lora", "ema_decay": 0.9, "gradient_accumulation_steps": 2},
    {"method": "lora", "contrastive_stage": "unsupervised", "contrastive_stage_epochs": 2},
]


class Stop(Exception):
    pass


class Steps(TrainerCallback):
    """Counts the steps of the epochs, and stops after one."""

    def __init__(self, last: int | None) -> None:
        self.done: list[int] = []
        self._last = last

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.done.append(state.global_step)
        if state.global_step == self._last:
            raise Stop


def _train(
    examples: Examples, options: Options, folder: Path | None, every: int = 3, stop: int | None = None
) -> tuple[IntentModel | None, list[int]]:
    steps = Steps(stop)
    with Checkpoints(folder, every) if folder else nullcontext() as checkpoints:
        try:
            model = fit(*examples, options, progress=False, watch=lambda _: steps, checkpoints=checkpoints)
        except Stop:
            return None, steps.done
    return model, steps.done


def _weights(model: IntentModel | None) -> dict[str, bytes]:
    assert model is not None
    return {name: value.detach().numpy().tobytes() for name, value in model.network.named_parameters()}


@pytest.mark.parametrize("changes", _CHANGES, ids=lambda changes: " ".join(map(str, changes.values())))
def test_stopped_training_ends_with_the_same_weights(
    changes: dict[str, Any], examples: Examples, options: Callable[..., Options], tmp_path: Path
):
    chosen = options(**{"epochs": 3, "batch_size": 5, **changes})
    whole, all_steps = _train(examples, chosen, None)
    assert _train(examples, chosen, tmp_path, stop=4)[1] == [1, 2, 3, 4]  # in the midst of an epoch, and beyond 3
    _, steps = _train(examples, chosen, tmp_path, stop=5)
    assert steps[0] == 4
    model, steps = _train(examples, chosen, tmp_path)
    assert steps[0] == 4
    assert steps[-1] == all_steps[-1]
    assert _weights(model) == _weights(whole)
    assert model is not None
    assert whole is not None
    for key in ("steps", "epochs", "best_epoch", "dev_accuracy", "dev_macro_f1"):
        assert model.training[key] == whole.training[key]


def test_checkpoint_at_the_end_of_an_epoch_holds_its_evaluation(
    examples: Examples, options: Callable[..., Options], tmp_path: Path
):
    chosen = options(method="lora", epochs=3, batch_size=6, validation_split=0.25)  # 3 steps an epoch
    whole, _ = _train(examples, chosen, None)
    _train(examples, chosen, tmp_path, stop=4)
    model, steps = _train(examples, chosen, tmp_path)
    assert steps == [4, 5, 6, 7, 8, 9]
    assert _weights(model) == _weights(whole)
    assert model is not None
    assert whole is not None
    assert model.training["best_epoch"] == whole.training["best_epoch"]


def test_contrastive_stage_is_gone_on_with_too(examples: Examples, options: Callable[..., Options], tmp_path: Path):
    chosen = options(method="lora", contrastive_stage="supervised", contrastive_stage_epochs=2, batch_size=5, epochs=1)
    whole, _ = _train(examples, chosen, None)
    # Stopped before the first checkpoint of the epochs: the stage's last one, of step 9 of 10, is taken.
    _train(examples, chosen, tmp_path, stop=2)
    assert [path.name for path in (tmp_path / "stage").iterdir() if path.name != "partial"] == ["checkpoint-9"]
    model, steps = _train(examples, chosen, tmp_path)
    assert steps == [1, 2, 3, 4, 5]
    assert _weights(model) == _weights(whole)


def test_what_a_kill_left_of_a_checkpoint_is_not_taken_for_one(
    examples: Examples, options: Callable[..., Options], tmp_path: Path
):
    chosen = options(method="head", batch_size=5)
    _train(examples, chosen, tmp_path, stop=4)
    half = tmp_path / "epochs" / "partial" / "checkpoint-6"
    half.mkdir(parents=True, exist_ok=True)
    (half / "model.safetensors").write_bytes(b"half")
    model, steps = _train(examples, chosen, tmp_path)
    assert steps[0] == 4
    assert model is not None
    assert [path.name for path in (tmp_path / "epochs").glob("checkpoint-*")] == ["checkpoint-9"]


def test_checkpoints_hold_what_is_trained_alone(examples: Examples, options: Callable[..., Options], tmp_path: Path):
    from safetensors.numpy import load_file

    model, _ = _train(examples, options(method="lora", batch_size=5), tmp_path)
    assert model is not None
    weights = load_file(tmp_path / "epochs" / "checkpoint-9" / "model.safetensors")
    assert sum(value.size for value in weights.values()) == model.training["trainable_parameters"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 9}, "it holds checkpoints of a training with epochs: 2. Repeat that command"),
        ({"random_seed": 7, "batch_size": 8}, "of a training with batch_size: 5, random_seed: 42"),
        ("examples", "it holds checkpoints of other examples. Repeat that command, or name another folder."),
    ],
)
def test_checkpoints_of_another_training_are_refused(
    change: Any, message: str, examples: Examples, options: Callable[..., Options], tmp_path: Path
):
    base = {"method": "head", "batch_size": 5}
    _train(examples, options(**base), tmp_path, stop=4)
    texts, intents = examples
    if change == "examples":
        texts, change = [*texts[:-1], "another text"], {}
    with pytest.raises(BertIntentError, match=f"--checkpoints {tmp_path}: ") as told:
        _train((texts, intents), options(**{**base, **change}), tmp_path)
    assert message in str(told.value)
    # How a model is served, and on what, is no other training.
    model, _ = _train(examples, options(**base, num_threads=1, ranking_length=3), tmp_path)
    assert model is not None


def test_checkpoints_of_an_encoder_with_another_tokenizer_are_refused(
    examples: Examples, options: Callable[..., Options], tiny_encoder: Path, tmp_path: Path
):
    encoder = Path(shutil.copytree(tiny_encoder, tmp_path / "encoder"))
    base = options(method="head", batch_size=5, encoder=str(encoder))
    _train(examples, base, tmp_path / "checkpoints", stop=4)
    tokenizer = encoder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(BertIntentError, match="it holds checkpoints of another encoder"):
        _train(examples, base, tmp_path / "checkpoints")


def test_folders_that_cannot_be_used_are_told_in_one_line(
    examples: Examples, options: Callable[..., Options], tmp_path: Path
):
    chosen = options(method="head")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BertIntentError, match="file/in: it cannot be written"):
        _train(examples, chosen, tmp_path / "file" / "in")
    with pytest.raises(BertIntentError, match="it holds 'file', which is no checkpoint"):
        _train(examples, chosen, tmp_path)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "training.json").write_text("{")
    with pytest.raises(BertIntentError, match=r"its training.json is damaged"):
        _train(examples, chosen, tmp_path / "damaged")


@pytest.mark.parametrize("first", [True, False])
def test_goes_on_in_the_precision_in_which_it_began(
    first: bool, examples: Examples, options: Callable[..., Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    chosen = options(method="lora", epochs=2, batch_size=5, device="cpu")
    monkeypatch.setattr(runtime, "bf16_pays", lambda _: first)
    whole, _ = _train(examples, chosen, None)
    _train(examples, chosen, tmp_path, stop=5)
    monkeypatch.setattr(runtime, "bf16_pays", lambda _: not first)
    other, _ = _train(examples, chosen, None)
    model, steps = _train(examples, chosen, tmp_path)
    assert steps[0] == 4
    assert whole is not None
    assert model is not None
    assert model.training["precision"] == whole.training["precision"] == ("bf16" if first else "fp32")
    assert _weights(model) == _weights(whole) != _weights(other)


def test_removed_checkpoints_leave_what_is_not_theirs(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path / "kept", 1)
    checkpoints.claim({"examples": "", "encoder": "", "options": {}}, "fp32")
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    checkpoints.of("epochs").begin()
    checkpoints.remove()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["notes.txt"]
    other = Checkpoints(tmp_path / "other", 1)
    other.claim(json.loads('{"examples": "", "encoder": "", "options": {}}'), "fp32")
    other.remove()
    assert not (tmp_path / "other").exists()
    (tmp_path / "theirs" / "epochs" / "checkpoint-400").mkdir(parents=True)
    Checkpoints(tmp_path / "theirs", 1).remove()  # it was not claimed: no step was to be made
    assert (tmp_path / "theirs" / "epochs" / "checkpoint-400").exists()
