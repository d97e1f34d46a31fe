import logging

import numpy as np
import pytest

from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.tensorboard import confusion_matrix, reliability_diagram

pytest.importorskip("tensorboard")


def logs(directory):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(directory)).Reload()


def test_curves_scores_options_and_pictures(options, examples, tmp_path):
    changes = {"tensorboard_log_directory": str(tmp_path), "validation_split": 0.25, "epochs": 3}
    fit(*examples, options(**changes), progress=False)
    (folder,) = tmp_path.iterdir()
    log = logs(folder)
    curves = {"train/loss", "train/learning_rate", "train/grad_norm", "eval/loss", "eval/accuracy", "eval/macro_f1"}
    assert curves <= set(log.Tags()["scalars"])
    assert len(log.Scalars("eval/accuracy")) == len(log.Scalars("train/loss")) == 3
    assert 0 <= log.Scalars("final/accuracy")[0].value <= 1
    assert set(log.Tags()["images"]) == {"held-out/confusion matrix", "held-out/reliability"}
    assert log.Images("held-out/reliability")[0].encoded_image_string.startswith(b"\x89PNG")
    hparams = log.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"lora_r" in hparams
    assert b"lr_scheduler" in hparams


def test_every_batch_on_request(options, examples, tmp_path):
    changes = {"tensorboard_log_directory": str(tmp_path), "tensorboard_log_level": "batch", "batch_size": 6}
    fit(*examples, options(**changes, epochs=2), progress=False)
    (folder,) = tmp_path.iterdir()
    assert [scalar.step for scalar in logs(folder).Scalars("train/loss")] == list(range(1, 9))


def test_the_home_directory_may_be_written_as_a_tilde(options, examples, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO):
        fit(*examples, options(tensorboard_log_directory="~/tb"), progress=False)
    (folder,) = (tmp_path / "home" / "tb").iterdir()
    assert logs(folder).Scalars("train/loss")
    assert f"tensorboard --logdir {tmp_path / 'home' / 'tb'}" in caplog.text


def test_each_training_has_a_folder_of_its_own_and_needs_no_held_out_examples(options, examples, tmp_path):
    for seed in (1, 2):
        fit(*examples, options(tensorboard_log_directory=str(tmp_path), random_seed=seed), progress=False)
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 2
    assert not logs(folders[0]).Tags()["images"]


def test_without_matplotlib_the_scores_are_there(options, examples, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with caplog.at_level(logging.INFO):
        fit(*examples, options(tensorboard_log_directory=str(tmp_path), validation_split=0.25), progress=False)
    assert "it needs matplotlib" in caplog.text
    (folder,) = tmp_path.iterdir()
    assert logs(folder).Scalars("final/macro_f1")


def test_missing_tensorboard_names_the_extra(options, examples, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(BertIntentError, match=r"pip install 'rasa-bert-intent\[tensorboard\]'"):
        fit(*examples, options(tensorboard_log_directory=str(tmp_path)), progress=False)


def test_a_directory_that_is_a_file_is_told_in_one_line(options, examples, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BertIntentError, match=r"tensorboard_log_directory: .* cannot be written .* Name another"):
        fit(*examples, options(tensorboard_log_directory=str(tmp_path / "file")), progress=False)


def test_the_confusion_matrix_shows_shares_and_counts_of_what_occurs():
    pytest.importorskip("matplotlib")
    figure = confusion_matrix(np.array([0, 0, 0, 2]), np.array([0, 0, 2, 2]), ["hi", "never", "bye"])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["hi", "bye"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[2 / 3, 1 / 3], [0, 1]])
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1", "2"]


def test_of_very_many_intents_the_confusion_matrix_shows_those_taken_for_others():
    pytest.importorskip("matplotlib")
    labels = np.repeat(np.arange(150), 2)
    answers = np.where(labels == 140, 149, labels)
    axes = confusion_matrix(labels, answers, [str(number) for number in range(150)]).figure.axes[0]
    drawn = [label.get_text() for label in axes.get_yticklabels()]
    assert len(drawn) == 100
    assert drawn[-2:] == ["140", "149"]


def test_the_reliability_diagram_shows_the_share_that_is_right_of_each_confidence():
    pytest.importorskip("matplotlib")
    figure = reliability_diagram(np.array([0.95, 1.0, 0.91, 0.25]), np.array([True, True, False, False]))
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights[9] == pytest.approx(2 / 3)
    assert [bar.get_height() for bar in figure.axes[1].patches][2] == 1


def test_dollars_in_a_name_are_drawn_as_they_are(tmp_path):
    figure = pytest.importorskip("matplotlib.figure")
    names = ["$0_to_$50", "under_$5", "free"]
    drawn = confusion_matrix(np.arange(3), np.arange(3), names)
    assert isinstance(drawn, figure.Figure)
    drawn.savefig(tmp_path / "drawn.png")


@pytest.mark.parametrize(
    ("method", "told"), [("add_scalar", "gets no more of this training's curves"), ("add_hparams", "are not whole")]
)
def test_what_cannot_be_written_costs_no_training(method, told, options, examples, tmp_path, monkeypatch, caplog):
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, method, full)
    logged = {"tensorboard_log_directory": str(tmp_path), "epochs": 2}
    assert fit(*examples, options(**logged), progress=False).labels
    lines = [record.message for record in caplog.records if "TensorBoard" in record.message]
    assert len([line for line in lines if told in line and "No space left on device" in line]) == 1


def test_what_cannot_be_drawn_costs_no_training(options, examples, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("rasa_bert_intent.training.tensorboard.reliability_diagram", lambda *_: [][0])
    logged = {"tensorboard_log_directory": str(tmp_path), "validation_split": 0.25}
    assert fit(*examples, options(**logged), progress=False).labels
    assert "TensorBoard gets no picture of the reliability: list index out of range" in caplog.text
