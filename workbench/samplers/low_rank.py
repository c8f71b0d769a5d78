"""Correlations in the mass matrix: a few directions are stretched beyond the diagonal, where draws and gradients show that it pays.

In coordinates y whitened by the diagonal, a normal posterior with covariance S has the gradient ``g = -S^-1 y``. So ``y + g`` is zero
but in the directions whose eigenvalue is not 1, and there exactly so, however few the draws: its mean square is the sum of
``s + 1/s - 2`` over the eigenvalues s of S, the Fisher divergence. From every other one of the recent draws the directions are taken
in which ``y + g`` is largest, and within them the map A with ``A A' = C_g^-1 # C_y`` (the geometric mean of the covariances of draws
and of inverse gradients). From the draws between, which had no part in it, it is judged: it is used if it leaves less than half of
the divergence. Directions and covariances as in Seyboldt, Carlson and Carpenter, "Preconditioning Hamiltonian Monte Carlo by
minimizing Fisher divergence" (2026), section on low rank; the span of ``y + g``, and the judgement, are ours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.samplers.integrator import Diagonal
from workbench.samplers.kernel import branch, unchanged
from workbench.tensor.tensor import Tensor, as_tensor

EVERY = 50
"""Draws between updates."""
POWERS, ROOTS = 6, 20
"""Steps of the iterations for directions, and at most for the square root."""
WORTH, GAIN = 1.0, 0.5
"""Divergence below which the diagonal is good enough (an eigenvalue of 2.6 has 1), and the share of it that a map may leave."""
TINY = 1e-12


class Directions(NamedTuple):
    """The diagonal, and directions that are stretched beyond it, if there are any."""

    scale: Tensor
    bent: Tensor
    basis: Tensor
    factor: Tensor

    def velocity(self, g: Tensor) -> Tensor:
        u = self.scale * g
        inner = pt.dot(self.basis, u)
        return u + pt.dot(pt.dot(inner, self.factor) - inner, self.basis)

    def position(self, v: Tensor) -> Tensor:
        inner = pt.dot(self.basis, v)
        return self.scale * (v + pt.dot(pt.dot(self.factor, inner) - inner, self.basis))

    def kick(self, v: Tensor, g: Tensor, step: Tensor) -> Tensor:
        plain = Diagonal(self.scale)
        (v,) = pt.cond(
            self.bent, lambda v, g: [v + step * self.velocity(g)], lambda v, g: [plain.kick(v, g, step)], [v, g], ("v", "g")
        )
        return v

    def drift(self, q: Tensor, v: Tensor, g: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        plain = Diagonal(self.scale)

        def bent(q: Tensor, v: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
            v = v + 0.5 * step * self.velocity(g)
            return q + step * self.position(v), v

        q, v = pt.cond(self.bent, lambda q, v, g: bent(q, v, g), lambda q, v, g: plain.drift(q, v, g, step), [q, v, g], ("q", "v", "g"))
        return q, v


def update_directions(s: Any) -> Any:
    """Return the state with its draw among the recent ones and, now and then, directions from them; none where they do not pay."""
    return branch(s.recent_q.shape[0] > 0, _remembered, unchanged, s)


def _remembered(s: Any) -> Any:
    size = s.recent_q.shape[0]
    row = s.draw % size
    s = s._replace(recent_q=s.recent_q[row].set(s.proposal_q), recent_g=s.recent_g[row].set(s.proposal_g))
    due = pt.logical_and(s.draw + 1 >= size, pt.equal((s.draw + 1) % EVERY, 0))
    return branch(due, _renewed, unchanged, s)


def _renewed(s: Any) -> Any:
    returns = (s.bent.type, s.basis.type, s.factor.type)
    bent, basis, factor = pt.slot("directions", returns, s.recent_q, s.recent_g, s.scale, s.basis)
    return s._replace(bent=bent, basis=basis, factor=factor)


def judged_directions() -> Graph:
    """Return the graph from recent draws and gradients (n, d), the scale (d,) and an array for directions (rank, d) to whether
    directions pay, and these, all zero if not. It is compiled apart: within a sampler, C compilers take five times as long for both."""
    q, g = pt.matrix("recent_q", "recent", "d"), pt.matrix("recent_g", "recent", "d")
    scale, like = pt.vector("scale", "d"), pt.matrix("basis", "rank", "d")
    even, odd = slice(0, None, 2), slice(1, None, 2)
    y, g_of_y = q / scale, g * scale
    basis, factor, inverse = directions(_centred(y[even]), _centred(g_of_y[even]), like.shape[0])
    before, after = divergences(_centred(y[odd]), _centred(g_of_y[odd]), basis, factor, inverse)
    pays = pt.logical_and(pt.all(pt.isfinite(factor)), pt.logical_and(before > WORTH, after < GAIN * before))
    return Graph([q, g, scale, like], [pays, pt.where(pays, basis, pt.zeros_like(like)), pt.where(pays, factor, pt.zeros_like(factor))])


def _centred(x: Tensor) -> Tensor:
    return x - pt.mean(x, axis=0)


def directions(y: Tensor, g: Tensor, rank: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return orthonormal directions (rank, d), some of them zero where there are fewer; the map A within them, and its inverse (rank, rank).

    Parameters
    ----------
    y, g
        Draws and gradients, centred and whitened, (n, d).
    rank
        How many directions, at most n.
    """
    difference = y + g
    gram = pt.dot(difference, difference.T)
    combinations = orthonormal(gram[pt.arange(rank)])

    def power(i: Tensor, rows: Tensor) -> list[Tensor]:
        return [i + 1, orthonormal(pt.dot(rows, gram))]

    _, combinations = pt.while_loop(lambda i, rows: i < POWERS, power, [0, combinations], ("i", "combinations"))
    basis = orthonormal(pt.dot(combinations, difference))
    n = pt.cast(y.shape[0], "float64")
    small = TINY * pt.eye(basis.shape[0])
    inner_y, inner_g = pt.dot(y, basis.T), pt.dot(g, basis.T)
    lower = pt.linalg.cholesky(pt.dot(inner_g.T, inner_g) / n + small)
    inside = pt.dot(pt.dot(lower.T, pt.dot(inner_y.T, inner_y) / n + small), lower)
    root = pt.linalg.cholesky(square_root(0.5 * (inside + inside.T)))
    factor = pt.linalg.solve_triangular(lower, root, lower=True, trans=1)
    return basis, factor, pt.linalg.solve_triangular(root, lower.T, lower=True)


def divergences(y: Tensor, g: Tensor, basis: Tensor, factor: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Fisher divergence of draws and gradients from the standard normal, as they are and in the mapped coordinates."""
    n = pt.cast(y.shape[0], "float64")
    inner_y, inner_g = pt.dot(y, basis.T), pt.dot(g, basis.T)
    before = pt.sum(pt.square(y + g)) / n
    mapped = pt.dot(inverse, inner_y.T) + pt.dot(factor.T, inner_g.T)
    inside = pt.sum(pt.square(inner_y + inner_g)) / n
    return before, before - inside + pt.sum(pt.square(mapped)) / n


def orthonormal(rows: Tensor) -> Tensor:
    """Return orthonormal rows of the same span, by modified Gram and Schmidt, twice; zero where a row depends on those before."""

    def body(i: Tensor, done: Tensor) -> list[Tensor]:
        row = rows[i]
        before = pt.sum(pt.square(row))
        for _ in range(2):
            row = row - pt.dot(pt.dot(done, row), done)
        after = pt.sum(pt.square(row))
        usable = after > TINY * before
        return [i + 1, done[i].set(pt.where(usable, row / pt.sqrt(pt.where(usable, after, 1.0)), 0.0))]

    _, done = pt.while_loop(lambda i, done: i < rows.shape[0], body, [0, pt.zeros_like(rows)], ("i", "orthonormal"))
    return done


def square_root(x: Tensor) -> Tensor:
    """Return the square root of a positive definite matrix (Denman and Beavers, 1976)."""

    def body(i: Tensor, y: Tensor, z: Tensor, change: Tensor) -> list[Tensor]:
        new_y, new_z = 0.5 * (y + _inverse(z)), 0.5 * (z + _inverse(y))
        change = pt.sum(pt.square(new_y - y)) / pt.sum(pt.square(new_y))
        return [i + 1, 0.5 * (new_y + new_y.T), 0.5 * (new_z + new_z.T), change]

    going = lambda i, y, z, change: pt.logical_and(i < ROOTS, change > 1e-18)  # noqa: E731
    _, root, _, _ = pt.while_loop(going, body, [0, x, pt.eye(x.shape[0]), as_tensor(1.0)], ("i", "root", "inverse_root", "change"))
    return root


def _inverse(x: Tensor) -> Tensor:
    """The inverse of a positive definite matrix."""
    half = pt.linalg.solve_triangular(pt.linalg.cholesky(x), pt.eye(x.shape[0]), lower=True)
    return pt.dot(half.T, half)
