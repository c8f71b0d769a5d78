"""Equations whose unknown is a matrix: Lyapunov's, Sylvester's, Riccati's; Schur's forms. Public in `workbench.tensor.linalg`.

Solved by SciPy (Bartels and Stewart, 1972; generalised eigenvectors for Riccati's), called back from compiled code. Gradients solve the
adjoint equation; that of Riccati's is Kao and Hennequin's (2020), "Automatic differentiation of Sylvester, Lyapunov, and algebraic Riccati equations".
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from workbench.errors import ArgumentError, ShapeError
from workbench.graph.expr import Expr, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.lengths import one_length
from workbench.graph.types import Shape, TensorType, TupleType
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, of_each
from workbench.tensor.linalg.linear_systems import solve
from workbench.tensor.linalg.products import matmul
from workbench.tensor.linalg.products import matrix_transpose as t
from workbench.tensor.tensor import Tensor


class OfSciPy(Gufunc):
    """An operation that SciPy computes for one matrix at a time; NaN for one for which it cannot."""

    results: ClassVar[int] = 1

    def cores_of(self, *types: Any) -> list[Shape]:
        """The shapes of the results for one matrix."""
        raise NotImplementedError

    def of_one(self, *matrices: Any) -> Any:
        """What SciPy gives for one matrix."""
        raise NotImplementedError

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        for x in types:
            check_matrix(self.name, x)
        batch = self.batch(*types)
        made = tuple(types[0].with_shape((*batch, *core)) for core in self.cores_of(*types))
        return TupleType(made) if self.results > 1 else made[0]

    def numpy(self, *stacks: Any) -> Any:
        types = [TensorType(str(x.dtype), x.shape) for x in stacks]
        found: Any = of_each(self._of_finite, self.cores_of(*types), (np.linalg.LinAlgError, ValueError), *stacks)
        return found if self.results > 1 else found[0]

    def _of_finite(self, *matrices: Any) -> Any:
        if not all(x.size and np.isfinite(x).all() for x in matrices):
            raise np.linalg.LinAlgError("there is no solution")
        return self.of_one(*matrices)

    def jax(self, *stacks: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        kind = self.infer(*(TensorType(str(x.dtype), tuple(x.shape)) for x in stacks))
        items: Any = kind.items if isinstance(kind, TupleType) else (kind,)
        wanted = tuple(jax.ShapeDtypeStruct(k.static_shape, k.dtype) for k in items)
        host: Callable[..., Any] = lambda *arrays: self.numpy(*map(np.asarray, arrays))  # noqa: E731
        return jax.pure_callback(host, wanted if self.results > 1 else wanted[0], *stacks, vmap_method="sequential")


def _square(what: str, x: TensorType) -> Any:
    check_matrix(what, x, square=True)
    return x.shape[-1]


def _agree(what: str, *pairs: tuple[Any, Any]) -> None:
    for n, m in pairs:
        if one_length(n, m) is None:
            raise ShapeError(f"{what}: the matrices do not fit together, {n} is not {m}")


@frozen
class Sylvester(OfSciPy):
    """X with ``a @ X + X @ b = q``."""

    name = "solve_sylvester"
    cores = (2, 2, 2)

    def cores_of(self, *types: Any) -> list[Shape]:
        a, b, q = types
        n, m = _square(self.name, a), _square(self.name, b)
        _agree(self.name, (n, q.shape[-2]), (m, q.shape[-1]))
        return [(n, m)]

    def of_one(self, a: Any, b: Any, q: Any) -> Any:
        from scipy.linalg import solve_sylvester as solver

        return solver(a, b, q)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        a, b, q = node.inputs
        g = intern(self, (t(a), t(b), _s.whole(cotangent, node)))
        parts = [-matmul(g, t(node)), -matmul(t(node), g), g]  # type: ignore[arg-type]
        return [_s.unbroadcast(p, x) for p, x in zip(parts, (a, b, q))]


@frozen
class DiscreteLyapunov(OfSciPy):
    """X with ``X - a @ X @ a.T = q``."""

    name = "solve_discrete_lyapunov"
    cores = (2, 2)

    def cores_of(self, *types: Any) -> list[Shape]:
        a, q = types
        n = _square(self.name, a)
        _agree(self.name, (n, q.shape[-2]), (n, q.shape[-1]))
        return [(n, n)]

    def of_one(self, a: Any, q: Any) -> Any:
        from scipy.linalg import solve_discrete_lyapunov as solver

        return solver(a, q)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        a, q = node.inputs
        x: Any = node
        g = intern(self, (t(a), _s.whole(cotangent, node)))
        of_a = matmul(matmul(g, a), t(x)) + matmul(matmul(t(g), a), x)
        return [_s.unbroadcast(of_a, a), _s.unbroadcast(g, q)]


@frozen
class DiscreteRiccati(OfSciPy):
    """X with ``a.T @ X @ a - X - a.T @ X @ b @ inv(r + b.T @ X @ b) @ b.T @ X @ a + q = 0``."""

    name = "solve_discrete_are"
    cores = (2, 2, 2, 2)

    def cores_of(self, *types: Any) -> list[Shape]:
        a, b, q, r = types
        n, m = _square(self.name, a), _square(self.name, r)
        _agree(self.name, (n, b.shape[-2]), (m, b.shape[-1]), (n, q.shape[-1]), (n, q.shape[-2]))
        return [(n, n)]

    def of_one(self, a: Any, b: Any, q: Any, r: Any) -> Any:
        from scipy.linalg import solve_discrete_are as solver

        return solver(a, b, 0.5 * (q + q.T), 0.5 * (r + r.T))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        a, b, q, r = node.inputs
        x: Any = node
        whole = _s.whole(cotangent, node)
        gain = solve(r + matmul(matmul(t(b), x), b), matmul(matmul(t(b), x), a), b_ndim=2)
        closed = a - matmul(b, gain)
        s = intern(DiscreteLyapunov(), (closed, 0.5 * (whole + t(whole))))
        through = 2.0 * matmul(matmul(x, closed), s)
        parts = [through, -matmul(through, t(gain)), s, matmul(matmul(gain, s), t(gain))]
        return [_s.unbroadcast(p, y) for p, y in zip(parts, (a, b, q, r))]


@frozen
class Schur(OfSciPy):
    """The real Schur form: ``x = Z @ T @ Z.T``."""

    name = "schur"
    results = 2

    def cores_of(self, *types: Any) -> list[Shape]:
        n = _square(self.name, types[0])
        return [(n, n), (n, n)]

    def of_one(self, x: Any) -> Any:
        from scipy.linalg import schur as solver

        return solver(x)


@frozen
class QZ(OfSciPy):
    """The real generalised Schur form of two matrices: ``a = Q @ AA @ Z.T``, ``b = Q @ BB @ Z.T``."""

    name = "qz"
    cores = (2, 2)
    results = 4

    def cores_of(self, *types: Any) -> list[Shape]:
        a, b = types
        n = _square(self.name, a)
        _agree(self.name, (n, _square(self.name, b)))
        return [(n, n)] * 4

    def of_one(self, a: Any, b: Any) -> Any:
        from scipy.linalg import qz as solver

        return solver(a, b)


class SchurResult(NamedTuple):
    """What :func:`schur` returns.

    Examples
    --------
    >>> pt.linalg.schur([[2.0, 0.0], [0.0, 3.0]])._fields
    ('T', 'Z')
    """

    T: Tensor
    Z: Tensor


def solve_sylvester(a: Any, b: Any, q: Any) -> Tensor:
    """Return X with ``a @ X + X @ b = q``.

    Parameters
    ----------
    a, b, q
        Shapes (..., n, n), (..., m, m) and (..., n, m).

    Returns
    -------
    Shape (..., n, m); NaN where there is no one solution.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.solve_sylvester([[1.0]], [[2.0]], [[6.0]]).eval()
    array([[2.]])
    """
    return intern(Sylvester(), tuple(floats("solve_sylvester", a, b, q)))


def solve_continuous_lyapunov(a: Any, q: Any) -> Tensor:
    """Return X with ``a @ X + X @ a.T = q``.

    Parameters
    ----------
    a, q
        Shape (..., n, n).

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.solve_continuous_lyapunov([[-1.0]], [[-4.0]]).eval()
    array([[2.]])
    """
    a, q = floats("solve_continuous_lyapunov", a, q)
    check_matrix("solve_continuous_lyapunov", a.type, square=True)
    return intern(Sylvester(), (a, t(a), q))


def solve_discrete_lyapunov(a: Any, q: Any, method: str | None = None) -> Tensor:
    """Return X with ``X - a @ X @ a.T = q``: the covariance of the stationary state of an autoregression.

    Parameters
    ----------
    a, q
        Shape (..., n, n).
    method
        Taken for the sake of SciPy's and PyTensor's code.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    The variance of an AR(1) process:

    >>> import workbench.tensor as pt
    >>> pt.linalg.solve_discrete_lyapunov([[0.5]], [[3.0]]).eval()
    array([[4.]])
    """
    return intern(DiscreteLyapunov(), tuple(floats("solve_discrete_lyapunov", a, q)))


def solve_discrete_are(a: Any, b: Any, q: Any, r: Any, enforce_Q_symmetric: bool = False) -> Tensor:
    """Return the stabilising solution X of the discrete algebraic Riccati equation: what a steady Kalman filter or regulator needs.

    Parameters
    ----------
    a, b, q, r
        Shapes (..., n, n), (..., n, m), (..., n, n) and (..., m, m); `q` and `r` count as symmetric.
    enforce_Q_symmetric
        Taken for the sake of PyTensor's code.

    Returns
    -------
    Shape (..., n, n); NaN where there is none.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    x**2 - x - 1 = 0:

    >>> import workbench.tensor as pt
    >>> pt.linalg.solve_discrete_are([[1.0]], [[1.0]], [[1.0]], [[1.0]]).eval().round(6)
    array([[1.618034]])
    """
    return intern(DiscreteRiccati(), tuple(floats("solve_discrete_are", a, b, q, r)))


def schur(a: Any, output: str = "real") -> SchurResult:
    """Return T and Z with ``a = Z @ T @ Z.T``, T with blocks of one or two on its diagonal; it has no gradient.

    Parameters
    ----------
    a
        Shape (..., n, n).
    output
        "real": numbers are real here.

    Raises
    ------
    ArgumentError
        If `output` is "complex".
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> T, Z = pt.linalg.schur([[1.0, 2.0], [0.0, 3.0]])
    >>> (Z @ T @ Z.T).eval().round(12).tolist()
    [[1.0, 2.0], [0.0, 3.0]]
    """
    if output not in ("real", "r"):
        raise ArgumentError(f"schur: output={output!r}", "numbers are real here: output='real'")
    return SchurResult(*results_of(intern(Schur(), tuple(floats("schur", a)))))


def qz(a: Any, b: Any, output: str = "real", sort: Any = None, return_eigenvalues: bool = False) -> tuple[Tensor, ...]:
    """Return AA, BB, Q and Z with ``a = Q @ AA @ Z.T`` and ``b = Q @ BB @ Z.T``; it has no gradient.

    Parameters
    ----------
    a, b
        Shape (..., n, n).
    output, sort, return_eigenvalues
        "real", None and False: eigenvalues, by which others are sorted, would be complex numbers.

    Raises
    ------
    ArgumentError
        If they are anything else.
    ShapeError
        If the matrices are not square, or not of one size.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> AA, BB, Q, Z = pt.linalg.qz([[1.0, 2.0], [3.0, 4.0]], [[2.0, 0.0], [0.0, 1.0]])
    >>> (Q @ BB @ Z.T).eval().round(12).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    if output not in ("real", "r") or sort is not None or return_eigenvalues:
        raise ArgumentError("qz: eigenvalues, and forms sorted by them, are complex numbers, which are not here", "output='real', sort=None")
    return tuple(results_of(intern(QZ(), tuple(floats("qz", a, b)))))
