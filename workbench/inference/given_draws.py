"""Draws that are given, in any of the forms in which there are draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ModelError, ShapeError
from workbench.inference.idata import group, group_names, has_groups
from workbench.tensor.tensor import Tensor

Array = np.ndarray[Any, Any]

FORMS = "give InferenceData, a Dataset, a Run, arrays (chain, draw, *shape) by name, or a list of points"


class GivenDraws:
    """Draws by variable, the axes of their samples, and what is known of how they were made.

    Parameters
    ----------
    trace
        InferenceData, a Dataset (also a stacked one, such as ``az.extract`` makes), a :class:`Run`, a
        MultiTrace, arrays by name, or a list of points, which is one chain.
    sample_dims
        The sample axes of a Dataset or of arrays: chain and draw by default, or the one axis in which they are stacked.

    Attributes
    ----------
    arrays
        By name, the sample axes first.
    dims, lengths
        Names and lengths of the sample axes.
    coords, stacked
        Labels of the sample axes; the indices of those that are several axes stacked.
    constants, observed
        Data that the draws were made with, and names of what was observed; nothing where that is not known.
    labels
        Labels of dims that the draws were made with.

    Raises
    ------
    ModelError
        If there are no draws in what is given, or not as many of each variable.
    """

    def __init__(self, trace: Any, sample_dims: Sequence[str] | str | None = None) -> None:
        self.constants: dict[str, Array] = {}
        self.observed: list[str] = []
        self.coords: dict[str, Any] = {}
        self.stacked: dict[str, Any] = {}
        self.labels: dict[str, Any] = {}
        self.dims: tuple[str, ...] = (sample_dims,) if isinstance(sample_dims, str) else tuple(sample_dims or ("chain", "draw"))
        self.arrays = self._read(trace, sample_dims is None)
        if not self.arrays:
            raise ModelError("there are no draws", FORMS)
        self._require_one_length()
        self.lengths = next(iter(self.arrays.values())).shape[: len(self.dims)]
        self.count = int(np.prod(self.lengths))

    def _read(self, trace: Any, default_dims: bool) -> dict[str, Array]:
        if hasattr(trace, "posterior"):
            return self._of_inference_data(trace, default_dims)
        if has_groups(trace) and not getattr(trace, "data_vars", None):
            raise ModelError(f"there is no posterior in it: its groups are {', '.join(group_names(trace)) or 'none'}", "give one of them: idata.prior")
        if hasattr(trace, "data_vars"):
            return self._of_dataset(trace, default_dims)
        if hasattr(trace, "to_dataset"):
            return self._of_dataset(trace.to_dataset(), default_dims)
        if isinstance(trace, Mapping):
            return {str(k): np.asarray(v) for k, v in trace.items()}
        # The axes of what follows are known.
        self.dims = ("chain", "draw")
        if hasattr(trace, "draws") and isinstance(trace.draws, Mapping):
            self.constants, self.labels, self.observed = dict(trace.constants), dict(trace.coords), list(trace.observed)
            return dict(trace.draws)
        if hasattr(trace, "get_values") and hasattr(trace, "varnames"):
            # PyMC's MultiTrace.
            return {str(k): np.stack(trace.get_values(k, combine=False, squeeze=False)) for k in trace.varnames}
        if isinstance(trace, Sequence) and all(isinstance(p, Mapping) for p in trace):
            return {str(k): np.stack([np.asarray(p[k]) for p in trace])[None] for k in (trace[0] if trace else {})}
        raise ModelError(f"draws cannot be read from a {type(trace).__name__}", FORMS)

    def _of_inference_data(self, trace: Any, default_dims: bool) -> dict[str, Array]:
        if hasattr(trace, "constant_data"):
            self._note_labels(trace.constant_data)
            self.constants = {str(k): np.asarray(v) for k, v in trace.constant_data.data_vars.items()}
        if hasattr(trace, "observed_data"):
            self.observed = [str(k) for k in trace.observed_data.data_vars]
        return self._of_dataset(group(trace, "posterior"), default_dims)

    def _of_dataset(self, source: Any, default_dims: bool) -> dict[str, Array]:
        stacked = {str(d): i for d, i in source.indexes.items() if d in source.dims and i.nlevels > 1}
        if default_dims and not set(self.dims) <= set(source.dims):
            self.dims = next(((d,) for d, i in stacked.items() if set(self.dims) <= set(i.names)), self.dims)
        absent = [d for d in self.dims if d not in source.dims]
        if absent:
            raise ModelError(
                f"the draws have no dim {', '.join(map(repr, absent))}; their dims are {', '.join(map(str, source.dims)) or 'none'}",
                "name the dims of the samples: sample_dims=[...]",
            )
        self.coords = {d: source.coords[d].to_numpy() for d in self.dims if d in source.coords}
        self.stacked = {d: stacked[d] for d in self.dims if d in stacked}
        self._note_labels(source)
        return {str(k): v.transpose(*self.dims, ...).to_numpy() for k, v in source.data_vars.items() if set(self.dims) <= set(v.dims)}

    def _note_labels(self, source: Any) -> None:
        self.labels |= {str(d): source.coords[d].to_numpy() for d in source.dims if d in source.coords and d not in self.dims}

    def _require_one_length(self) -> None:
        rank = len(self.dims)
        lengths = {k: v.shape[:rank] for k, v in self.arrays.items()}
        if min(v.ndim for v in self.arrays.values()) >= rank and len(set(lengths.values())) == 1:
            return
        shapes = ", ".join(f"{k} {v.shape}" for k, v in self.arrays.items())
        raise ModelError(
            f"there are not as many draws of each variable: the first axes of every array are {' and '.join(self.dims)}, but their shapes are {shapes}",
            'draws along one axis: sample_dims=["draw"]; one point: [point]',
        )

    def require(self, variables: Sequence[Tensor]) -> None:
        """Raise an error if the draws lack some variables.

        Raises
        ------
        ModelError
            With their names.
        """
        missing = [str(x.name) for x in variables if x not in self]
        if missing:
            raise ModelError(f"the draws lack {', '.join(missing)}")

    def __contains__(self, x: Tensor) -> bool:
        return str(x.name) in self.arrays

    def of(self, x: Tensor) -> Array:
        """Return the draws of a variable, (sample, *shape).

        Raises
        ------
        ShapeError
            If they are not of the variable's shape.
        ModelError
            If they are fractions, and the variable is a whole number.
        """
        array = self.arrays[str(x.name)]
        shape = array.shape[len(self.dims) :]
        if len(shape) != x.ndim or any(isinstance(n, int) and n != m for n, m in zip(x.type.shape, shape)):
            raise ShapeError(
                f"{x.name}: the draws have shape {shape}, the variable has shape {x.type.shape}",
                f"what is not among the draws is drawn: leave {x.name} out of them",
            )
        if x.type.kind in "iu" and array.dtype.kind == "f" and (array != np.rint(array)).any():
            value = array[array != np.rint(array)].flat[0]
            raise ModelError(f"{x.name}: the draws hold {value}, the variable is a whole number ({x.dtype})")
        return array.reshape((self.count, *shape))

    def unstacked(self, results: Mapping[str, Array]) -> dict[str, Array]:
        """Return results with the sample axes in the place of one."""
        return {k: v.reshape((*self.lengths, *v.shape[1:])) for k, v in results.items()}
