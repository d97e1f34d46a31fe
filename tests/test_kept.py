from pathlib import Path

import pytest
from folders import may_be_cleaned

from rasa_bert_intent.kept import keep, release

pytest.importorskip("fcntl")


def test_a_folder_is_kept_until_it_is_released(tmp_path: Path):
    first, second = keep(tmp_path), keep(tmp_path)
    release(first)
    assert not may_be_cleaned(tmp_path)
    release(second)
    assert may_be_cleaned(tmp_path)
