"""Dims: their labels and lengths, and data along them that can be replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError, ShapeError, closest
from workbench.graph.expr import Data as DataOp
from workbench.graph.lengths import Size, differ, fresh, single
from workbench.model.shapes import CurrentShapes, is_open, unfit
from workbench.tensor.shape import length_of
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.graph.types import Shape
    from workbench.model.missing import Observed

Labels = tuple[Any, ...]
RESERVED = ("chain", "draw", "__sample__")
"""Dims of results: those of a model have other names."""


class Dims:
    """What a model knows of its dims."""

    coords: dict[str, Labels | None]
    dim_lengths: dict[str, Any]
    named_vars_to_dims: dict[str, tuple[str | None, ...]]
    named_vars: dict[str, Tensor]
    shapes: CurrentShapes

    def make_dims(self, parent: Dims | None) -> None:
        """Begin with no dims, or share those of the model that this one is a part of."""
        self.coords = {} if parent is None else parent.coords
        self.dim_lengths = {} if parent is None else parent.dim_lengths
        self._used: set[str] = set() if parent is None else parent._used
        self._names: dict[str, Size] = {} if parent is None else parent._names
        self._fixed_by: dict[str, str] = {} if parent is None else parent._fixed_by
        self._kept_lengths: list[tuple[Tensor, int, str]] = [] if parent is None else parent._kept_lengths
        self.named_vars_to_dims = {}
        if parent is not None:
            self.shapes = parent.shapes

    def add_coord(self, name: str, values: Sequence[Any] | None = None, *, length: Any = None) -> None:
        """Add a dim, with its labels or its length.

        Raises
        ------
        ModelError
            If the dim is there already with other labels, or neither labels nor length are given.
        """
        check_dim_name(name)
        labels = None if values is None else _labels(name, values)
        if labels is None and length is None:
            raise ModelError(f"the dim {name!r} has neither labels nor a length", "give one of them")
        if labels is not None and isinstance(length, int) and length != len(labels):
            raise ModelError(f"the dim {name!r} has {len(labels)} labels, but its length is {length}")
        if name in self.coords:
            if not same_labels(labels, self.coords[name]):
                raise ModelError(f"the dim {name!r} has coords already, and they differ")
            return
        self.coords[name] = labels
        self.dim_lengths[name] = len(labels) if labels is not None and length is None else length

    def add_coords(self, coords: Mapping[str, Sequence[Any] | None] | None, *, lengths: Mapping[str, Any] | None = None) -> None:
        """Add several dims."""
        for name, values in (coords or {}).items():
            self.add_coord(name, values, length=(lengths or {}).get(name))

    def shape_from_dims(self, dims: str | Sequence[str | None], name: str = "shape") -> tuple[Any, ...]:
        """Return the lengths of dims: integers, and expressions for those that may change.

        Raises
        ------
        ModelError
            If a dim is not known.
        """
        found = []
        for d in (dims,) if isinstance(dims, str) else dims:
            if d not in self.dim_lengths:
                known = ", ".join(self.coords) or "none"
                near = closest(str(d), self.coords)
                hint = f"did you mean {near!r}? " if near else ""
                raise ModelError(f"{name}: there is no dim {d!r}", f"{hint}known dims: {known}; give Model(coords={{{d!r}: [...]}})", argument="dims", page="unknown-dim")
            length = self.dim_lengths[d]
            if isinstance(length, int):
                self._used.add(d)
            found.append(length)
        return tuple(found)

    def shape_of_dims(self, name: str, dims: Sequence[str]) -> tuple[int, ...]:
        """Return the lengths that dims have now."""
        return tuple(self.length_of(d) for d in dims if self.shape_from_dims([d], name))

    def length_of(self, dim: str) -> int:
        """Return the length that a dim has now."""
        length = self.dim_lengths[dim]
        return int(length.eval()) if isinstance(length, Tensor) else int(length)

    def lengths_of_data(self, shape: Sequence[int], dims: Sequence[str | None]) -> tuple[Size | None, ...]:
        """Return the lengths that data along dims have in their type: those of the dims, which are called what the dims are.

        An axis of length 1 without a dim is broadcast, and keeps that length.
        """
        return tuple((1 if n == 1 else None) if d is None else self._length_along(d, n) for n, d in zip(shape, dims or [None] * len(shape)))

    def _length_along(self, d: str, n: int) -> Size:
        length = self.dim_lengths.get(d)
        if isinstance(length, Tensor) and single(length_of(length)) is not None:
            return length_of(length)
        if d in self._used and length == n:
            return n
        # A name of this model alone: other models' dims of that name have other lengths.
        return self._names.setdefault(d, fresh(d, given=True))

    def open_dims(self, data: Tensor, dims: Sequence[str | None]) -> None:
        """Let dims have the lengths of data along them, where nothing of a fixed length uses them yet."""
        for axis, d in enumerate(dims):
            if d is None:
                continue
            n = data.op.value.shape[axis]
            if d not in self.coords:
                check_dim_name(d)
                self.coords[d], self.dim_lengths[d] = None, data.shape[axis] if is_open(data) else n
            elif self.length_of(d) != n:
                raise ShapeError(
                    f"{data.name}: the data have shape {data.op.value.shape}, but its dims {tuple(dims)} have lengths "
                    f"{tuple(self.length_of(k) for k in dims if k in self.dim_lengths)}",
                    "the data and the coords must have the same lengths", page="lengths-of-dims",
                    argument="value",
                )
            elif d not in self._used and is_open(data) and isinstance(self.dim_lengths[d], int):
                self.dim_lengths[d] = data.shape[axis]

    def fix_dim(self, name: str, variable: str) -> None:
        """Let a dim keep the length that it has, for a variable's draws have that length."""
        self.dim_lengths[name] = self.length_of(name)
        self._used.add(name)
        self._fixed_by.setdefault(name, variable)

    def keep_length(self, length: Tensor, variable: str) -> None:
        """Let a length that follows from data stay what it is, for a variable has it for good."""
        self._kept_lengths.append((length, int(length.eval()), variable))

    def _check_kept(self) -> None:
        """Raise if a variable has a length for good that follows from data, and these give another one now."""
        for length, was, variable in self._kept_lengths:
            now = int(length.eval())
            if now != was:
                raise ModelError(
                    f"the data make {variable} of length {now}, which it has not: its parameters or values have length {was}",
                    f"build the model again with the new data, or make what gives {variable} its length data, too",
                )

    def set_dim(self, name: str, new_length: int, coord_values: Sequence[Any] | None = None) -> None:
        """Change the labels of a dim; its length too, while no variable has it.

        Raises
        ------
        ModelError
            If the dim is not known, or data or variables give it another length.
        """
        if name not in self.dim_lengths:
            raise ModelError(f"there is no dim {name!r}")
        labels = None if coord_values is None else _labels(name, coord_values)
        if labels is not None and len(labels) != new_length:
            raise ModelError(f"{len(labels)} labels were given for the dim {name!r} of length {new_length}")
        if self.length_of(name) != new_length:
            if not isinstance(self.dim_lengths[name], int):
                raise ModelError(
                    f"the dim {name!r} has the length of the data along it, {self.length_of(name)}, not {new_length}",
                    f"set the data: pm.set_data(..., coords={{{name!r}: [...]}})",
                )
            if name in self._used:
                raise ModelError(
                    f"the dim {name!r} has length {self.length_of(name)}, which variables have in their shapes; it cannot be {new_length}",
                    "for a length that can change make data along the dim, pm.Data(..., dims=...), before the variables, and set_data",
                )
            self.dim_lengths[name] = new_length
        self.coords[name] = labels

    def set_data(self, name: str, values: Any, coords: Mapping[str, Sequence[Any]] | None = None) -> None:
        """Replace data of the model; see :func:`workbench.set_data`."""
        self.replace_data({name: values}, coords or {})

    def replace_data(self, new: Mapping[str, Any], coords: Mapping[str, Sequence[Any]]) -> None:
        """Replace several arrays, and the labels of their dims."""
        nodes = {name: self._data(name) for name in new}
        before = {x: x.op.value for x in nodes.values()}
        old_coords = dict(self.coords)
        try:
            for name, x in nodes.items():
                values = _array(new[name])
                if values.ndim != x.ndim:
                    raise ShapeError(f"{name}: the data have {x.ndim} axes; the new ones have shape {values.shape}")
                self._check_fixed(x, values.shape)
                pt.set_data(x, values)
            self._relabel(nodes, coords)
        except Exception:
            for x, value in before.items():
                x.op.cell[0] = value
            self.coords.update(old_coords)
            raise

    def _data(self, name: str) -> Tensor:
        x = self[name] if name in self else None  # type: ignore[index,operator]  # noqa: SIM401
        if x is None or not isinstance(x.op, DataOp):
            raise ModelError(
                f"{name!r} is {'not data' if x is not None else 'no variable of the model'}: it cannot be set",
                "data are made with pm.Data(name, value)" if x is None or x.op.name != "named" else "it was made with ConstantData",
            )
        return x

    def _check_fixed(self, x: Tensor, shape: tuple[int, ...]) -> None:
        """Raise if new data have another length along an axis whose length is fixed."""
        dims = self.named_vars_to_dims.get(str(x.name)) or (None,) * x.ndim
        for axis, (n, new, d) in enumerate(zip(x.type.shape, shape, dims)):
            if not isinstance(n, int) or n == new:
                continue
            if d is not None:
                raise self._other_length(x, d, new)
            raise ShapeError(
                f"{x.name}: the new data have shape {shape}, but axis {axis} has length {n} for good: axes of data with length 1 and without a dim "
                "are broadcast",
                f'give the axis a dim, pm.Data("{x.name}", ..., dims=...), where its length may change',
            )

    def _other_length(self, x: Tensor, d: str, n: int) -> ModelError:
        """The error that says what else gives a dim the length that it has."""
        fixed = isinstance(self.dim_lengths[d], int)
        why = "variables of that fixed length use it" if fixed else "so long are the other data along it"
        if d in self._fixed_by:
            return ModelError(
                f"{x.name}: the new data have length {n} along the dim {d!r}, but {self._fixed_by[d]} has length {self.length_of(d)}: "
                "so long are its parameters or its values",
                f"make what gives {self._fixed_by[d]} its length data, too, or build the model again with the new data",
            )
        return ModelError(
            f"{x.name}: the new data have length {n} along the dim {d!r}, which has length {self.length_of(d)}: {why}",
            "make the data before the variables that share the dim" if fixed else "set all of them in one call",
        )

    def _relabel(self, nodes: Mapping[str, Tensor], coords: Mapping[str, Sequence[Any]]) -> None:
        """Check that dims agree with the new data, and take their new labels."""
        for name, values in coords.items():
            if name not in self.coords:
                raise ModelError(f"there is no dim {name!r}", f"known dims: {', '.join(self.coords) or 'none'}")
            self.coords[name] = _labels(name, values)
        for x in nodes.values():
            for axis, d in enumerate(self.named_vars_to_dims.get(str(x.name), ())):
                if d is None:
                    continue
                n = x.op.value.shape[axis]
                if self.length_of(d) != n:
                    raise self._other_length(x, d, n)
        self._check_kept()
        for name, labels in self.coords.items():
            if labels is not None and len(labels) != self.length_of(name):
                raise ModelError(
                    f"the dim {name!r} has {len(labels)} labels, and length {self.length_of(name)} with the new data",
                    f"give new labels: set_data(..., coords={{{name!r}: [...]}})",
                )


def names_of_dims(name: str, dims: Any) -> tuple[str | None, ...]:
    """Return the names in an argument `dims`: a name, several, or ``None``; ``None`` among them is an axis without one.

    Raises
    ------
    ModelError
        If something else is among them.
    """
    names = () if dims is None else (dims,) if isinstance(dims, str) or not isinstance(dims, Iterable) else tuple(dims)
    for d in names:
        if d is not None and not isinstance(d, str):
            raise ModelError(f"{name}: dims are names, not {d!r}", "every axis has its own: dims=(\"group\", \"obs\"), None for one without a name", argument="dims")
    return names


def check_now(model: Dims, name: str, rv: Tensor, dims: Sequence[str | None], data: Observed | None) -> None:
    """Raise an error if the shape that the variable has now does not fit its dims or its data."""
    try:
        now = model.shapes.of(rv)
    except ShapeError as error:
        raise unfit(name, error) from None
    if dims and len(dims) != len(now):
        raise ShapeError(f"{name}: it has {len(now)} axes, but {len(dims)} dims: {tuple(dims)}", argument="dims", page="lengths-of-dims")
    lengths = tuple(None if d is None else model.length_of(d) for d in dims)
    if any(isinstance(n, int) and isinstance(m, int) and n != m for n, m in zip(now, lengths)):
        raise ShapeError(f"{name}: it has shape {now}, but its dims {tuple(dims)} have lengths {lengths}", argument="dims", page="lengths-of-dims")
    if data is None:
        return
    have = model.shapes.of(data.values)
    if len(have) != len(now) or any(differ(n, m) for n, m in zip(now, have)):
        raise ShapeError(
            f"{name}: the observed data have shape {have}, but {_dims_text(dims, now)}",
            "the data and the coords must have the same lengths", page="lengths-of-dims",
            argument="observed",
        )


def _dims_text(dims: Sequence[str | None], shape: Shape) -> str:
    return f"its dims {tuple(dims)} have lengths {shape}" if dims else f"its shape is {shape}"


def check_dim_name(name: Any) -> None:
    """Raise if a dim cannot have that name.

    Raises
    ------
    ModelError
        If it is no text, the name of a dim of results, or would be a path in files of results.
    """
    if not isinstance(name, str) or not name:
        raise ModelError(f"the name of a dim is a string, not {name!r}", 'for example Model(coords={"county": [...]})')
    if name in RESERVED:
        raise ModelError(f"{name!r} is the name of a dim of results", "choose another name for the dim")
    if "/" in name:
        raise ModelError(f"the name {name!r} has a slash", "files of results take it for a group: choose another name")


def _labels(name: str, values: Any) -> Labels:
    array = values.to_numpy() if hasattr(values, "to_numpy") else values
    if isinstance(array, np.ndarray):
        if array.ndim != 1:
            raise ModelError(f"the coord {name!r} must be a sequence of labels, got an array of shape {array.shape}")
        # The whole numbers that times are stored as are no labels.
        found = tuple(array) if array.dtype.kind in "mM" else tuple(array.tolist())
    elif isinstance(array, (str, bytes)) or not hasattr(array, "__len__") or not hasattr(array, "__iter__"):
        raise ModelError(f"the coord {name!r} must be a sequence of labels, got {values!r}")
    elif isinstance(array, (set, frozenset)):
        raise ModelError(f"the coord {name!r} is a set, which has no order: {values!r}", "give a list")
    else:
        found = tuple(x.item() if isinstance(x, np.generic) and x.dtype.kind not in "mM" else x for x in array)
    for label in found:
        if isinstance(label, (list, dict, set, np.ndarray)):
            raise ModelError(f"the coord {name!r} has {label!r} for a label", "a label is a number, a text, a date, or a tuple of them")
    return found


def same_labels(a: Labels | None, b: Labels | None) -> bool:
    """Whether labels are equal, those that are not a number too."""
    if a is None or b is None or len(a) != len(b):
        return a is b
    return all(x is y or x == y or (x != x and y != y) for x, y in zip(a, b))


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)


def labelled(name: str, value: Any, dims: Sequence[str | None]) -> tuple[Any, tuple[str | None, ...], dict[str, Any]]:
    """Take over dims and labels from an xarray array.

    Parameters
    ----------
    name, value
        A variable's name, and data; what is no labelled array has neither.
    dims
        Dims that are asked for. Where they are the array's in another order, its axes are put in that order; else the array's dims are taken by place.

    Returns
    -------
    The data, their dims, and labels of the dims.

    Examples
    --------
    >>> import xarray
    >>> table = xarray.DataArray(np.eye(2, 3), dims=("g", "t"), coords={"g": ["a", "b"]})
    >>> labelled("y", table, ())[1:]
    (('g', 't'), {'g': array(['a', 'b'], dtype='<U1')})
    >>> labelled("y", table, ("t", "g"))[0].shape, labelled("y", [1.0, 2.0], ("obs",))[1:]
    ((3, 2), (('obs',), {}))
    """
    if not (hasattr(value, "coords") and hasattr(value, "dims") and hasattr(value, "transpose")):
        return value, tuple(dims), {}
    if dims and tuple(dims) != value.dims and set(dims) == set(value.dims):
        value = value.transpose(*dims)
    # Names that xarray gave, as nobody did, are none; nor are those of results and the variable's own.
    own = tuple(None if str(d).startswith("dim_") or str(d) in {*RESERVED, name} else str(d) for d in value.dims)
    names = tuple(dims) or (own if any(own) else ())
    return value, names, {str(d): value.coords[d].to_numpy() for d, n in zip(value.dims, names) if n == d and d in value.coords}
