"""Slice sampling: a height under the density, then a point where the density is above it. No step size to get wrong.

Elements are moved in turn, each given the others: an interval around the element is stepped out until its ends are
outside the slice, and shrunk towards the element until a point of it is inside. Source: Neal, "Slice sampling" (2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.errors import SamplingError
from workbench.samplers.kernel import Kernel, Position, address, branch, known_rest
from workbench.samplers.proposals import positive
from workbench.tensor.tensor import Tensor, as_tensor

HEIGHT, PLACE, LEFTWARD, INSIDE = range(4)
STEPPING_LEFT, STEPPING_RIGHT, SHRINKING = range(3)


class SliceState(NamedTuple):
    """What a chain carries from one evaluation of the density to the next (`d` elements)."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made."""
    rest_q: Tensor
    """Continuous values of the position, of which those of other kernels are read."""
    rest_z: Tensor
    """Discrete values of the position."""
    x: Tensor
    """The block, (d,)."""
    lp: Tensor
    """Its log-density."""
    element: Tensor
    """The element that is being moved; `d` when the draw is done."""
    doing: Tensor
    """What is being done with its interval."""
    height: Tensor
    """Logarithm of the density above which the slice is."""
    left: Tensor
    """The interval's ends."""
    right: Tensor
    left_steps: Tensor
    """Steps out that each end may still make."""
    right_steps: Tensor
    shrunk: Tensor
    """Points of the interval that were outside the slice."""
    width: Tensor
    """First widths of intervals, (d,)."""
    tunes: Tensor
    """Whether widths are tuned in warm-up."""
    most: Tensor
    """Most steps out for one element."""
    steps_out: Tensor
    """Steps out of this draw."""
    steps_in: Tensor
    """Points outside the slice in this draw."""


class SliceNumbers:
    """The random numbers of a slice sampler, by address; of one element unless it says otherwise."""

    def height(self, s: SliceState) -> Tensor:
        """A standard exponential number: how far the height is below the log-density."""
        return pt.random.exponential(self._key(s, HEIGHT))

    def place(self, s: SliceState) -> Tensor:
        """A uniform number: where in its first interval the element is."""
        return pt.random.uniform(self._key(s, PLACE))

    def leftward(self, s: SliceState) -> Tensor:
        """A uniform number: the share of steps out that the left end may make."""
        return pt.random.uniform(self._key(s, LEFTWARD))

    def inside(self, s: SliceState) -> Tensor:
        """A uniform number: the next point of the interval."""
        return pt.random.uniform(pt.random.fold_in(self._key(s, INSIDE), s.shrunk))

    @staticmethod
    def _key(s: SliceState, purpose: int) -> Tensor:
        return pt.random.fold_in(address(s, purpose), s.element)


class Slice(Kernel):
    """Slice sampling of the elements in turn.

    Parameters
    ----------
    place
        Its number in a compound.
    numbers
        Where random numbers come from.
    """

    name = "slice"
    stats = {"nstep_out": "int64", "nstep_in": "int64"}
    densities = ("logp",)

    def __init__(self, place: int | None = None, numbers: SliceNumbers = SliceNumbers()) -> None:
        super().__init__(place)
        self.numbers = numbers

    def parameters(self) -> list[Tensor]:
        """First widths, whether they are tuned, and most steps out."""
        return [pt.vector("width", "d"), pt.scalar("tunes", "bool"), pt.scalar("most")]

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> SliceState:
        width, tunes, most = parameters
        rest_q, rest_z = known_rest(rest)
        none, zero = as_tensor(0), as_tensor(0.0)
        return SliceState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z, x=x, lp=self.logp(x, rest), element=none, doing=none, height=zero,
            left=zero, right=zero, left_steps=zero, right_steps=zero, shrunk=none, width=width, tunes=tunes, most=most,
            steps_out=none, steps_in=none,
        )  # fmt: skip

    def renew(self, s: SliceState, rest: Position) -> SliceState:
        return s._replace(rest_q=rest.q, rest_z=rest.z, lp=self.logp(s.x, rest))

    def begin(self, s: SliceState) -> SliceState:
        return self.begin_element(s._replace(element=as_tensor(0), steps_out=as_tensor(0), steps_in=as_tensor(0)))

    def begin_element(self, s: SliceState) -> SliceState:
        """Draw a height and an interval that the element is anywhere in."""
        width = s.width[s.element]
        left = s.x[s.element] - width * self.numbers.place(s)
        # Of a bounded number of steps, each share for the left end is as probable: so the way back is too.
        bounded = pt.isfinite(s.most)
        leftward = pt.where(bounded, pt.floor((pt.where(bounded, s.most, 0.0) + 1.0) * self.numbers.leftward(s)), s.most)
        return s._replace(
            doing=as_tensor(STEPPING_LEFT), height=s.lp - self.numbers.height(s), left=left, right=left + width,
            left_steps=leftward, right_steps=pt.where(bounded, s.most - leftward, s.most), shrunk=as_tensor(0),
        )  # fmt: skip

    def tick(self, s: SliceState, tune: Tensor) -> SliceState:
        """Look at one point: an end of the interval, or a point of it."""
        inner = s.left + (s.right - s.left) * self.numbers.inside(s)
        at = pt.where(pt.equal(s.doing, SHRINKING), inner, pt.where(pt.equal(s.doing, STEPPING_LEFT), s.left, s.right))
        x = s.x[s.element].set(at)
        lp = self.logp(x, self.rest(s))
        # A point without a density, or with an infinite one, is outside.
        inside = pt.logical_and(lp >= s.height, pt.isfinite(lp))
        return branch(
            pt.equal(s.doing, SHRINKING),
            lambda s: branch(inside, lambda s: self.take(s, x, lp, tune), lambda s: self.shrink(s, at), s),
            lambda s: self.step_out(s, inside),
            s,
        )

    def step_out(self, s: SliceState, inside: Tensor) -> SliceState:
        """Move an end outwards while it is inside, then go on to what comes next."""
        leftward = pt.equal(s.doing, STEPPING_LEFT)
        steps = pt.where(leftward, s.left_steps, s.right_steps)
        goes = pt.logical_and(inside, steps >= 1.0)
        width = s.width[s.element]
        return s._replace(
            left=pt.where(pt.logical_and(goes, leftward), s.left - width, s.left),
            right=pt.where(pt.logical_and(goes, pt.logical_not(leftward)), s.right + width, s.right),
            left_steps=pt.where(leftward, steps - 1.0, s.left_steps),
            right_steps=pt.where(leftward, s.right_steps, steps - 1.0),
            steps_out=s.steps_out + pt.where(goes, 1, 0),
            doing=pt.where(goes, s.doing, s.doing + 1),
        )

    def shrink(self, s: SliceState, at: Tensor) -> SliceState:
        """The point is outside: it becomes an end of the interval, which keeps the element inside."""
        before = at < s.x[s.element]
        return s._replace(
            left=pt.where(before, at, s.left), right=pt.where(before, s.right, at), shrunk=s.shrunk + 1, steps_in=s.steps_in + 1
        )

    def take(self, s: SliceState, x: Tensor, lp: Tensor, tune: Tensor) -> SliceState:
        """The point is inside: the element moves there, and the next one begins."""
        width = s.width[s.element]
        n = pt.cast(s.draw, "float64")
        mean = width * (n / (n + 1.0)) + (s.right - s.left) / (n + 1.0)
        adapts = pt.logical_and(pt.logical_and(s.tunes, s.draw < tune), mean > 0.0)
        s = s._replace(
            x=x, lp=lp, width=s.width[s.element].set(pt.where(adapts, mean, width)), element=s.element + 1,
        )  # fmt: skip
        done = s.element >= s.x.shape[0]
        return branch(done, lambda s: s._replace(draw=s.draw + 1), self.begin_element, s)

    def finished(self, s: SliceState) -> Tensor:
        return s.element >= s.x.shape[0]

    def value(self, s: SliceState) -> Tensor:
        return s.x

    def statistics(self, s: SliceState) -> list[Tensor]:
        return [s.steps_out, s.steps_in]


@dataclass(frozen=True)
class SliceSettings:
    """What a user may choose, by PyMC's names.

    Parameters
    ----------
    w
        First width of intervals, one or one for each element.
    tune
        Whether widths become the mean of the intervals' last ones in warm-up.
    iter_limit
        Most steps out for one element. An interval that is cut by it is as right, and shorter.
    """

    w: Any = 1.0
    tune: bool = True
    iter_limit: float = math.inf

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return Slice

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements.

        Raises
        ------
        SamplingError
            If an option is out of bounds, or of another size.
        """
        if not self.iter_limit >= 0:
            raise SamplingError(f"iter_limit must not be negative, got {self.iter_limit!r}")
        return [positive("w", self.w, size), bool(self.tune), float(self.iter_limit)]
