import json
import re
from pathlib import Path

import numpy as np

from rasa_bert_intent import IntentModel
from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import find_encoder

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


def test_the_readmes_python_runs_and_plain_peft_gives_our_logits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL):
        # transformers by itself knows of no package that carries the encoder
        local = str(find_encoder(Options().encoder).path)
        exec(code.replace('base = "sentence-transformers/all-MiniLM-L6-v2"', f"base = {local!r}"), found)
    ours = IntentModel.load(tmp_path / "my_model").predict_logits(["good evening"])
    np.testing.assert_allclose(found["logits"].detach().numpy(), ours, atol=1e-4)
