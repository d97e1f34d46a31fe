import pytest

from rasa_bert_intent.archive import open_model
from rasa_bert_intent.errors import ModelError


def test_a_file_that_is_no_archive_is_told_in_one_line(tmp_path):
    (tmp_path / "config.yml").write_text("pipeline: []")
    with pytest.raises(ModelError, match=r"config\.yml is damaged or no archive of Rasa") as caught:
        open_model(tmp_path / "config.yml")
    assert "\n" not in str(caught.value)
