import errno
import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from rasa_bert_intent.data.output import as_os_errors, check_output, replaced_folder, whole_file
from rasa_bert_intent.errors import DataError


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini"])
def test_what_a_desktop_leaves_in_a_folder_is_nothing(name: str, tmp_path: Path):
    output, source = tmp_path / "output", tmp_path / "table.csv"
    (output / "train").mkdir(parents=True)
    (output / "train" / name).touch()
    check_output(output, source, force=False)
    (output / "train" / "nlu.yml").touch()
    check_output(output, source, force=True)
    with pytest.raises(DataError, match="is not empty"):
        check_output(output, source, force=False)


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


def test_what_a_killed_process_left_is_put_back_and_cleared_away(tmp_path: Path):
    for name, age in ((".model.01234567.partial", 8), (".model.89abcdef.partial", 1), (".model.01234567.former", 8)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
        os.utime(tmp_path / name, (time.time() - age * 86_400,) * 2)
    with replaced_folder(tmp_path / "model") as fresh:
        assert (tmp_path / "model" / "file").read_text() == ".model.01234567.former"
        (fresh / "file").write_text("new")
    assert (tmp_path / "model" / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model.89abcdef.partial", "model"]


def test_a_file_system_that_cannot_wait_for_a_folder_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wait = os.fsync

    def of_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        wait(handle)

    monkeypatch.setattr(os, "fsync", of_files)
    with replaced_folder(tmp_path / "model") as fresh:
        (fresh / "file").write_text("new")
    assert (tmp_path / "model" / "file").read_text() == "new"


def test_a_file_that_does_not_reach_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match="cannot be written"), whole_file(tmp_path / "file") as fresh:
        fresh.write_text("new")
    assert not list(tmp_path.iterdir())
