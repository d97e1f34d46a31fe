from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from rasa_bert_intent.data.output import as_os_errors, replaced_folder
from rasa_bert_intent.errors import DataError


def test_what_cannot_be_written_is_told_and_the_former_folder_stays(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "former").touch()
    with pytest.raises(DataError, match="model cannot be written"), replaced_folder(tmp_path / "model") as fresh:
        save_file({"weights": np.zeros(4)}, fresh / "none" / "weights.safetensors")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "former"]


def test_a_full_disk_is_an_os_error_to_torch_too_and_nothing_else_is():
    with pytest.raises(OSError, match="inline_container"), as_os_errors():
        torch.save(torch.zeros(100_000), "/dev/full")
    with pytest.raises(RuntimeError, match="another"), as_os_errors():
        raise RuntimeError("another")
