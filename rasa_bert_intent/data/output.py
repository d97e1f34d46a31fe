"""A folder of converted data, which appears only when it is complete."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rasa_bert_intent.data.massive import SPLITS
from rasa_bert_intent.errors import DataError


def check_output(output_dir: Path, source: Path, force: bool) -> None:
    """Refuses a folder in which something would be lost.

    Args:
        output_dir: where to write.
        source: what is read; it must not lie in there.
        force: whether a former conversion may be replaced.

    Raises:
        DataError: ``output_dir`` is a file, holds ``source`` or anything but a former conversion, or that without
            ``force``.
    """
    if not output_dir.exists():
        return
    if not output_dir.is_dir():
        raise DataError(f"{output_dir} is a file; expected a folder")
    names = {path.name for path in output_dir.iterdir()}
    if names and not force:
        raise DataError(f"{output_dir} is not empty: choose another folder, or replace it with --force")
    if source.resolve().is_relative_to(output_dir):
        raise DataError(f"{source} lies in {output_dir}, which would be replaced: choose another folder")
    foreign = names - {*SPLITS, "domain.yml"}
    foreign = {name for name in foreign if not (output_dir / name / "domain.yml").is_file()}
    if foreign:
        raise DataError(
            f"{output_dir} holds {', '.join(sorted(foreign)[:3])}, which is no former conversion, and --force would "
            "delete it: choose another folder"
        )


@contextmanager
def replaced_folder(output_dir: Path) -> Iterator[Path]:
    """A folder beside ``output_dir`` that takes its place on success and vanishes on any error or interrupt.

    Raises:
        DataError: ``output_dir`` cannot be written; it is then as it was.
    """
    token = secrets.token_hex(4)
    fresh = output_dir.with_name(f".{output_dir.name}.{token}.partial")
    former = output_dir.with_name(f".{output_dir.name}.{token}.former")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        try:
            if output_dir.exists():
                output_dir.rename(former)
            fresh.rename(output_dir)
        except BaseException:
            if former.exists():
                former.rename(output_dir)
            raise
    except OSError as error:
        raise DataError(f"{output_dir} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if output_dir.exists():
            shutil.rmtree(former, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its place on success, on the disk too, and vanishes on any error.

    Raises:
        DataError: ``path`` cannot be written; it is then as it was.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield fresh
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        fresh.unlink(missing_ok=True)
