"""What TensorBoard shows of a training: curves, options with their scores, and two pictures of the held-out answers."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn.metrics
from transformers import TrainerCallback

from rasa_bert_intent.errors import BertIntentError, first_line
from rasa_bert_intent.home import expanded
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import accuracy, confidence_bins, expected_calibration_error, macro_f1
from rasa_bert_intent.training.batching import Examples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

_BINS = 10
_INCHES_A_LABEL = 0.22
_MOST_LABELS = 100


class TensorBoardLogs:
    """The logs of one training, in a folder of its own: TensorBoard compares folders.

    Args:
        directory: Of all trainings; the folder is named after the time.
        option: What names it, for errors.

    Raises:
        BertIntentError: if TensorBoard is not installed, or the folder cannot be written.
    """

    def __init__(self, directory: str, option: str = "tensorboard_log_directory") -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise BertIntentError(
                f"{option} needs TensorBoard, which is not installed: "
                "pip install 'rasa-bert-intent[tensorboard]', or remove the option."
            ) from None
        folder = expanded(directory) / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise BertIntentError(
                f"{option}: {folder} cannot be written ({error.strerror}). Name another directory."
            ) from None
        self._writer = SummaryWriter(log_dir=str(folder))

    def curves(self) -> TrainerCallback:
        """Loss, learning rate and gradient norm, and the held-out scores, as training goes on."""
        from transformers.integrations import TensorBoardCallback

        return _Guarded(TensorBoardCallback(tb_writer=self._writer))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Adds a point to a curve."""
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes what is not written yet."""
        self._writer.close()

    def finish(self, model: IntentModel, held_out: Examples) -> None:
        """Writes the options with the final scores, and pictures of the answers to the held-out examples.

        Args:
            model: Trained and calibrated.
            held_out: Not trained on; without any there are no scores and no pictures.
        """
        options = {name: value for name, value in model.options.to_dict().items() if value is not None}
        scores: dict[str, float] = {}
        if len(held_out):
            confidences = model.predict_proba(held_out.texts, model.batch_as_served)
            labels, answers = np.asarray(held_out.labels), confidences.argmax(axis=1)
            sure, right = confidences.max(axis=1), answers == labels
            scores = {
                "final/accuracy": accuracy(labels, answers),
                "final/macro_f1": macro_f1(labels, answers),
                "final/calibration_error": expected_calibration_error(sure, right),
            }
            self._draw(lambda: confusion_matrix(labels, answers, model.labels), "confusion matrix")
            self._draw(lambda: reliability_diagram(sure, right), "reliability")
        hparams = {
            name: value if isinstance(value, bool | int | float) else str(value) for name, value in options.items()
        }
        try:
            self._writer.add_hparams(hparams, scores or {"final/examples": float(len(held_out))}, run_name=".")
            self.close()
        except Exception as error:  # what cannot be written must not cost a trained model
            logger.warning(f"TensorBoard's logs of this training are not whole: {first_line(error)}")
            return
        logger.info(f"TensorBoard shows this training by: tensorboard --logdir {Path(self._writer.log_dir).parent}")

    def _draw(self, figure: Any, name: str) -> None:
        try:
            self._writer.add_figure(f"held-out/{name}", figure())
        except ImportError:
            logger.info(f"TensorBoard gets no picture of the {name}: it needs matplotlib, which is not installed.")
        except Exception as error:  # what cannot be drawn must not cost a trained model
            logger.warning(f"TensorBoard gets no picture of the {name}: {first_line(error)}")


class _Guarded(TrainerCallback):
    """Tells another callback of the training until it fails, which must not cost the training."""

    def __init__(self, curves: TrainerCallback) -> None:
        self._curves: TrainerCallback | None = curves

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._tell("on_train_begin", args, state, control, **kwargs)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._tell("on_log", args, state, control, **kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._tell("on_train_end", args, state, control, **kwargs)

    def _tell(self, event: str, *args: Any, **kwargs: Any) -> None:
        if self._curves is None:
            return
        try:
            getattr(self._curves, event)(*args, **kwargs)
        except Exception as error:
            logger.warning(f"TensorBoard gets no more of this training's curves: {first_line(error)}")
            self._curves = None


def confusion_matrix(labels: np.ndarray, answers: np.ndarray, names: list[str]) -> Figure:
    """Which intent was given to the examples of each, as shares of a row.

    Args:
        labels: Right columns, `[examples]`.
        answers: Columns given, `[examples]`.
        names: Of the columns; those that occur are drawn, of very many those that are taken for others most often.
    """
    shown = np.union1d(labels, answers)
    if len(shown) > _MOST_LABELS:  # a picture grows with their square
        wrong = labels != answers
        mistaken = np.bincount(labels[wrong], minlength=len(names)) + np.bincount(answers[wrong], minlength=len(names))
        shown = np.sort(shown[np.argsort(-mistaken[shown], kind="stable")[:_MOST_LABELS]])
    counts = sklearn.metrics.confusion_matrix(labels, answers, labels=shown)
    figure = _figure(3 + _INCHES_A_LABEL * len(shown))
    axes = figure.add_subplot()
    picture = axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    ticks = np.arange(len(shown))
    written = [names[column].replace("$", r"\$") for column in shown]  # what stands between two is else mathematics
    axes.set_xticks(ticks, written, rotation=90, fontsize=7)
    axes.set_yticks(ticks, written, fontsize=7)
    axes.set(xlabel="answer", ylabel="intent")
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = counts[row, column] > counts[row].sum() / 2
        color = "white" if dark else "black"
        axes.text(column, row, counts[row, column], ha="center", va="center", fontsize=6, color=color)
    figure.colorbar(picture, shrink=0.6, label="share of the intent's examples")
    return figure


def reliability_diagram(confidences: np.ndarray, right: np.ndarray) -> Figure:
    """How often answers of each confidence are right, and how many there are.

    Args:
        confidences: Of the answers, `[examples]`, 0 to 1.
        right: Whether each is, `[examples]`.
    """
    bins = confidence_bins(confidences, right, _BINS)
    counts = [each.right + each.wrong for each in bins]
    shares = [each.right / max(count, 1) for each, count in zip(bins, counts, strict=True)]
    figure = _figure(5)
    upper, lower = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    middles = [(each.lower + each.upper) / 2 for each in bins]
    upper.bar(middles, shares, width=0.9 / _BINS, label="found")
    upper.plot([0, 1], [0, 1], "--", color="grey", label="as it should be")
    upper.set(ylabel="share that is right", ylim=(0, 1))
    upper.legend(loc="upper left")
    lower.bar(middles, counts, width=0.9 / _BINS, color="grey")
    lower.set(xlabel="confidence", ylabel="examples", xlim=(0, 1))
    return figure


def _figure(inches: float) -> Figure:
    # Not by pyplot: it keeps a list of figures, and may look for a screen.
    from matplotlib.figure import Figure

    return Figure(figsize=(inches, inches), layout="constrained")
