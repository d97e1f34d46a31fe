import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

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


@pytest.mark.slow
def test_the_readmes_training_on_another_machine_runs_as_it_stands(tmp_path):
    pytest.importorskip("rasa", reason="Rasa needs Python 3.10")
    from encoders import make_encoder

    section = README.read_text("utf-8").split("\n## Train on another machine\n")[1].split("\n## ")[0]
    config = yaml.safe_load(*re.findall(r"```yaml\n(.*?)```", section, re.DOTALL))
    quick = {"encoder": str(make_encoder(tmp_path / "encoder")), "epochs": 1, "min_steps": 0, "max_length": 32}
    config["pipeline"][0].update(quick)
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config), "utf-8")
    (tmp_path / "data").mkdir()
    nlu = [{"intent": "greet", "examples": "- hi\n- hey\n"}, {"intent": "bye", "examples": "- bye\n- see you\n"}]
    (tmp_path / "data" / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}), "utf-8")
    printed = ""
    for commands in re.findall(r"```sh\n(.*?)```", section, re.DOTALL):
        done = subprocess.run(
            ["bash", "-ec", commands],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        printed += done.stdout
    assert "trained_model: trained" in printed
    assert "Taken from trained, nothing is trained" in printed
    assert len(list((tmp_path / "models").glob("*.tar.gz"))) == 1
