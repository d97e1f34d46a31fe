"""What Rasa reads off the component's class, before there is a component."""

import importlib
import inspect

import pytest

pytest.importorskip("rasa", reason="Rasa needs Python 3.10")

import pkg_resources
from rasa.engine.recipes.default_recipe import DefaultV1Recipe

import rasa_bert_intent
from rasa_bert_intent import BertIntentClassifier


def test_rasa_knows_it_as_a_trainable_intent_classifier():
    entry = DefaultV1Recipe._registered_components["BertIntentClassifier"]
    assert entry.clazz is BertIntentClassifier
    assert entry.is_trainable
    assert entry.types == {DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER}


def test_the_class_lives_where_archives_look_for_it():
    assert BertIntentClassifier.__module__ == "rasa_bert_intent.classifier"
    assert rasa_bert_intent.BertIntentClassifier is BertIntentClassifier


@pytest.mark.parametrize("method", ["train", "process"])
def test_no_further_positional_argument_breaks_the_graph(method):
    parameters = list(inspect.signature(getattr(BertIntentClassifier, method)).parameters.values())[1:]
    assert len([p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]) == 1


def test_it_needs_no_component_before_it():
    assert BertIntentClassifier.required_components() == []


def test_its_packages_are_importable_and_have_versions():
    for package in BertIntentClassifier.required_packages():
        importlib.import_module(package)
        assert pkg_resources.get_distribution(package).version
