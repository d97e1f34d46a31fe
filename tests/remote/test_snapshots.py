import shutil
from pathlib import Path

import pytest

from rasa_bert_intent.errors import ModelError
from rasa_bert_intent.remote.snapshots import Snapshots


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
