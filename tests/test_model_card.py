import json
import re
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.model_card import model_card, read_report
from rasa_bert_intent.reports.evaluation import Prediction, evaluate
from rasa_bert_intent.storage import read_manifest
from rasa_bert_intent.training.fit import fit


@pytest.fixture(scope="module")
def trained(
    examples: tuple[list[str], list[str]], tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The manifest of a model that was trained, saved and read."""
    config = {"encoder": str(tiny_encoder), "lora_r": 4, "validation_split": 0.25, "epochs": 1, "max_length": 32}
    directory = tmp_path_factory.mktemp("trained") / "model"
    fit(*examples, Options.from_config({**config, "min_steps": 0, "engine": "torch"}), progress=False).save(directory)
    return read_manifest(directory)


@pytest.fixture
def manifest(trained: dict[str, Any]) -> dict[str, Any]:
    """To be changed."""
    return deepcopy(trained)


@pytest.fixture
def report() -> dict[str, Any]:
    predictions = [
        Prediction("hi", "greet", 0.9),
        Prediction("ciao", "greet", 0.7),
        Prediction("off", "lights_off", 0.8),
    ]
    outside = [Prediction("vote", "bye", 0.3)]
    truth = ["greet", "bye", "lights_off"]
    labels = ["bye", "greet", "lights_off", "play_music"]
    return asdict(evaluate(predictions, truth, labels, out_of_scope=outside, data="/home/me/secret/test.yml"))


def test_metadata_are_what_the_hub_reads(manifest: dict[str, Any], report: dict[str, Any]):
    data = ModelCard(model_card(manifest, report)).data
    assert data.pipeline_tag == "text-classification"
    assert data.library_name == "rasa-bert-intent"
    assert data.base_model is None  # a directory of this machine
    scores = {(result.metric_type, result.metric_name): result.metric_value for result in data.eval_results or []}
    assert scores == {
        ("accuracy", "Accuracy"): 0.6667,
        ("f1", "Macro-F1"): round(report["macro_f1"], 4),
        ("ece", "Expected calibration error"): round(report["ece"], 4),
    }
    assert {result.dataset_name for result in data.eval_results or []} == {"test.yml"}


@pytest.mark.parametrize(
    ("name", "base_model"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("distilbert-base-uncased", "distilbert-base-uncased"),
        ("/home/me/encoders/mine", None),
        ("../mine", None),
    ],
)
def test_encoder_is_the_base_model_where_the_hub_has_it(manifest: dict[str, Any], name: str, base_model: str | None):
    manifest["encoder"]["name"] = name
    card = model_card(manifest)
    assert ModelCard(card).data.base_model == base_model
    assert "/home/me" not in card


def test_folder_without_a_name_is_called_one(manifest: dict[str, Any], report: dict[str, Any]):
    manifest["encoder"]["name"], report["data"] = "..", "."
    data = ModelCard(model_card(manifest, report)).data
    assert data.model_name == "Intents by a local folder"
    assert {result.dataset_name for result in data.eval_results or []} == {"a local folder"}


def test_card_tells_what_the_manifest_holds(manifest: dict[str, Any]):
    card = model_card(manifest)
    training = manifest["training"]
    assert f"{training['examples']} examples of 4 intents, {training['held_out']} of them held out" in card
    assert manifest["encoder"]["sha256"] in card
    assert f"accuracy {training['dev_accuracy']:.4f}, macro-F1 {training['dev_macro_f1']:.4f}, by the encoder" in card
    assert f"{training['trainable_parameters']:,} trainable parameters" in card
    assert f"rasa-bert-intent {manifest['version']}" in card
    options = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert options["lora_r"] == 4
    assert options["validation_split"] == 0.25
    assert all(manifest["options"][name] == value for name, value in options.items())
    assert not {"encoder", "device", "tensorboard_log_directory"} & options.keys()
    assert card.rstrip().endswith("bye, greet, lights_off, play_music")


def test_without_a_report_no_score_is_claimed(manifest: dict[str, Any]):
    card = model_card(manifest)
    assert ModelCard(card).data.eval_results is None
    assert "## Scores" not in card
    assert "No scores are told" in card


def test_limits_name_the_worst_intents_and_those_that_were_not_scored(manifest: dict[str, Any], report: dict[str, Any]):
    card = model_card(manifest, report)
    assert "- Lowest F1: bye (0.00), greet (0.67)." in card
    assert "- Not among the examples scored: play_music." in card
    assert "secret" not in card
    assert "of 1 message out of scope 100.0% are refused" in card


def test_confidences_are_said_to_be_fitted_only_where_they_are(manifest: dict[str, Any]):
    held_out = manifest["training"]["held_out"]
    assert f"Confidences are fitted to {held_out} held-out examples." in model_card(manifest)
    manifest["training"]["held_out"] = 0
    assert "Confidences are not fitted" in model_card(manifest)


def test_report_of_another_model_is_refused(manifest: dict[str, Any], report: dict[str, Any]):
    report["intents"][0]["intent"] = "order_pizza"
    with pytest.raises(DataError, match="it is of another model, which gives the intents 'order_pizza'"):
        model_card(manifest, report)
    report["unknown_intents"] = ["order_pizza"]
    assert "order_pizza (" in model_card(manifest, report)


def test_adapter_is_named_without_its_folder(manifest: dict[str, Any]):
    manifest["options"] |= {"adapter": "/home/me/adapters/mine"}
    card = model_card(manifest)
    assert re.search(r"\| adapter to start from +\| mine ", card)
    assert "/home/me" not in card


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read as JSON"), ("[]", "lacks 'data'"), ('{"data": "x"}', "lacks 'examples'"), (None, "No such")],
)
def test_report_that_is_none_is_told_in_one_line(tmp_path: Path, content: str | None, message: str):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_report(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_report_whose_intents_are_none_is_told(tmp_path: Path, report: dict[str, Any]):
    for intents, lacks in (([{"name": "greet"}], "intents: intent"), (None, "intents")):
        (tmp_path / "report.json").write_text(json.dumps({**report, "intents": intents}))
        with pytest.raises(DataError, match=f"lacks '{lacks}'"):
            read_report(tmp_path / "report.json")


def test_report_is_read_as_it_was_written(tmp_path: Path, report: dict[str, Any]):
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert read_report(tmp_path / "report.json") == report
