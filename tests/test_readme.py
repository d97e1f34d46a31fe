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
from rasa_bert_intent.training.fit import fit

README = Path(__file__).parents[1] / "README.md"


def options_table() -> str:
    """Of `docs/options.md`, from the options themselves."""
    rows = ["| option | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for name, default, allowed, meaning in Options.describe():
        shown = default if isinstance(default, str) else json.dumps(default)  # null and true as YAML has them
        rows.append(f"| `{name}` | `{shown}` | {allowed} | {meaning} |")
    return "\n".join(rows)


def test_every_option_is_listed_as_it_is():
    assert options_table() in (README.parent / "docs" / "options.md").read_text("utf-8")


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

    section = _section("Train on another machine")
    config = yaml.safe_load(*re.findall(r"```yaml\n(.*?)```", section, re.DOTALL))
    quick = {"encoder": str(make_encoder(tmp_path / "encoder")), "epochs": 1, "min_steps": 0, "max_length": 32}
    config["pipeline"][0].update(quick)
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config), "utf-8")
    (tmp_path / "data").mkdir()
    nlu = [{"intent": "greet", "examples": "- hi\n- hey\n"}, {"intent": "bye", "examples": "- bye\n- see you\n"}]
    (tmp_path / "data" / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}), "utf-8")
    printed = _run(_commands(section), tmp_path)
    assert "trained_model: trained" in printed
    assert "Taken from trained, nothing is trained" in printed
    assert len(list((tmp_path / "models").glob("*.tar.gz"))) == 1


def test_the_readmes_scoring_of_a_file_runs_as_it_stands(tmp_path, options, examples):
    fit(*examples, options(method="head"), progress=False).save(tmp_path / "models")
    (tmp_path / "messages.csv").write_text("id,message\n1,hello\n2,\n3,bye\n", "utf-8")
    assert "3 rows: 2 scored, 1 bad, in 1 chunks" in _run(_commands(_section("Score a file of any size")), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text("utf-8").splitlines()]
    assert [(row["row"], row["text"]) for row in rows] == [(1, "hello"), (3, "bye")]


def _section(title: str) -> str:
    return README.read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


def _commands(section: str) -> str:
    return "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def _run(commands: str, folder: Path) -> str:
    """What commands print, both streams in order; they stop at the first that fails."""
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
