"""What an import costs: Rasa imports the component for every command."""

import subprocess
import sys

import pytest
from bot import environment


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("rasa_bert_intent", ["torch", "transformers", "peft", "rasa", "tensorflow", "sklearn"]),
        ("rasa_bert_intent.cli", ["torch", "transformers", "peft", "rasa", "tensorflow"]),
        ("rasa_bert_intent.classifier", ["torch", "transformers", "peft"]),
    ],
)
def test_import_brings_no_heavy_library(module: str, absent: list[str]):
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=300, check=True
    )
    assert done.stdout.strip() == "[]"
