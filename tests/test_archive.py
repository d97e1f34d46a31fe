import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import pytest
from folders import contents

from rasa_bert_intent.archive import model_directory, open_model
from rasa_bert_intent.errors import ModelError


def _archive(path: Path, **components: Path) -> Path:
    """An archive as Rasa writes it, with the files of each component."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, directory in components.items():
            tar.add(directory, f"components/{name}")
    return path


def test_a_file_that_is_no_archive_is_told_in_one_line(tmp_path):
    (tmp_path / "config.yml").write_text("pipeline: []")
    with pytest.raises(ModelError, match=r"config\.yml is damaged or no archive of Rasa") as caught:
        open_model(tmp_path / "config.yml")
    assert "\n" not in str(caught.value)


def test_another_components_file_of_that_name_is_not_taken(quick_model: Path, tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_text("{}")
    archive = _archive(
        tmp_path / "bot.tar.gz", train_Another0=tmp_path / "other", train_BertIntentClassifier1=quick_model
    )
    with model_directory(archive) as directory:
        assert contents(directory) == contents(quick_model)


def test_archive_with_two_models_is_refused_with_their_names(quick_model: Path, tmp_path: Path):
    names = ("train_BertIntentClassifier10", "train_BertIntentClassifier2")
    archive = _archive(tmp_path / "bot.tar.gz", **dict.fromkeys(names, quick_model))
    with pytest.raises(ModelError, match=f"holds several models: '{names[0]}', '{names[1]}'. Leave one in config.yml"):
        open_model(archive)


def test_dangling_link_in_a_folder_of_archives_is_none(quick_model: Path, tmp_path: Path):
    archive = _archive(tmp_path / "models" / "bot.tar.gz", train_BertIntentClassifier1=quick_model)
    (tmp_path / "models" / "latest.tar.gz").symlink_to("none.tar.gz")
    with model_directory(tmp_path / "models") as directory:
        assert contents(directory) == contents(quick_model)
    archive.unlink()
    with pytest.raises(ModelError, match=r"holds neither a model\.json nor an archive"):
        open_model(tmp_path / "models")


def test_the_newest_archive_of_a_folder_is_taken(quick_model: Path, tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_text("{}")
    for age, (name, model) in enumerate({"a": quick_model, "c": tmp_path / "other", "b": tmp_path / "other"}.items()):
        archive = _archive(tmp_path / "models" / f"{name}.tar.gz", train_BertIntentClassifier1=model)
        os.utime(archive, (1_000_000 - age, 1_000_000 - age))
    with model_directory(tmp_path / "models") as directory:
        assert contents(directory) == contents(quick_model)


def test_a_name_that_leads_out_of_the_archive_is_left_there(quick_model: Path, tmp_path: Path, monkeypatch):
    archive = _archive(tmp_path / "bot.tar.gz", train_BertIntentClassifier1=quick_model)
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as evil, tarfile.open(archive) as good:
        for member in good.getmembers():
            evil.addfile(member, good.extractfile(member) if member.isfile() else None)
        for up in range(1, 4):
            member = tarfile.TarInfo("components/train_BertIntentClassifier1/" + "../" * up + "evil")
            member.size = 4
            evil.addfile(member, io.BytesIO(b"evil"))
    scratch = tmp_path / "a" / "b" / "c"
    scratch.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with model_directory(tmp_path / "evil.tar.gz") as directory:
        assert contents(directory) == contents(quick_model)
        assert not list(tmp_path.rglob("evil"))


def test_a_damaged_model_is_told_by_the_archive_that_holds_it(quick_model: Path, tmp_path: Path):
    damaged = Path(shutil.copytree(quick_model, tmp_path / "damaged"))
    (damaged / "head.safetensors").write_bytes(b"nothing")
    archive = _archive(tmp_path / "models" / "bot.tar.gz", train_BertIntentClassifier1=damaged)
    with pytest.raises(ModelError) as caught:
        open_model(tmp_path / "models")
    assert f"{archive}/head.safetensors is damaged" in str(caught.value)
