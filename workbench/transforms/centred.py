"""The way back from a model that is written by its noise: sampled is what is made of the noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform


class Centred(Transform):
    """Noise `z`, by ``m + s * z``, which the model has in its place everywhere.

    Parameters
    ----------
    location, scale
        Expressions of the model, `scale` a positive one.
    """

    name = "centred"
    onto = True

    def __init__(self, location: Tensor, scale: Tensor) -> None:
        self.location, self.scale = location, scale

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Centred) and self.location is other.location and self.scale is other.scale

    def __hash__(self) -> int:
        return hash((Centred, self.location, self.scale))

    def __repr__(self) -> str:
        return f"Centred({self.location!r}, {self.scale!r})"

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.location, self.scale

    def with_inputs(self, inputs: Sequence[Any]) -> Transform:
        return Centred(*inputs)

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return (value - self.location) / self.scale

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return self.location + self.scale * value

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return -pt.broadcast_to(pt.log(self.scale), value.shape)
