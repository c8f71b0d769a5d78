"""Normalising flows: compositions of maps, each with a known change of volume, that bend normal noise into other shapes.

Source: Rezende and Mohamed, "Variational inference with normalizing flows" (2015); affine coupling: Dinh, Sohl-Dickstein and Bengio,
"Density estimation using Real NVP" (2017). The formulas are PyMC 3's: ``"scale-planar*8-loc"``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, closest
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.variational.family import Array, Family, Place, Values, standard_normal
from workbench.variational.gaussian import inverse_softplus

HIDDEN = 16
"""Hidden units of a coupling's network."""


class Layer:
    """An invertible map of (d,) numbers: the identity, or near it, at first.

    Attributes
    ----------
    name
        What it is called in formulas.
    shapes
        Names of lengths of its parameters, by name.
    """

    name: ClassVar[str]
    shapes: ClassVar[dict[str, tuple[str, ...]]]

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        """Return its parameters at first; one of the layers takes the mean, and one the standard deviations, that are begun with."""
        raise NotImplementedError

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Return where `x` (d,) goes, and the logarithm of the change of volume; it is layer `number` of its kind."""
        raise NotImplementedError


class Loc(Layer):
    """``x + loc``."""

    name = "loc"
    shapes = {"shift": ("d",)}

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [mean.copy()]

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        return x + values[0], as_tensor(0.0)


class Scale(Layer):
    """``softplus(rho) * x``."""

    name = "scale"
    shapes = {"rho": ("d",)}

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [np.zeros(len(mean)) if sd is None else np.broadcast_to(inverse_softplus(sd), mean.shape).copy()]

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        scale = pt.softplus(values[0])
        return scale * x, pt.sum(pt.log(scale))


class Householder(Layer):
    """A reflection: ``x - 2 v (v'x) / (v'v)``. It changes no volume; several turn what others stretch."""

    name = "hh"
    shapes = {"normal": ("d",)}

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [rng.standard_normal(len(mean))]

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        (v,) = values
        return x - 2.0 * v * (pt.dot(v, x) / pt.dot(v, v)), as_tensor(0.0)


class Planar(Layer):
    """``x + u tanh(w'x + b)``, with the part of `u` along `w` such that it is invertible: ``w'u > -1``."""

    name = "planar"
    shapes = {"u": ("d",), "w": ("d",), "b": ()}

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [np.zeros(len(mean)), rng.standard_normal(len(mean)) / math.sqrt(len(mean)), np.zeros(())]

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        u, w, b = values
        inner, square = pt.dot(w, u), pt.dot(w, w)
        along = pt.softplus(inner + math.log(math.e - 1.0)) - 1.0
        u = u + (along - inner) * w / square
        bent = pt.tanh(pt.dot(w, x) + b)
        return x + u * bent, pt.log1p(along * (1.0 - pt.square(bent)))


class Radial(Layer):
    """``x + beta (x - centre) / (alpha + |x - centre|)``, with ``beta > -alpha``."""

    name = "radial"
    shapes = {"centre": ("d",), "a": (), "b": ()}

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [0.1 * rng.standard_normal(len(mean)), np.zeros(()), np.zeros(())]

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        centre, a, b = values
        alpha = pt.softplus(a)
        beta = pt.softplus(b) - alpha
        away = x - centre
        # A draw at the centre itself has no direction: it stays.
        r = pt.sqrt(pt.sum(pt.square(away)) + 1e-30)
        share = beta / (alpha + r)
        n = pt.cast(as_tensor(x.shape[0]), "float64")
        return x + share * away, (n - 1.0) * pt.log1p(share) + pt.log1p(share * alpha / (alpha + r))


class Coupling(Layer):
    """Every other element is scaled and shifted by what a small network makes of those between, which stay as they are."""

    name = "coupling"
    shapes = {"into": ("k", "d"), "offset": ("k",), "scale": ("d", "k"), "shift": ("d", "k"), "scale_offset": ("d",), "shift_offset": ("d",)}

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        d, none = len(mean), np.zeros((len(mean), HIDDEN))
        into = rng.standard_normal((HIDDEN, d)) / math.sqrt(max(1, d // 2))
        return [into, 0.1 * rng.standard_normal(HIDDEN), none, none.copy(), np.zeros(d), np.zeros(d)]

    def forward(self, values: Values, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
        into, offset, scale, shift, scale_offset, shift_offset = values
        moved = pt.cast((pt.arange(x.shape[0]) + number) % 2, "float64")
        hidden = pt.tanh(pt.dot(into, (1.0 - moved) * x) + offset)
        # At most by a factor of 7.4 at once.
        log_scale = 2.0 * pt.tanh(0.5 * (pt.dot(scale, hidden) + scale_offset)) * moved
        return x * pt.exp(log_scale) + moved * (pt.dot(shift, hidden) + shift_offset), pt.sum(log_scale)


LAYERS: dict[str, Layer] = {layer.name: layer for layer in (Loc(), Scale(), Householder(), Planar(), Radial(), Coupling())}


def layers_of(formula: str) -> tuple[str, ...]:
    """Return the names of layers that a formula lists.

    Raises
    ------
    ArgumentError
        If it is no formula, or names a layer that is not there.

    Examples
    --------
    >>> layers_of("scale-planar*2-loc")
    ('scale', 'planar', 'planar', 'loc')
    """
    if not isinstance(formula, str) or not formula:
        raise ArgumentError(f"a flow is a formula such as 'scale-planar*8-loc', got {formula!r}", argument="flow")
    found: list[str] = []
    for part in formula.replace(" ", "").split("-"):
        match = re.fullmatch(r"([a-z]+)(?:\*([1-9][0-9]*))?", part)
        if match is None or match[1] not in LAYERS:
            near = closest(part.partition("*")[0], LAYERS)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(LAYERS)}; planar*8 is eight of them"
            raise ArgumentError(f"{part!r} in the formula {formula!r} is no layer of a flow", hint, argument="flow")
        found += [match[1]] * int(match[2] or 1)
    return tuple(found)


class FlowFamily(Family):
    """Normal noise, through the layers of a formula.

    Parameters
    ----------
    formula
        Layers in turn, the first one next to the noise.
    """

    def __init__(self, formula: str = "coupling*4-scale-loc") -> None:
        self.layers = layers_of(formula)
        self.formula = formula

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"flow_{'_'.join(self.layers)}"

    def parameters(self) -> list[Tensor]:
        return [
            pt.tensor(f"{kind}{i}_{name}", "float64", lengths)
            for i, kind in enumerate(self.layers) for name, lengths in LAYERS[kind].shapes.items()
        ]  # fmt: skip

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        found: list[Array] = []
        last = {kind: i for i, kind in enumerate(self.layers)}
        for i, kind in enumerate(self.layers):
            at_last = last[kind] == i
            found += LAYERS[kind].start(mean if at_last else np.zeros_like(mean), sd if at_last else np.ones_like(mean), rng)
        return found

    def zeros(self, values: Values) -> Tensor:
        lengths = next(iter(LAYERS[self.layers[0]].shapes.values()))
        return pt.zeros(values[0].shape[lengths.index("d")])

    def noise(self, key: Tensor, values: Values) -> list[Tensor]:
        return [pt.random.normal(key, self.zeros(values).shape)]

    def draw(self, values: Values, noise: Sequence[Tensor]) -> Place:
        x, volume, at = noise[0], as_tensor(0.0), 0
        seen: dict[str, int] = {}
        for kind in self.layers:
            layer = LAYERS[kind]
            n = len(layer.shapes)
            x, change = layer.forward(values[at : at + n], x, seen.get(kind, 0))
            seen[kind] = seen.get(kind, 0) + 1
            volume, at = volume + change, at + n
        return Place(x, standard_normal(noise[0]) - volume, volume)
