import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from rasa_bert_intent.errors import ModelError
from rasa_bert_intent.remote.snapshots import Snapshots, change_of


def test_a_copy_that_fails_is_told_and_never_taken_for_a_model(
    quick_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    snapshots, whole = Snapshots(tmp_path), shutil.copyfile

    def half(source: str, target: str, **_: object) -> None:
        if Path(source).name == "model.json":
            raise OSError(28, "No space left on device")
        whole(source, target)

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", half)
        with pytest.raises(ModelError, match="cannot be copied"):
            snapshots.take(quick_model)
    taken = snapshots.take(quick_model)
    assert taken.directory == tmp_path / taken.model
    assert sorted(path.name for path in tmp_path.iterdir()) == [taken.model]


def test_another_model_or_archive_at_a_path_is_a_change_and_nothing_else(tmp_path: Path):
    folder = tmp_path / "models"
    seen = [change_of(folder)]
    folder.mkdir()
    (folder / "a.tar.gz").write_bytes(b"one")
    seen.append(change_of(folder))
    (folder / "notes.txt").write_text("something else")
    assert change_of(folder) == seen[-1]
    (folder / "b.tar.gz").write_bytes(b"two")
    seen.append(change_of(folder))
    os.utime(folder / "b.tar.gz", ns=(1, 1))
    seen.append(change_of(folder))
    (folder / "model.json").write_text("{}")
    seen.append(change_of(folder))
    seen.append(change_of(folder / "a.tar.gz"))
    assert all(first != second for first, second in pairwise(seen))


def test_what_cannot_be_removed_whole_is_no_model_any_more(
    quick_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    snapshots = Snapshots(tmp_path)
    taken, remove = snapshots.take(quick_model), shutil.rmtree

    def half(directory: Path) -> None:
        (directory / "head.safetensors").unlink()
        raise OSError(39, "Directory not empty")

    with monkeypatch.context() as busy:
        busy.setattr(shutil, "rmtree", half)
        snapshots.keep([])
    assert not taken.directory.exists()
    monkeypatch.setattr(shutil, "rmtree", remove)
    assert (snapshots.take(quick_model).directory / "head.safetensors").exists()
    snapshots.keep([taken.model])
    assert sorted(path.name for path in tmp_path.iterdir()) == [taken.model]
