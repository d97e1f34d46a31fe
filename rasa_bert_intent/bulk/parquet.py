"""Parquet, by the extra `parquet`: reads the texts to score, and writes what was scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rasa_bert_intent.bulk.rows import BadRow, Progress, Row, checked_text, row_of, text_name
from rasa_bert_intent.errors import DataError

_EXTRA = "pip install 'rasa-bert-intent[parquet]'"
_BATCH = 1024
# Of a column that is read at a time. Without it, or with pyarrow's pre_buffer, a whole row group is read at once, which
# may be the whole file.
_BUFFER = 1 << 20


def require_pyarrow() -> None:
    """Raises DataError where the extra is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise DataError(f"Parquet needs pyarrow. Install it: {_EXTRA}") from None


@contextmanager
def open_parquet(path: Path, text_column: str | None) -> Iterator[tuple[Iterator[Row], Progress]]:
    """See `rasa_bert_intent.bulk.rows.open_rows`."""
    require_pyarrow()
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"--input: {path} cannot be read as Parquet: {error}") from None
    with file:
        names = file.schema_arrow.names
        column = text_column or text_name(names, path)
        if names.count(column) != 1:
            raise DataError(f"--text-column: {path} has {names.count(column)} columns {column!r} among {names}.")
        kind = file.schema_arrow.field(column).type
        if not _is_text(kind):
            raise DataError(f"--text-column: {column!r} in {path} is of type {kind}; expected strings.")
        progress = Progress(file.metadata.num_rows, " rows")
        yield _rows(file.iter_batches(_BATCH, columns=[column]), progress, path), progress


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind)


def _rows(batches: Iterator[Any], progress: Progress, path: Path) -> Iterator[Row]:
    import pyarrow

    number = 0
    progress.done = lambda: number
    try:
        for batch in batches:
            column = batch.column(0)
            if isinstance(column, pyarrow.DictionaryArray):
                column = column.dictionary_decode()
            for value in column.cast(pyarrow.large_binary()).to_pylist():
                number += 1
                yield row_of(number, value or b"", partial(_text, value))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"--input: {path} cannot be read on, it may be damaged: {error}") from None


def _text(value: bytes | None) -> str:
    try:
        return checked_text(None if value is None else value.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadRow("not UTF-8") from None


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes scored rows, see `rasa_bert_intent.bulk.score.score`."""
    import pyarrow
    from pyarrow import parquet

    intent = pyarrow.struct({"name": pyarrow.string(), "confidence": pyarrow.float64()})
    schema = pyarrow.schema(
        {
            "row": pyarrow.int64(),
            "text": pyarrow.string(),
            "intent": intent,
            "p_in_scope": pyarrow.float64(),
            "intent_ranking": pyarrow.list_(intent),
        }
    )
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema), path)


def count_parquet(path: Path) -> int:
    """How many rows a file that `write_parquet` wrote has."""
    from pyarrow import parquet

    return parquet.read_metadata(path).num_rows
