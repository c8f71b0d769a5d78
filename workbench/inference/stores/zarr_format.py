"""Zarr 3 on disk, as far as draws need it: descriptions of groups and arrays, and rows that are added to arrays in place.

Written by hand: draws do not compress, and uncompressed a chunk of an array is the plain bytes of its rows, so that rows are
added by a write into a file, without reading or writing those that are there.
See https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CHUNK_BYTES = 1 << 20
"""A file holds as many rows of a column as this many bytes do, but one at least."""


def write_file(path: Path, content: bytes, sync: bool = False) -> None:
    """Write a file so that others see it whole, or not at all."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb", buffering=0) as file:
        _write_all(file, content)
        if sync:
            os.fsync(file.fileno())
    os.replace(new, path)


def _write_all(file: Any, content: Any) -> None:
    left = memoryview(content)
    while len(left):
        left = left[file.write(left) :]


def sync_file(path: Path) -> None:
    """Make sure that what was written to a file, or a folder, outlasts the machine."""
    with contextlib.suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def fill_value(dtype: str) -> Any:
    """What stands where nothing was drawn: NaN, the lowest integer, false."""
    kind = np.dtype(dtype)
    if kind.kind in "fc":
        return kind.type(np.nan if kind.kind == "f" else complex(np.nan, np.nan))
    return kind.type(np.iinfo(kind).min) if kind.kind == "i" else kind.type(0)


def array_description(shape: Sequence[int], chunk: Sequence[int], dtype: str, dims: Sequence[str], attributes: Mapping[str, Any] = {}, turned: bool = False) -> dict[str, Any]:
    """Return what ``zarr.json`` of an array says; the first two axes of chunks are swapped on disk, if they are `turned`."""
    text = dtype == "string"
    kind = np.dtype("U") if text else np.dtype(dtype)
    order = [1, 0, *range(2, len(shape))]
    swapped = [{"name": "transpose", "configuration": {"order": order}}] if turned else []
    fill: Any = {"f": "NaN", "c": ["NaN", "NaN"], "b": False, "U": ""}.get(kind.kind)
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [max(1, n) for n in chunk]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": int(fill_value(dtype)) if fill is None else fill,
        "codecs": [{"name": "vlen-utf8"}] if text else [*swapped, {"name": "bytes", **({"configuration": {"endian": "little"}} if kind.itemsize > 1 else {})}],
        "attributes": dict(attributes),
        "dimension_names": list(dims),
        "storage_transformers": [],
    }


def group_description(attributes: Mapping[str, Any], members: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what ``zarr.json`` of a group says; of the root with what all `members` say, so that it is read at once."""
    found: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)}
    if members is not None:
        found["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": dict(members)}
    return found


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``zarr.json`` of a group or an array."""
    folder.mkdir(parents=True, exist_ok=True)
    _renew(folder / "zarr.json", json.dumps(description, indent=1).encode())


def _renew(path: Path, content: bytes) -> None:
    """Write a file, if it does not say the same already."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    write_file(path, content)


def write_whole(folder: Path, dims: Sequence[str], content: Array) -> dict[str, Any]:
    """Write an array, its content in one chunk; return its description."""
    encoded, dtype, attributes = _encoded(np.asarray(content))
    description = array_description(content.shape, content.shape, dtype, dims, attributes)
    write_description(folder, description)
    if content.size:
        chunk = folder.joinpath("c", *["0"] * content.ndim)
        chunk.parent.mkdir(parents=True, exist_ok=True)
        _renew(chunk, encoded)
    return description


def _encoded(content: Array) -> tuple[bytes, str, dict[str, Any]]:
    """Bytes of an array, its type by Zarr's name, and what xarray must be told to read it."""
    kind = content.dtype.kind
    if kind in "Mm":
        # As xarray itself writes times.
        nanoseconds = content.astype(f"{kind}8[ns]").view("int64")
        told = {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"} if kind == "M" else {"units": "nanoseconds", "dtype": "timedelta64[ns]"}
        return nanoseconds.astype("<i8").tobytes(), "int64", told
    if kind in "biufc":
        return content.astype(content.dtype.newbyteorder("<")).tobytes(), content.dtype.name, {}
    texts = [str(x).encode() for x in content.ravel().tolist()]
    return struct.pack("<I", len(texts)) + b"".join(struct.pack("<I", len(t)) + t for t in texts), "string", {}


class RowFiles:
    """The rows of one chain, or of all, in an array (chain, draw, \\*shape): files of `length` rows each.

    Parameters
    ----------
    folder
        Of the array.
    chain
        Number of the chain.
    dtype, shape
        Of a row.
    length
        Rows of a file.
    chains
        Number of chains, where rows are those of all, (chains, \\*shape); 0 where they are of one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = RowFiles(Path(folder), 0, "float64", (), 2)
    ...     touched = rows.write(0, np.array([1.0, 2.0, 3.0]))
    ...     (len(touched), rows.read(1, 4).tolist())
    (2, [2.0, 3.0, nan])
    """

    def __init__(self, folder: Path, chain: int, dtype: str, shape: tuple[int, ...], length: int, chains: int = 0) -> None:
        self.folder, self.length, self.shape = folder / "c" / str(chain), length, (chains, *shape) if chains else shape
        self._zeros = ["0"] * len(shape)
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.row_bytes = math.prod(self.shape) * self.dtype.itemsize
        self._fill = fill_value(dtype)

    def _path(self, number: int) -> Path:
        return self.folder.joinpath(str(number), *self._zeros)

    def _parts(self, start: int, stop: int) -> Iterator[tuple[Path, int, int]]:
        """Each file that has some of the rows, with the first of them and the one after the last, counted from `start` of all."""
        while start < stop and self.row_bytes:
            number, at = divmod(start, self.length)
            n = min(self.length - at, stop - start)
            yield self._path(number), at, n
            start += n

    def _blank(self, n: int) -> Array:
        return np.full((n, *self.shape), self._fill, self.dtype)

    def write(self, start: int, rows: Array) -> list[Path]:
        """Write rows from `start` on; return the files that have them."""
        rows = np.ascontiguousarray(rows, self.dtype)
        touched, done = [], 0
        for path, at, n in self._parts(start, start + len(rows)):
            part = rows[done : done + n]
            done += n
            try:
                with open(path, "r+b", buffering=0) as file:
                    file.seek(at * self.row_bytes)
                    _write_all(file, part.tobytes())
            except FileNotFoundError:
                whole = self._blank(self.length)
                whole[at : at + n] = part
                path.parent.mkdir(parents=True, exist_ok=True)
                write_file(path, whole.tobytes())
            touched.append(path)
        return touched

    def read(self, start: int, stop: int) -> Array:
        """Return rows; where a file is missing, or ends too soon, what stands for none."""
        found = self._blank(max(0, stop - start))
        done = 0
        for path, at, n in self._parts(start, stop):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                file.seek(at * self.row_bytes)
                content = file.read(n * self.row_bytes)
                whole = len(content) // self.row_bytes
                found[done : done + whole] = np.frombuffer(content, self.dtype, whole * math.prod(self.shape)).reshape(whole, *self.shape)
            done += n
        return found

    def cut(self, count: int) -> list[Path]:
        """Leave `count` rows, and none after them; return the files that are changed."""
        if not self.row_bytes or not self.folder.is_dir():
            return []
        last, at = divmod(count, self.length)
        changed = []
        for entry in self.folder.iterdir():
            path = self._path(int(entry.name)) if entry.name.isdecimal() else None
            if path is None or int(entry.name) > last or (int(entry.name) == last and not at):
                _remove(entry)
            elif int(entry.name) == last or (path.exists() and path.stat().st_size != self.length * self.row_bytes):
                whole = self.read(int(entry.name) * self.length, (int(entry.name) + 1) * self.length)
                if int(entry.name) == last:
                    whole[at:] = self._fill
                write_file(path, whole.tobytes())
                changed.append(path)
        return changed


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
