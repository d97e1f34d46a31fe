"""Reads the component's options from a file: Rasa's `config.yml`, or a plain mapping. Needs no Rasa."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from rasa_bert_intent.errors import OptionsError

_COMPONENT = "BertIntentClassifier"


def read_config(path: Path) -> dict[str, Any]:
    """The component's mapping, unchecked.

    Args:
        path: A `config.yml` of Rasa, whose pipeline has the component once, or YAML of its options alone.

    Raises:
        OptionsError: naming the file, if it cannot be read or does not hold the component once.
    """
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise OptionsError(f"--config: {path} cannot be read ({error.strerror}). Check the path.") from None
    except yaml.YAMLError as error:
        raise OptionsError(f"--config: {path} is not YAML: {_in_one_line(error)}. Mend it.") from None
    if not isinstance(content, dict):
        raise OptionsError(f"--config: {path} is neither a config.yml of Rasa nor a mapping of options.")
    if "pipeline" not in content:
        return content
    components = [entry if isinstance(entry, dict) else {"name": entry} for entry in content["pipeline"] or ()]
    ours = [entry for entry in components if str(entry.get("name")).split(".")[-1] == _COMPONENT]
    if len(ours) != 1:
        names = ", ".join(str(entry.get("name")) for entry in components) or "nothing"
        raise OptionsError(
            f"--config: the pipeline in {path} has {_COMPONENT} {len(ours)} times, expected once; it has {names}."
        )
    return {key: value for key, value in ours[0].items() if key != "name"}


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Options given as `key=value`, each value written as in YAML; unchecked.

    Raises:
        OptionsError: naming what is not written so.
    """
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise OptionsError(f"--option: expected key=value, such as epochs=4, got {pair!r}.")
        try:
            options[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise OptionsError(f"--option {pair}: the value is not YAML: {_in_one_line(error)}.") from None
    return options


def _in_one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
