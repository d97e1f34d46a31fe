import tarfile
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
