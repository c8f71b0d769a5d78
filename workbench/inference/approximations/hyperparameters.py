"""Hyperparameters integrated over: points around the mode of their marginal, with weights, and a density to draw from.

Points are those of Rue, Martino and Chopin, "Approximate Bayesian inference for latent Gaussian models by using integrated nested Laplace
approximations" (2009), section 6.5: a lattice in the coordinates z in which the marginal is about standard normal, or a central composite
design, of which the coordinates are stretched apart on both sides of the mode (Martins, Simpson, Lindgren and Rue, 2013).
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from workbench.errors import SamplingError
from workbench.inference.approximations.laplace_marginal import Conditional, LaplaceMarginal
from workbench.inference.approximations.mode import NoMode
from workbench.inference.blas_threads import limited

Array = np.ndarray[Any, Any]

class Mesh(NamedTuple):
    """How fine a lattice is.

    Attributes
    ----------
    spacing
        Of its points, in standard deviations.
    fall
        Points that lie lower than this below the mode are left out.
    cells
        Cells of the density to draw from, to one of the lattice, along each axis.
    """

    spacing: float
    fall: float
    cells: int


MESHES = {1: Mesh(0.5, 12.0, 10), 2: Mesh(0.7, 10.0, 8), 3: Mesh(1.0, 8.0, 5)}
"""By the number of hyperparameters: the more there are, the more points a finer one would need."""
COARSEST = Mesh(1.0, 6.0, 3)
MOST_POINTS = 3000
LEAST_CURVATURE = 0.04
"""A marginal is not taken to be wider than a standard deviation of 5 on the unconstrained scale."""
RADIUS = 1.1
"""f0 of the central composite design."""
DIFFERENCE = 1e-3


@dataclass(frozen=True, eq=False)
class MarginalMode:
    """The mode of the marginal of hyperparameters, and the coordinates around it in which it is about standard normal.

    Attributes
    ----------
    best
        The latent field at the mode.
    axes
        From coordinates z to hyperparameters: ``theta = mode + axes @ z``, (p, p).
    evaluations
        How often the latent field's mode was sought.
    """

    best: Conditional
    axes: Array
    evaluations: int

    def theta(self, z: Array) -> Array:
        return self.best.theta + z @ self.axes.T  # type: ignore[no-any-return]

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume of a unit cell of z in hyperparameters."""
        return float(np.linalg.slogdet(self.axes)[1]) if len(self.axes) else 0.0


def marginal_mode(marginal: LaplaceMarginal, start: Array) -> MarginalMode:
    """Return the mode of the marginal from a start, by BFGS with its gradient.

    Raises
    ------
    SamplingError
        If the latent field has no mode at the start.
    """
    import scipy.optimize

    count = 0
    try:
        last = marginal.at(start)
    except NoMode:
        raise SamplingError("given the hyperparameters at the start, the latent variables have no mode", "give another start with initvals, or sample with NUTS") from None
    if not len(start):
        return MarginalMode(last, np.empty((0, 0)), 1)

    def cost(theta: Array) -> tuple[float, Array]:
        nonlocal last, count
        count += 1
        try:
            found = marginal.at(theta, last)
        except NoMode:
            return np.inf, np.zeros(len(theta))
        if not (math.isfinite(found.log_marginal) and np.isfinite(found.gradient).all()):
            return np.inf, np.zeros(len(theta))
        last = found
        return -found.log_marginal, -found.gradient

    with np.errstate(all="ignore"):
        raw = scipy.optimize.minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-4})
    best = marginal.at(raw.x, last)
    curvature = np.empty((len(start), len(start)))
    for j, e in enumerate(np.eye(len(start))):
        up, down = (marginal.at(best.theta + sign * DIFFERENCE * e, best).gradient for sign in (1.0, -1.0))
        curvature[j] = -(up - down) / (2.0 * DIFFERENCE)
    size, vectors = np.linalg.eigh((curvature + curvature.T) / 2.0)
    return MarginalMode(best, vectors / np.sqrt(np.maximum(size, LEAST_CURVATURE)), count + 2 * len(start) + 2)


class Density(Protocol):
    """A density of hyperparameters to draw from."""

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Return draws in coordinates z, (count, p), and the log-density of each in these."""


@dataclass(frozen=True, eq=False)
class Integrated:
    """Points of hyperparameters, with the latent field at each.

    Attributes
    ----------
    mode
        The mode, and the coordinates.
    z
        The points, (k, p).
    points
        The latent field at each.
    log_weights
        Logarithms of their shares of the posterior, normalised, (k,).
    log_marginal_likelihood
        Of the data.
    density
        What to draw from.
    """

    mode: MarginalMode
    z: Array
    points: list[Conditional]
    log_weights: Array
    log_marginal_likelihood: float
    density: Density


def _integrated(mode: MarginalMode, z: Array, points: list[Conditional], log_areas: Array, density: Density) -> Integrated:
    heights = np.array([p.log_marginal for p in points]) + log_areas
    top = heights.max()
    total = top + math.log(np.exp(heights - top).sum())
    return Integrated(mode, z, points, heights - total, total + mode.log_volume, density)


def at_mode_alone(mode: MarginalMode) -> Integrated:
    """Return the mode as the one point (empirical Bayes): hyperparameters are fixed there, and their normal is drawn from."""
    p = len(mode.axes)
    return _integrated(mode, np.zeros((1, p)), [mode.best], np.array([0.5 * p * math.log(2.0 * math.pi)]), SplitNormal(np.ones((p, 2))))


def lattice(marginal: LaplaceMarginal, mode: MarginalMode) -> Integrated:
    """Return all lattice points that do not lie far below the mode: the trapezoidal rule, for few hyperparameters.

    Raises
    ------
    SamplingError
        If there are too many.
    """
    p = len(mode.axes)
    if p == 0:
        return at_mode_alone(mode)
    mesh = MESHES.get(p, COARSEST)
    top = mode.best.log_marginal
    heights = {(0,) * p: 0.0}
    kept = {(0,) * p: mode.best}
    frontier = list(kept)
    with limited(1), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        while frontier:
            nearby: dict[tuple[int, ...], Conditional] = {}
            for at in frontier:
                for axis, step in itertools.product(range(p), (-1, 1)):
                    beside = (*at[:axis], at[axis] + step, *at[axis + 1 :])
                    if beside not in heights:
                        nearby.setdefault(beside, kept[at])
            made = pool.map(lambda item: _sought(marginal, mode.theta(mesh.spacing * np.array(item[0])), item[1]), nearby.items())
            frontier = []
            for at, one in zip(nearby, made):
                heights[at] = -math.inf if one is None else one.log_marginal - top
                if one is not None and heights[at] > -mesh.fall:
                    kept[at] = one
                    frontier.append(at)
            if len(heights) > MOST_POINTS:
                raise SamplingError(f"more than {MOST_POINTS} points are needed for {p} hyperparameters", 'give int_strategy="ccd"')
    z = mesh.spacing * np.array(list(kept))
    return _integrated(mode, z, list(kept.values()), np.full(len(kept), p * math.log(mesh.spacing)), LatticeDensity(heights, kept, mesh))


def _sought(marginal: LaplaceMarginal, theta: Array, near: Conditional) -> Conditional | None:
    try:
        found = marginal.at(theta, near)
    except NoMode:
        return None
    return found if math.isfinite(found.log_marginal) else None


class LatticeDensity:
    """The density that is interpolated between lattice points, by a cubic spline of what its logarithm differs from a normal one's.

    Parameters
    ----------
    heights
        Log-density at the points that are kept, and at those around them, by their integer coordinates.
    kept
        Those that are kept.
    mesh
        How fine the lattice is, and the density.
    """

    def __init__(self, heights: Mapping[tuple[int, ...], float], kept: Iterable[tuple[int, ...]], mesh: Mesh) -> None:
        from scipy.ndimage import map_coordinates
        from scipy.spatial import cKDTree

        known = np.array([at for at, height in heights.items() if math.isfinite(height)])
        low, high = known.min(axis=0), known.max(axis=0)
        shape = tuple(high - low + 1)
        p = len(shape)
        self.width = mesh.spacing / mesh.cells
        residual = np.array([h for h in heights.values() if math.isfinite(h)]) + 0.5 * mesh.spacing**2 * np.sum(known**2, axis=1)
        every = np.array(list(np.ndindex(*shape)))
        filled = residual[cKDTree(known - low).query(every)[1]].reshape(shape)
        # Midpoints of the cells of the points that are kept.
        axes = [(np.arange(n * mesh.cells) + 0.5) / mesh.cells - 0.5 for n in shape]
        places = np.array(np.meshgrid(*axes, indexing="ij")).reshape(p, -1)
        inside = np.zeros(shape, bool)
        inside[tuple((np.array(list(kept)) - low).T)] = True
        places = places[:, inside[tuple(np.rint(places).astype(int))]]
        self.middles = mesh.spacing * (places.T + low)
        log_density = map_coordinates(filled, places, order=3, mode="nearest") - 0.5 * np.sum(self.middles**2, axis=1)
        mass = np.exp(log_density - log_density.max())
        self.mass = mass / mass.sum()

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        cells = rng.choice(len(self.mass), count, p=self.mass)
        p = self.middles.shape[1]
        within = self.width * rng.uniform(-0.5, 0.5, (count, p))
        return self.middles[cells] + within, np.log(self.mass[cells]) - p * math.log(self.width)


class SplitNormal:
    """Independent normal distributions with other standard deviations below and above the mode: `scales` (p, 2)."""

    def __init__(self, scales: Array) -> None:
        self.scales = scales

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        below, above = self.scales.T
        upper = rng.uniform(size=(count, len(below))) < above / (below + above)
        scale = np.where(upper, above, below)
        z = np.abs(rng.normal(size=scale.shape)) * scale * np.where(upper, 1.0, -1.0)
        log_density = np.log(2.0 / (below + above)) - 0.5 * math.log(2.0 * math.pi) - 0.5 * (z / scale) ** 2
        return z, log_density.sum(axis=1)


def composite_design(marginal: LaplaceMarginal, mode: MarginalMode) -> Integrated:
    """Return the points of a central composite design: few, for many hyperparameters."""
    p = len(mode.axes)
    if p == 0:
        return at_mode_alone(mode)
    top = mode.best.log_marginal
    probes: list[Array] = [sign * math.sqrt(2.0) * e for e in np.eye(p) for sign in (-1.0, 1.0)]
    radius = RADIUS * math.sqrt(p)
    design: list[Array] = [*(sign * radius * e for e in np.eye(p) for sign in (-1.0, 1.0)), *(RADIUS * c for c in _corners(p))]
    with limited(1), ThreadPoolExecutor(os.cpu_count() or 1) as pool:

        def all_of(rows: Sequence[Array]) -> list[Conditional | None]:
            return list(pool.map(lambda z: _sought(marginal, mode.theta(z), mode.best), rows))

        # A normal marginal falls by 1 at a distance of sqrt(2).
        falls = [top - one.log_marginal if one is not None else math.inf for one in all_of(probes)]
        scales = np.clip(1.0 / np.sqrt(np.maximum(falls, 0.05)), 0.2, 4.0).reshape(p, 2)
        stretched = [z * np.where(z < 0, scales[:, 0], scales[:, 1]) for z in design]
        made = all_of(stretched)
    mean = 0.5 * np.log(scales).sum(axis=1)
    log_scale = [np.where(z == 0, mean, np.where(z < 0, np.log(scales[:, 0]), np.log(scales[:, 1]))).sum() for z in design]
    # Weights are those by which a standard normal density has its mass, 1, and its variance, p.
    centre = 0.5 * p * math.log(2.0 * math.pi) + math.log(1.0 - 1.0 / RADIUS**2) + mean.sum()
    outer = 0.5 * p * math.log(2.0 * math.pi) + 0.5 * p * RADIUS**2 - math.log(len(design) * RADIUS**2)
    kept = [(z, one, outer + s) for z, one, s in zip(stretched, made, log_scale) if one is not None]
    return _integrated(
        mode, np.array([np.zeros(p), *(z for z, _, _ in kept)]), [mode.best, *(one for _, one, _ in kept)], np.array([centre, *(a for _, _, a in kept)]),
        SplitNormal(scales),
    )  # fmt: skip


def _corners(p: int) -> Array:
    """Corners of the cube, of p >= 5 a fraction in which no two main effects, nor two of their products, are confounded (resolution V)."""
    # Axes beyond the basic ones are products of these: Box, Hunter and Hunter, "Statistics for experimenters" (1978), table 12.15.
    generators: dict[int, list[tuple[int, ...]]] = {
        5: [(0, 1, 2, 3)], 6: [(0, 1, 2, 3, 4)], 7: [(0, 1, 2, 3, 4, 5)], 8: [(0, 1, 2, 3), (0, 1, 4, 5)],
    }  # fmt: skip
    products = generators.get(p, [])
    basic = np.array(list(itertools.product((-1.0, 1.0), repeat=p - len(products))))
    return np.column_stack([basic, *(np.prod(basic[:, list(of)], axis=1) for of in products)])
