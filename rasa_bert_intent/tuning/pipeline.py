"""The component's entry in `config.yml`: read, and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import DataError

COMPONENT = "rasa_bert_intent.BertIntentClassifier"


def read_entry(path: Path) -> dict[str, Any]:
    """The options that the component's entry in a `config.yml` sets, unchecked.

    Raises:
        DataError: if the file cannot be read, or has no such entry, or several.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"--config: {path} cannot be read as YAML ({' '.join(str(error).split())}).") from None
    pipeline = content.get("pipeline") if isinstance(content, dict) else None
    if not isinstance(pipeline, list):
        raise DataError(f"--config: {path} has no pipeline. Give the bot's config.yml.")
    entries = [entry for entry in pipeline if isinstance(entry, dict) and entry.get("name") == COMPONENT]
    if len(entries) != 1:
        found = "no entry" if not entries else f"{len(entries)} entries"
        raise DataError(f"--config: {path} has {found} `- name: {COMPONENT}` in its pipeline; give one with one.")
    return {str(key): value for key, value in entries[0].items() if key != "name"}


def entry(config: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """The entry as YAML, a list with one mapping: the options that are not the classifier's defaults."""
    values = {**config, **changes}
    shown = {
        name: values[name] for name, default, *_ in Options.describe() if name in values and values[name] != default
    }
    return yaml.safe_dump([{"name": COMPONENT, **shown}], sort_keys=False, allow_unicode=True)
