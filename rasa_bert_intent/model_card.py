"""A model's card: Markdown with the metadata of the Hugging Face hub, of what the model itself holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import DataError, name_some
from rasa_bert_intent.reports.markdown import cell, count, table

_WORST_SHOWN = 5
_METADATA = "library_name: rasa-bert-intent"
# What a card takes of a report, see `rasa_bert_intent.reports.evaluation.Evaluation`.
_OF_REPORT = (
    "data",
    "examples",
    "accuracy",
    "macro_f1",
    "ece",
    "intents",
    "unknown_intents",
    "fallback",
    "out_of_scope",
)
_OF_AN_INTENT = ("intent", "support", "f1")
# Named elsewhere in the card, of the machine that trained, or files of that machine.
_NO_RECIPE = (
    *("encoder", "encoder_revision", "adapter", "engine", "device", "num_threads"),
    *("adapter_labels", "unlabelled_texts", "validation_data", "tensorboard_log_directory", "tensorboard_log_level"),
)


def check_card(file: Path) -> None:
    """Refuses a file for a card that holds something else; a card of ours is replaced, edited or not.

    Raises:
        DataError: if it does.
    """
    content = file.read_text("utf-8", "replace") if file.is_file() else ""
    metadata = content.split("---\n")[1] if content.startswith("---\n") else ""
    if content and _METADATA not in metadata:
        raise DataError(f"--output: {file} is there and no card that was written by us. Name another, or delete it.")


def read_report(path: Path) -> dict[str, Any]:
    """The JSON that `rasa-bert-intent evaluate --output` wrote.

    Raises:
        DataError: if it is none.
    """
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"--report: {path} cannot be read as JSON ({error}). Give evaluate's report.json.") from None
    missing = [key for key in _OF_REPORT if not isinstance(report, dict) or key not in report]
    if not missing and not isinstance(report["intents"], list):
        missing = ["intents"]
    for score in () if missing else report["intents"]:
        missing += [f"intents: {key}" for key in _OF_AN_INTENT if not isinstance(score, dict) or key not in score]
    if missing:
        raise DataError(f"--report: {path} lacks {missing[0]!r}. Give the report.json of this version's evaluate.")
    return report


def model_card(manifest: Mapping[str, Any], report: Mapping[str, Any] | None = None) -> str:
    """The card.

    Args:
        manifest: Of the model, see `rasa_bert_intent.storage.read_manifest`.
        report: `dataclasses.asdict` of an `Evaluation` of the model; None: its scores are not told.

    Raises:
        DataError: if the report is of another model.
    """
    from huggingface_hub import ModelCard

    if report:
        _require_same_model(manifest, report)
    sections = [
        f"# {cell(_title(manifest))}",
        *_use(manifest),
        *_data(manifest),
        *_training(manifest),
        *(_scores(report) if report else ()),
        *_limits(manifest, report),
        *_labels(manifest),
    ]
    # The library reads it as the hub does: what its metadata do not allow raises here.
    return str(ModelCard(f"---\n{_metadata(manifest, report)}\n---\n\n" + "\n\n".join(sections) + "\n"))


def _require_same_model(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    scored = {score["intent"] for score in report["intents"]} - {*report["unknown_intents"]}
    if foreign := sorted(scored - {*manifest["labels"]}):
        raise DataError(
            f"--report: it is of another model, which gives the intents {name_some(foreign)}. Evaluate this one."
        )


def _metadata(manifest: Mapping[str, Any], report: Mapping[str, Any] | None) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    scores = []
    if report:
        scores = [
            EvalResult(
                task_type="text-classification",
                dataset_type="custom",  # the hub wants an id of its own here, which the data have not
                dataset_name=_name(report["data"]),
                metric_type=kind,
                metric_name=name,
                metric_value=round(report[key], 4),
            )
            for key, kind, name in (
                ("accuracy", "accuracy", "Accuracy"),
                ("macro_f1", "f1", "Macro-F1"),
                ("ece", "ece", "Expected calibration error"),
            )
        ]
    card = ModelCardData(
        base_model=_hub_id(manifest),
        library_name="rasa-bert-intent",
        pipeline_tag="text-classification",
        tags=["rasa", "intent-classification"],
        model_name=_title(manifest) if scores else None,
        eval_results=scores or None,
    )
    return card.to_yaml()


def _title(manifest: Mapping[str, Any]) -> str:
    return f"Intents by {_name(manifest['encoder']['name'])}"


def _use(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Gives a message one of {count(len(manifest['labels']), 'intent')}, with a confidence. Trained by "
        f"rasa-bert-intent {manifest['version']}, as a component of Rasa's NLU pipeline or by itself."
    )
    yield '```sh\nrasa-bert-intent predict MODEL "a message"\n```'


def _data(manifest: Mapping[str, Any]) -> Iterator[str]:
    training, options = manifest["training"], Options.from_config(manifest["options"])
    yield "## Data"
    told = f"{count(training['examples'], 'example')} of {count(training['intents'], 'intent')}"
    if not training["held_out"]:
        yield f"{told}; none was held out."
        return
    purposes = ["to choose the epoch"] if options.holds_out else []
    purposes += ["to calibrate the confidences"] if options.calibrate_confidences else []
    number = training["held_out"]
    held_out = f"and {number} others" if options.validation_data else f"{number} of them held out"
    yield f"{told}, {held_out}{' ' + ' and '.join(purposes) if purposes else ''}."


def _training(manifest: Mapping[str, Any]) -> Iterator[str]:
    training, encoder, options = manifest["training"], manifest["encoder"], manifest["options"]
    yield "## Training"
    revision = f", revision {encoder['revision']}" if encoder["revision"] else ""
    facts = {
        "encoder": f"{_name(encoder['name'])} ({encoder['model_type']}{revision})",
        "SHA-256 of its weights": encoder["sha256"],
        **({"adapter to start from": _name(options["adapter"])} if options["adapter"] else {}),
        "method": f"{options['method']}, {training['trainable_parameters']:,} trainable parameters",
        "epochs": f"{training['epochs']}, the model is that after {training['best_epoch']}",
        **_dev_scores(training),
        "precision, device": f"{training['precision']}, {training['device']}",
        "served by": training["engine"],
        "seconds": f"{training['seconds']:,.0f}",
    }
    yield table(["", ""], [[key, cell(value)] for key, value in facts.items()], "ll")
    changed = {
        name: options[name]
        for name, default, _, _ in Options.describe()
        if name not in _NO_RECIPE and options[name] != default
    }
    if changed:
        yield "Options that differ from the defaults, those that the data chose among them:"
        yield f"```yaml\n{yaml.safe_dump(changed, sort_keys=False, allow_unicode=True)}```"


def _dev_scores(training: Mapping[str, Any]) -> dict[str, str]:
    if training["dev_accuracy"] is None:
        return {}
    scores = f"accuracy {training['dev_accuracy']:.4f}, macro-F1 {training['dev_macro_f1']:.4f}"
    return {"held-out examples, then": f"{scores}, by the encoder alone"}


def _scores(report: Mapping[str, Any]) -> Iterator[str]:
    yield "## Scores"
    yield f"Of {count(report['examples'], 'example')}, {cell(_name(report['data']))}:"
    rows = [["accuracy", report["accuracy"]], ["macro-F1", report["macro_f1"]], ["calibration error", report["ece"]]]
    if report["out_of_scope"]:
        rows.append(["out-of-scope AUROC", report["out_of_scope"]["auroc"]])
    yield table(["", "score"], [[name, f"{value:.4f}"] for name, value in rows], "lr")
    chosen = report["fallback"]["chosen"]
    told = f"With FallbackClassifier's threshold at {chosen['threshold']:.2f}, {chosen['answered']:.1%} are answered"
    told += f", of these {chosen['right_of_answered']:.1%} rightly" if chosen["right_of_answered"] is not None else ""
    if report["out_of_scope"]:
        outside = count(report["out_of_scope"]["examples"], "message")
        told += f"; of {outside} out of scope {chosen['refused']:.1%} are refused"
    yield f"{told}."


def _limits(manifest: Mapping[str, Any], report: Mapping[str, Any] | None) -> Iterator[str]:
    training, options = manifest["training"], manifest["options"]
    yield "## Limits"
    limits = [
        "A message is given one intent, never several, and none that is not listed below.",
        f"Of a longer message the first {options['max_length']} tokens are read."
        if manifest["truncation_side"] == "right"
        else f"Of a longer message the last {options['max_length']} tokens are read.",
        f"Confidences are fitted to {count(training['held_out'], 'held-out example')}."
        if training["held_out"] and options["calibrate_confidences"] and training["epochs"]
        else "Confidences are not fitted to held-out examples: they may be off.",
        f"Confidences are lowered for messages unlike all examples ({options['out_of_scope_score']})."
        if manifest["scope"]
        else "Confidences are not lowered for messages unlike all examples.",
        "The language of the examples, and the licences of examples and encoder, are not recorded in the model.",
    ]
    if report:
        limits += _limits_of_scores(manifest, report)
    else:
        limits.append("No scores are told: `rasa-bert-intent card --report` takes those of `evaluate`.")
    yield "\n".join(f"- {limit}" for limit in limits)


def _limits_of_scores(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    tested = [score for score in report["intents"] if score["support"]]
    worst = [f"{cell(score['intent'])} ({score['f1']:.2f})" for score in tested if score["f1"] < 1][:_WORST_SHOWN]
    if worst:
        yield f"Lowest F1: {', '.join(worst)}."
    untested = sorted({*manifest["labels"]} - {score["intent"] for score in tested})
    if untested:
        yield f"Not among the examples scored: {', '.join(map(cell, untested))}."


def _labels(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "## Intents"
    yield ", ".join(map(cell, manifest["labels"]))


def _hub_id(manifest: Mapping[str, Any]) -> str | None:
    """The encoder's id on the hub; None: it was a directory, which nobody else can find."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    name = manifest["encoder"]["name"]
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return None if Path(name).is_dir() else name


def _name(path: str) -> str:
    """A hub id as it is; of a path the last part: the folders of a machine are nobody's business."""
    name = path if path.count("/") == 1 and path[0] not in "./~" else Path(path).name
    return name if name.strip(".") else "a local folder"  # `.` is another elsewhere
