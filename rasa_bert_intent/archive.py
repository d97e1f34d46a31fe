"""Opens a trained model wherever it lies: a model's own directory, Rasa's archive, or a folder of archives."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from rasa_bert_intent.errors import ModelError, name_some
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.storage import HEAD, MANIFEST


def open_model(path: Path) -> IntentPredictor:
    """Loads the model at a path, to serve.

    Args:
        path: As for `model_directory`.

    Raises:
        ModelError: if there is none, or it is damaged.
    """
    with model_directory(path) as directory:
        return load_to_serve(directory)


@contextmanager
def model_directory(path: Path) -> Iterator[Path]:
    """The directory of the model at a path; it may be gone after the block.

    Args:
        path: A model's directory, an archive of Rasa (`.tar.gz`), or a folder of archives, whose newest is taken.

    Raises:
        ModelError: if there is none, or an archive holds several.
    """
    if (path / MANIFEST).is_file():
        yield path
        return
    if path.is_dir():
        archives = [file for file in path.glob("*.tar.gz") if file.is_file()]
        if not archives:
            raise ModelError(f"{path} holds neither a {MANIFEST} nor an archive (.tar.gz). Train a model first.")
        path = max(archives, key=lambda file: file.stat().st_mtime)
    if not path.is_file():
        raise ModelError(f"{path} does not exist. Give a model's directory, or an archive that rasa train wrote.")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            yield _extract(path, Path(scratch))
        except ModelError as error:  # of a place that nobody will find
            raise ModelError(str(error).replace(scratch, str(path))) from None


def _extract(archive: Path, scratch: Path) -> Path:
    """Copies the classifier's files out of Rasa's archive; names in it are not trusted as paths."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            names = [PurePosixPath(member.name) for member in tar.getmembers() if member.isfile()]
            # Another component may have a file of the manifest's name, but no head beside it.
            with_manifest, with_head = (
                {name.parent for name in names if name.name == file and ".." not in name.parts}
                for file in (MANIFEST, HEAD)
            )
            homes = sorted(with_manifest & with_head)
            if not homes:
                raise ModelError(f"{archive} holds no BertIntentClassifier. Add it to config.yml and train again.")
            if len(homes) > 1:
                held = name_some([home.name for home in homes])
                raise ModelError(f"{archive} holds several models: {held}. Leave one in config.yml and train again.")
            for member in tar.getmembers():
                name = PurePosixPath(member.name)
                if not member.isfile() or not name.is_relative_to(homes[0]) or ".." in name.parts:
                    continue
                target = scratch / name.relative_to(homes[0])
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ModelError(
            f"{archive} is damaged or no archive of Rasa ({error}). Train again, or copy it anew."
        ) from None
    return scratch
