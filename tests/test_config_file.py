import sys
from pathlib import Path

import pytest

from rasa_bert_intent.config_file import parse_options, read_config
from rasa_bert_intent.errors import OptionsError

BOT = """
recipe: default.v1
pipeline:
- name: WhitespaceTokenizer
- name: {name}
  epochs: 3
  learning_rate: 2e-4
- name: FallbackClassifier
"""


def _config(folder: Path, content: str) -> Path:
    (folder / "config.yml").write_text(content, "utf-8")
    return folder / "config.yml"


@pytest.mark.parametrize(
    "content",
    [
        BOT.format(name="rasa_bert_intent.BertIntentClassifier"),
        BOT.format(name="rasa_bert_intent.classifier.BertIntentClassifier"),
        BOT.format(name="BertIntentClassifier"),
        "epochs: 3\nlearning_rate: 2e-4\n",
    ],
)
def test_options_are_those_of_the_component_or_the_whole_file(content: str, tmp_path: Path):
    assert read_config(_config(tmp_path, content)) == {"epochs": 3, "learning_rate": "2e-4"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("pipeline:\n- name: DIETClassifier\n", r"has BertIntentClassifier 0 times, expected once; it has DIETCl"),
        ("pipeline:\n", "it has nothing"),
        ("pipeline:\n- BertIntentClassifier\n- BertIntentClassifier\n", "2 times, expected once"),
        ("- epochs: 3\n", "neither a config.yml of Rasa nor a mapping"),
        ("", "neither a config.yml of Rasa nor a mapping"),
        ("epochs: 3\nencoder_revision: 2024-13-45\n", "YAML: 2024-13-45: month must be in 1..12, in .*line 2"),
        (
            "epochs: 3\nencoder: ${NO_SUCH_VARIABLE}/mine\n",
            "/mine: an environment variable in it is not set, in .*line 2",
        ),
        ("epochs: [3\n", "cannot be read as YAML: .*line 2"),
    ],
)
def test_other_files_are_refused_in_one_line(content: str, message: str, tmp_path: Path):
    with pytest.raises(OptionsError, match=message) as caught:
        read_config(_config(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_variables_of_the_environment_are_expanded_as_by_rasa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODELS", "/models")
    content = "a: ${MODELS}/bert-$MODELS\nb: $MODELS\nc: '${MODELS}'\nd: x${NO_SUCH_VARIABLE}\n"
    read = read_config(_config(tmp_path, content))
    assert read == {"a": "/models/bert-/models", "b": "$MODELS", "c": "${MODELS}", "d": "x${NO_SUCH_VARIABLE}"}
    if sys.version_info < (3, 11):
        from rasa.shared.utils.io import read_yaml_file

        assert read_yaml_file(tmp_path / "config.yml") == read


@pytest.mark.parametrize(
    "pair",
    ["encoder_revision=2024-13-45", "encoder=[a", "x=!!int ''", "x=!!bool foo", "x=!!timestamp foo", "x=!env_var [a]"],
)
def test_value_that_cannot_be_read_is_told_in_one_line(pair: str):
    with pytest.raises(OptionsError, match=r"^--option .*: the value cannot be read as YAML: ") as caught:
        parse_options([pair])
    assert "\n" not in str(caught.value)


def test_values_on_the_command_line_are_yaml():
    pairs = ["epochs=4", "lora_target_modules=[q_lin, v_lin]", "store_encoder=false", "num_threads=null", "encoder=a=b"]
    assert parse_options(pairs) == {
        "epochs": 4,
        "lora_target_modules": ["q_lin", "v_lin"],
        "store_encoder": False,
        "num_threads": None,
        "encoder": "a=b",
    }
