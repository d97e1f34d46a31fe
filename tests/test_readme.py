import json
from pathlib import Path

from rasa_bert_intent.config import Options

README = Path(__file__).parents[1] / "README.md"


def options_table() -> str:
    """The README's table of options, from the options themselves."""

    rows = ["| option | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for name, default, allowed, meaning in Options.describe():
        shown = default if isinstance(default, str) else json.dumps(default)  # null and true as YAML has them
        rows.append(f"| `{name}` | `{shown}` | {allowed} | {meaning} |")
    return "\n".join(rows)


def test_the_readme_lists_every_option_as_it_is():
    assert options_table() in README.read_text("utf-8")
