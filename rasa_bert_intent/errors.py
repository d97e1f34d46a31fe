"""What can go wrong, as one line a user can act on.

Every message names the option, key or file, what was found, what is allowed and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence

_NAMED = 5


def name_some(names: Sequence[str]) -> str:
    """The first of some names, quoted, for a message: `'a', 'b' and others`."""
    return ", ".join(map(repr, names[:_NAMED])) + (" and others" if len(names) > _NAMED else "")


def first_line(error: BaseException) -> str:
    """What another library's error says, in one line of a message; its class where it says nothing."""
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__


def of_file_system(error: OSError) -> str:
    """What the system says of a file, in one line."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or first_line(error)}. Check the path, its permissions and the disk."


class BertIntentError(Exception):
    """Base of all errors that this package raises on purpose; its text is one message for the user."""


class OptionsError(BertIntentError):
    """The options are wrong: every mistake, one a line after the first."""


class EncoderError(BertIntentError):
    """The encoder cannot be found, read or recognised."""


class ModelError(BertIntentError):
    """A stored model is missing, damaged, or does not fit."""


class ServerError(BertIntentError):
    """A server does not answer, or cannot be started."""


class DataError(BertIntentError):
    """A data file is missing, malformed, or holds nothing to work on."""
