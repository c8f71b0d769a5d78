"""The Metropolis-adjusted Langevin algorithm: a step along the gradient, with noise, taken or not.

One leapfrog from a velocity drawn anew is a step of Langevin's equation, and the change of energy is the logarithm of
its ratio of acceptance: so it is HMC with trajectories of one leapfrog. Source: Roberts and Tweedie, "Exponential
convergence of Langevin distributions and their discrete approximations" (1996).
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.samplers.hmc import Hmc, HmcSettings, HmcState
from workbench.samplers.kernel import Kernel
from workbench.tensor.tensor import Tensor, as_tensor


class Mala(Hmc):
    """MALA: a position moves by ``h**2 / 2 * M**-1 * gradient + h * M**(-1/2) * noise``."""

    name = "mala"

    def jitter(self, s: HmcState) -> Tensor:
        return as_tensor(1.0)

    def steps(self, s: HmcState, step: Tensor) -> Tensor:
        return as_tensor(1)


@dataclass(frozen=True)
class MalaSettings:
    """What a user may choose.

    Parameters
    ----------
    target_accept
        Acceptance that the step size aims at: 0.574 is best in many dimensions (Roberts and Rosenthal, 1998).
    step_scale
        First step size, for one element: for `d` it is divided by ``d ** 0.25``. It is looked for where this is None.
    metric
        What the mass matrix has beside its diagonal, as for NUTS: "auto", "diag", "low_rank" or "dense".
    """

    target_accept: float = 0.574
    step_scale: float | None = None
    metric: str = "auto"

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return Mala

    def arguments(self, size: int) -> list[object]:
        """Return what the kernel's parameters are given for a block of `size` elements."""
        return HmcSettings(target_accept=self.target_accept, step_scale=self.step_scale, metric=self.metric).arguments(size)
