import logging

import numpy as np
import pytest
import torch
from encoders import FAMILIES, WORDS, make_encoder
from transformers import TrainerCallback

from rasa_bert_intent import IntentModel
from rasa_bert_intent.errors import DataError, ModelError, OptionsError
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.objectives import class_weights
from rasa_bert_intent.training.trainer import OneDeviceArguments
from rasa_bert_intent.training.validation import split


def right(model: IntentModel, examples) -> float:
    texts, intents = examples
    predicted = model.predict_proba(texts).argmax(axis=1)
    return float(np.mean([model.labels[p] == intent for p, intent in zip(predicted, intents, strict=True)]))


@pytest.mark.parametrize("method", ["lora", "full", "head"])
def test_every_method_learns(method, options, examples):
    rates = {"learning_rate": 5e-3, "head_learning_rate": 5e-2}
    model = fit(*examples, options(method=method, epochs=40, **rates), progress=False)
    assert right(model, examples) > 0.9


@pytest.mark.parametrize(("precision", "close"), [("fp32", 1e-4), ("bf16", 5e-3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_lora_finds_its_layers_in_every_family(family, precision, close, tmp_path, options, examples):
    encoder = make_encoder(tmp_path / family, family)
    model = fit(*examples, options(encoder=str(encoder), epochs=1, precision=precision), progress=False)
    before = model.predict_proba(examples[0])
    model.save(tmp_path / "model")
    np.testing.assert_allclose(IntentModel.load(tmp_path / "model").predict_proba(examples[0]), before, atol=close)


def test_lora_trains_its_matrices_and_the_head_alone(options, examples):
    model = fit(*examples, options(classification_head="linear"), progress=False)
    trained = {name for name, parameter in model.network.named_parameters() if parameter.requires_grad}
    assert {"head.weight", "head.bias"} < trained
    assert all("lora_" in name for name in trained - {"head.weight", "head.bias"})


def test_named_layers_alone_get_lora(options, examples):
    model = fit(*examples, options(lora_target_modules=["query", "value"]), progress=False)
    layers = {
        name.split(".lora_")[0].rpartition(".")[2] for name, _ in model.network.named_parameters() if "lora" in name
    }
    assert layers == {"query", "value"}


def test_an_unknown_layer_is_told_with_those_there_are(options, examples):
    with pytest.raises(OptionsError, match=r"no linear layer 'q_lin'; it has dense, key, query, value\."):
        fit(*examples, options(lora_target_modules=["q_lin"]), progress=False)


def test_zero_epochs_leave_the_model_untrained(options, examples):
    model = fit(*examples, options(epochs=0, min_steps=500, classification_head="linear"), progress=False)
    assert model.training["epochs"] == 0
    assert model.predict_proba(examples[0]).max() < 0.5


def test_small_data_gets_more_epochs(options, examples, caplog):
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(epochs=2, min_steps=30, batch_size=8), progress=False)
    assert model.training["epochs"] == 10  # 24 examples are 3 steps
    assert "2 epochs would be 6 steps: training 10 epochs to make min_steps: 30." in caplog.text


def test_the_best_epoch_is_restored(options, examples):
    changes = {"epochs": 12, "learning_rate": 1e-2, "validation_split": 0.25, "early_stopping_patience": 0}
    model = fit(*examples, options(**changes), progress=False)
    report = model.training
    _, held_out = split(model, *examples)
    assert report["held_out"] == len(held_out) == 6
    held = list(held_out.texts), [model.labels[column] for column in held_out.labels]
    assert right(model, held) == pytest.approx(report["dev_accuracy"])


def test_without_a_wish_to_hold_out_the_last_epoch_is_kept_though_an_earlier_one_scored_better(options, examples):
    # 60 an intent: 5 % are held out to calibrate.
    texts, intents = [f"{text} {number}" for number in range(10) for text in examples[0]], examples[1] * 10
    changes = {"epochs": 4, "learning_rate": 0, "head_learning_rate": 0, "early_stopping_patience": 1}
    model = fit(texts, intents, options(**changes), progress=False)
    assert model.training["held_out"] == 12
    assert model.training["epochs"] == model.training["best_epoch"] == 4
    chosen = fit(texts, intents, options(validation_split=0.05, **changes), progress=False)
    assert (chosen.training["epochs"], chosen.training["best_epoch"]) == (2, 1)


def test_training_stops_early_when_it_gets_no_better(options, examples):
    model = fit(
        *examples,
        options(epochs=50, learning_rate=0, head_learning_rate=0, validation_split=0.25, early_stopping_patience=2),
        progress=False,
    )
    assert model.training["best_epoch"] == 1
    assert model.training["epochs"] == 3


def test_training_does_not_stop_before_its_least_steps(options, examples):
    changes = {"min_steps": 30, "validation_split": 0.25, "early_stopping_patience": 2}
    model = fit(*examples, options(**changes, learning_rate=0, head_learning_rate=0), progress=False)
    assert model.training["steps"] >= 30
    assert model.training["best_epoch"] == 1


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_too_little_memory_is_told_with_what_to_do(error, options, examples, monkeypatch):
    def run_out(*_, **__):
        raise error

    monkeypatch.setattr("rasa_bert_intent.training.fit.run_epochs", run_out)
    with pytest.raises(OptionsError, match=r"^batch_size: 8 examples a step take more memory than cpu has free"):
        fit(*examples, options(batch_size=8), progress=False)


def test_evaluation_after_the_last_epoch_alone(options, examples):
    changes = {"epochs": 4, "validation_split": 0.25, "evaluate_every_number_of_epochs": -1}
    assert fit(*examples, options(**changes), progress=False).training["best_epoch"] == 4


def test_intents_with_one_example_train(options):
    model = fit(["hi", "bye", "play"], ["a", "b", "c"], options(validation_split=0.5), progress=False)
    assert model.labels == ["a", "b", "c"]


def test_one_intent_is_nothing_to_train_on(options):
    with pytest.raises(DataError, match=r"at least 2 intents, found 1\. Add another"):
        fit(["hi", "hey"], ["a", "a"], options())


def test_the_same_seed_gives_the_same_model(options, examples):
    first, same, other = (
        fit(*examples, options(random_seed=seed), progress=False).predict_proba(examples[0]) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


def test_training_leaves_no_trace_in_the_process(options, examples):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    fit(*examples, options(num_threads=threads + 1), progress=False)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_the_summary_is_one_line_that_tells_all(options, examples, caplog):
    with caplog.at_level(logging.INFO, logger="rasa_bert_intent.training.fit"):
        fit(*examples, options(validation_split=0.25), progress=False)
    line = caplog.records[-1].getMessage()
    for part in ("24 examples", "4 intents", "lora", "trainable parameters", "best epoch", "macro-F1", " s."):
        assert part in line
    assert "\n" not in line


def test_progress_goes_to_standard_error_with_loss_and_scores(options, examples, capfd):
    fit(*examples, options(validation_split=0.25))
    captured = capfd.readouterr()
    assert captured.out == ""
    for part in ("loss=", "dev_acc=", "dev_f1="):
        assert part in captured.err


def test_no_progress_when_told_so(options, examples, capfd):
    fit(*examples, options(validation_split=0.25), progress=False)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_training_on_goes_on_from_the_model(options, examples, tmp_path):
    rates = {"learning_rate": 5e-3, "head_learning_rate": 5e-2}
    fit(*examples, options(epochs=40, **rates), progress=False).save(tmp_path)
    scores = []
    for _ in range(2):  # chained
        model = IntentModel.load(tmp_path, trainable=True)
        model = fit(
            *examples, options(epochs=1, learning_rate=1e-5, head_learning_rate=1e-5), start=model, progress=False
        )
        model.save(tmp_path)
        scores.append(right(IntentModel.load(tmp_path), examples))
    assert min(scores) > 0.9


def test_training_on_calibrates_by_nothing_that_was_learnt_before(options, tmp_path):
    texts = [f"{word} {number}" for number in range(52) for word in ("hello", "bye")]
    intents = [text.split()[0] for text in texts]
    fit(texts[:98], intents[:98], options(epochs=1), progress=False).save(tmp_path)
    model = IntentModel.load(tmp_path, trainable=True)
    before = model.calibration
    model = fit(texts, intents, options(epochs=1), start=model, progress=False)
    assert (model.training["held_out"], model.calibration) == (0, before)


def test_training_on_with_a_new_intent_is_refused(options, examples, tmp_path):
    fit(*examples, options(), progress=False).save(tmp_path)
    model = IntentModel.load(tmp_path, trainable=True)
    with pytest.raises(ModelError, match="does not know the intent 'new'"):
        fit(["hi", "there"], ["greet", "new"], options(), start=model)


def test_training_on_keeps_intents_without_new_examples(options, examples, tmp_path):
    fit(*examples, options(), progress=False).save(tmp_path)
    model = fit(["hi", "bye"], ["greet", "bye"], options(), start=IntentModel.load(tmp_path, trainable=True))
    assert model.labels == ["bye", "greet", "lights_off", "play_music"]


def test_too_long_a_length_is_told_with_the_limit(options, examples):
    with pytest.raises(OptionsError, match=r"max_length: .* reads at most 66 tokens, got 500"):
        fit(*examples, options(max_length=500))


def test_a_long_message_is_cut(options, examples):
    model = fit(*examples, options(max_length=8), progress=False)
    long = model.predict_proba(["play some jazz music please " * 100, "play some jazz music please " * 2])
    np.testing.assert_allclose(long[0], long[1], atol=1e-6)


def test_bf16_trains_and_serves_close_to_fp32(options, examples):
    bf16 = fit(*examples, options(precision="bf16", epochs=1), progress=False)
    assert bf16.bf16
    assert bf16.training["precision"] == "bf16"
    exact = fit(*examples, options(precision="fp32", epochs=1), progress=False)
    np.testing.assert_allclose(bf16.predict_proba(examples[0]), exact.predict_proba(examples[0]), atol=0.05)


def test_gradient_accumulation_makes_fewer_steps(options, examples, caplog):
    changes = {"batch_size": 4, "gradient_accumulation_steps": 3, "epochs": 1, "min_steps": 4}
    assert fit(*examples, options(**changes), progress=False).training["epochs"] == 2  # 6 batches are 2 steps


def test_balanced_weights_make_intents_equal():
    weights = class_weights([0] * 6 + [1] * 2, num_labels=3, kind="balanced")
    assert weights.tolist() == pytest.approx([8 / 12, 8 / 4, 1])


@pytest.mark.parametrize("accumulated", [1, 4])
def test_balanced_weights_count_in_batches_of_one_too(accumulated, options, examples):
    few = examples[0][:9], [*["often"] * 8, "rare"]
    changes = {"batch_size": 1, "gradient_accumulation_steps": accumulated, "method": "head", "precision": "fp32"}
    changes["epochs"] = 20
    kinds = ("none", "balanced")
    plain, balanced = (fit(*few, options(class_weights=kind, **changes), progress=False) for kind in kinds)
    assert not np.allclose(plain.head["weight"], balanced.head["weight"], atol=1e-4)


@pytest.mark.parametrize(
    ("texts", "intents", "message"),
    [
        (["hi", "hey", "bye"], ["greet", "bye"], "found 3 texts and 2 intents"),
        (["hi", None, 7], ["greet", "greet", "bye"], "must be str, found NoneType, int"),
    ],
)
def test_lists_that_are_no_examples(texts, intents, message, options):
    with pytest.raises(DataError, match=message):
        fit(texts, intents, options(), progress=False)


def test_several_visible_gpus_are_not_all_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert OneDeviceArguments(output_dir=str(tmp_path), chosen_device="cpu", report_to=[]).n_gpu <= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_the_cpu_serves(options, examples, tmp_path):
    model = fit(*examples, options(device="cuda"), progress=False)
    assert model.training["device"].startswith("cuda")
    model.save(tmp_path)
    served = IntentModel.load(tmp_path, options(device="cpu"))
    np.testing.assert_allclose(served.predict_proba(examples[0]), model.predict_proba(examples[0]), atol=0.05)


@pytest.mark.slow
def test_ten_thousand_intents_train(options, tmp_path):
    texts = [f"{first} {second} {third}" for first in WORDS for second in WORDS for third in WORDS][:10_000]
    intents = [f"intent_{number}" for number in range(len(texts))]
    fit(texts, intents, options(epochs=1, batch_size=256), progress=False).save(tmp_path / "model")
    assert IntentModel.load(tmp_path / "model").predict_proba(texts[:3]).shape == (3, 10_000)


def test_a_watcher_is_told_of_every_epoch_and_may_end_the_training(options, examples):
    class Watcher(TrainerCallback):
        def on_epoch_end(self, args, state, control, **_):
            assert model.network.training
            seen.append((round(state.epoch), model.predict_logits(["hello"]).shape))
            if len(seen) == 3:
                raise InterruptedError

    seen: list[tuple[int, tuple[int, ...]]] = []
    model: IntentModel

    def watch(trained: IntentModel) -> TrainerCallback:
        nonlocal model
        model = trained
        return Watcher()

    with pytest.raises(InterruptedError):
        fit(*examples, options(epochs=9), progress=False, watch=watch)
    assert seen == [(1, (1, 4)), (2, (1, 4)), (3, (1, 4))]
