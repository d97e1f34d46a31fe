"""Reads the component's options from Rasa's `config.yml` or a plain mapping, and writes its entry. Needs no Rasa."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import OptionsError

_CLASS = "BertIntentClassifier"
COMPONENT = f"rasa_bert_intent.{_CLASS}"


class _Loader(yaml.SafeLoader):
    """Expands `${VARIABLE}` where it stands without quotes, as Rasa does, and says which value cannot be read."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:  # of a date such as 2024-13-45, or `!!int ''`
            raise yaml.constructor.ConstructorError(None, None, f"{node.value}: {error},", node.start_mark) from None

    def expanded(self, node: yaml.ScalarNode) -> str:
        """The text with the values of the variables in it."""
        text = os.path.expandvars(node.value)
        if any(word.startswith("$") and word in node.value for word in text.split()):
            raise ValueError("an environment variable in it is not set")
        return text


_Loader.add_implicit_resolver("!env_var", re.compile(r"^.*\$\{.*\}.*$"), None)
_Loader.add_constructor("!env_var", _Loader.expanded)


def read_config(path: Path) -> dict[str, Any]:
    """The component's mapping, unchecked.

    Args:
        path: A `config.yml` of Rasa, whose pipeline has the component once, or YAML of its options alone.

    Raises:
        OptionsError: naming the file, if it cannot be read or does not hold the component once.
    """
    try:
        content = yaml.load(path.read_bytes(), _Loader)
    except OSError as error:
        raise OptionsError(f"--config: {path} cannot be read ({error.strerror}). Check the path.") from None
    except yaml.YAMLError as error:
        raise OptionsError(f"--config: {path} cannot be read as YAML: {_in_one_line(error)}. Mend it.") from None
    if not isinstance(content, dict):
        raise OptionsError(f"--config: {path} is neither a config.yml of Rasa nor a mapping of options.")
    if "pipeline" not in content:
        return content
    pipeline = content["pipeline"] if isinstance(content["pipeline"], list) else []
    components = [entry if isinstance(entry, dict) else {"name": entry} for entry in pipeline]
    ours = [entry for entry in components if str(entry.get("name")).split(".")[-1] == _CLASS]
    if len(ours) != 1:
        names = ", ".join(str(entry.get("name")) for entry in components) or "nothing"
        raise OptionsError(
            f"--config: the pipeline in {path} has {_CLASS} {len(ours)} times, expected once; it has {names}."
        )
    return {key: value for key, value in ours[0].items() if key != "name"}


def write_entry(options: Mapping[str, Any]) -> str:
    """The component's entry as YAML, a list with one mapping: those of the options that are not the defaults."""
    shown = {
        name: options[name] for name, default, *_ in Options.describe() if name in options and options[name] != default
    }
    return yaml.safe_dump([{"name": COMPONENT, **shown}], sort_keys=False, allow_unicode=True)


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
            options[key.strip()] = yaml.load(value, _Loader)
        except yaml.YAMLError as error:
            raise OptionsError(f"--option {pair}: the value cannot be read as YAML: {_in_one_line(error)}.") from None
    return options


def _in_one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
