"""A folder of results, which appears only when it is complete."""

from __future__ import annotations

import errno
import glob
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError  # type: ignore[attr-defined]  # its Rust part has no stubs

from rasa_bert_intent.data.massive import LOCALE, SPLITS
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.home import OF_A_DESKTOP

# The source that torch.save's RuntimeError names.
_TORCH_WRITER = "inline_container"
# What tokenizers' bare Exception ends with, and the number.
_TOKENIZERS = "(os error "
# After so long nobody is still writing a folder.
_LEFT_SECONDS = 7 * 86_400
# What `convert` writes, by its path in the output folder; of several languages each has a folder.
_CONVERTED = re.compile(rf"(?:{LOCALE.pattern}/)?(?:domain\.yml|(?:{'|'.join(SPLITS)})/nlu\.yml)")
# What a file system says that cannot wait for a folder.
_NO_SYNC = (errno.EBADF, errno.EINVAL, errno.ENOTSUP)


def check_output(output_dir: Path, source: Path, force: bool, ours: re.Pattern[str] = _CONVERTED) -> None:
    """Refuses a folder in which something would be lost.

    Args:
        output_dir: where to write.
        source: what is read; it must not lie in there.
        force: whether what a former run left may be replaced.
        ours: of the files that a former run left there, by their paths in the folder.

    Raises:
        DataError: ``output_dir`` is a file, holds ``source`` or anything but what a former run left, or that without
            ``force``. What a desktop leaves, such as ``.DS_Store``, is nothing.
    """
    if not output_dir.exists():
        return
    if not output_dir.is_dir():
        raise DataError(f"{output_dir} is a file; expected a folder")
    held = [
        path
        for path in output_dir.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and path.name not in OF_A_DESKTOP
    ]
    if held and not force:
        raise DataError(f"{output_dir} is not empty: choose another folder, or replace it with --force")
    if source.resolve().is_relative_to(output_dir.resolve()):
        raise DataError(f"{source} lies in {output_dir}, which would be replaced: choose another folder")
    paths = sorted(path.relative_to(output_dir).as_posix() for path in held)
    foreign = [path for path in paths if not ours.fullmatch(path)]
    if foreign:
        raise DataError(
            f"{output_dir} holds {', '.join(foreign[:3])}, which no former run left there, and --force would delete "
            "it: choose another folder"
        )


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Raises what safetensors, tokenizers and torch raise of a file that cannot be written as an OSError."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(str(error)) from error
    except RuntimeError as error:
        if _TORCH_WRITER not in str(error):
            raise
        raise OSError(str(error).splitlines()[0]) from error
    except Exception as error:
        if type(error) is not Exception or _TOKENIZERS not in str(error):
            raise
        raise OSError(str(error)) from error


def sync(path: Path) -> None:
    """Waits until a file or folder is on the disk, where a power cut leaves it; of a folder if that can be."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return  # Windows opens no folder
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (is_folder and error.errno in _NO_SYNC):
            raise
    finally:
        os.close(handle)


@contextmanager
def replaced_folder(output_dir: Path) -> Iterator[Path]:
    """A folder beside ``output_dir`` that takes its place on success and vanishes on any error or interrupt.

    One that a killed process left is cleared away a week later; what it had moved aside and not replaced is put back.

    Raises:
        DataError: ``output_dir`` cannot be written; it is then as it was.
    """
    _clear_up_after_killed(output_dir)
    token = secrets.token_hex(4)
    fresh = output_dir.with_name(f".{output_dir.name}.{token}.partial")
    former = output_dir.with_name(f".{output_dir.name}.{token}.former")
    try:
        fresh.mkdir(parents=True)
        with as_os_errors():
            yield fresh
        for path in (*fresh.rglob("*"), fresh):
            sync(path)
        try:
            if output_dir.exists():
                output_dir.rename(former)
            fresh.rename(output_dir)
            sync(output_dir.parent)
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


def _clear_up_after_killed(output_dir: Path) -> None:
    name = glob.escape(output_dir.name)
    with suppress(OSError):  # another process may do the same
        for left in sorted(output_dir.parent.glob(f".{name}.*")):
            if left.suffix == ".former" and not output_dir.exists():
                left.rename(output_dir)
            elif left.suffix in (".former", ".partial") and time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its place on success, on the disk too, and vanishes on any error.

    Raises:
        DataError: ``path`` cannot be written; it is then as it was.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield fresh
        sync(fresh)
        fresh.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        fresh.unlink(missing_ok=True)
