"""The process apart that reads premises: what a layer is, then its rows as a stream of Arrow."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from gis.errors import FileRefused
from gis.formats.confined import hear, say, serve
from gis.formats.files import Format, GisFile
from gis.importing.text import Column, NotTextError, as_text

_PIECE_BYTES = 32_000_000


def schema(columns: Sequence[str], *, geometry: bool) -> Any:  # noqa: ANN401 pyarrow has no types
    """Give the columns of the stream: text, and WKB behind it."""
    fields = [(name, pa.string()) for name in columns]
    return pa.schema([*fields, *([("", pa.binary())] if geometry else [])])


def _answer(file: GisFile, request: Mapping[str, Any]) -> None:
    layer = _opened(file, request["layer"])
    has_geometry = layer.geometry is not None
    say(
        {"names": layer.names, "crs": layer.crs, "size": layer.size, "has_geometry": has_geometry},
    )
    columns: list[str] = hear()["columns"]
    said = schema(columns, geometry=has_geometry)
    left, rows = request["max_bytes"], 0
    with pa.ipc.new_stream(sys.stdout.buffer, said) as stream:
        for batch in layer.batches(columns):
            ready = _plain(file, batch, columns, layer.geometry, said)
            rows += len(ready)
            left -= ready.nbytes
            # A view or a dictionary in a small file may stand for far more rows or text.
            if left < 0:
                problem = f"it unpacks to more than {request['max_bytes']:,} bytes"
                raise FileRefused(file=file.name, problem=problem)
            for piece in _pieces(ready):
                stream.write_batch(piece)
                sys.stdout.buffer.flush()
    say({"rows": rows})


def _opened(file: GisFile, layer: str | None) -> Any:  # noqa: ANN401 a Layer or a Parquet
    # Each brings a library along that the other does not need.
    if file.format is Format.GEOPARQUET:
        from gis.importing.parquet import Parquet  # noqa: PLC0415

        return Parquet(file)
    from gis.importing.layers import Layer  # noqa: PLC0415

    return Layer(file, layer)


def _plain(
    file: GisFile,
    batch: Any,  # noqa: ANN401 a record batch
    columns: Sequence[str],
    geometry: str | None,
    said: Any,  # noqa: ANN401 a schema
) -> Any:  # noqa: ANN401 a record batch
    arrays = [_text(file, batch.column(name), name) for name in columns]
    if geometry is not None:
        wkb = _stored(batch.column(geometry))
        arrays.append(wkb if pa.types.is_binary(wkb.type) else wkb.cast(pa.binary()))
    return pa.RecordBatch.from_arrays(arrays, schema=said)


def _text(file: GisFile, column: Column, name: str) -> Column:
    try:
        return as_text(column)
    except NotTextError as error:
        problem = f"the column {name!r} holds {error}"
        raise FileRefused(file=file.name, problem=problem) from None


def _stored(column: Column) -> Column:
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _pieces(batch: Any) -> Iterator[Any]:  # noqa: ANN401 record batches
    """Cut a batch until none of its pieces is large: whoever reads holds one at a time."""
    if batch.nbytes <= _PIECE_BYTES or len(batch) == 1:
        yield batch
        return
    half = len(batch) // 2
    yield from _pieces(batch[:half])
    yield from _pieces(batch[half:])


if __name__ == "__main__":
    serve(_answer)
