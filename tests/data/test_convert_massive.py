"""The converter on the real data set, where it is."""

import gzip
import io
import tarfile

import pytest
from folders import contents

from rasa_bert_intent.data.convert import convert
from rasa_bert_intent.data.massive import SPLITS, read_locales


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-SA", "hi-IN"])
def test_every_row_is_read_back_by_rasa(massive_dir, tmp_path, locale):
    loading = pytest.importorskip("rasa.shared.nlu.training_data.loading", reason="Rasa needs Python 3.10")
    if not (massive_dir / f"{locale}.jsonl").is_file():
        pytest.skip(f"{massive_dir} has no {locale}.jsonl")
    (summary,) = convert(massive_dir, tmp_path, locales=[locale])
    assert (summary.left_out, summary.lost_entities) == (0, 0)
    assert summary.rows == {"train": 11514, "dev": 2033, "test": 2974}
    expected = {split: set() for split in SPLITS}  # a set: Rasa drops repeated examples
    for _, rows in read_locales(massive_dir, [locale]):
        for row in rows:
            entities = tuple((e.start, e.end, e.type, row.text[e.start : e.end]) for e in row.entities)
            expected[row.split].add((row.intent, row.text, entities))
    for split in SPLITS:
        read = [
            (
                message.get("intent"),
                message.get("text"),
                tuple((e["start"], e["end"], e["entity"], e["value"]) for e in message.get("entities", [])),
            )
            for message in loading.load_data(str(tmp_path / split / "nlu.yml")).training_examples
        ]
        assert len(read) == len(expected[split])
        # Compared by count alone where they differ: rows of the test split are not to be printed.
        different = len(set(read) ^ expected[split])
        assert different == 0


def test_archive_of_two_locales_equals_their_folder(massive_dir, tmp_path):
    archive = tmp_path / "massive.tar.gz"
    with gzip.open(archive, "wb", compresslevel=1) as zipped, tarfile.open(fileobj=zipped, mode="w|") as tar:
        for locale in ("ja-JP", "en-US"):
            content = (massive_dir / f"{locale}.jsonl").read_bytes()
            member = tarfile.TarInfo(f"1.1/data/{locale}.jsonl")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    convert(archive, tmp_path / "a", locales=None)
    convert(massive_dir, tmp_path / "b", locales=["en-US", "ja-JP"])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
