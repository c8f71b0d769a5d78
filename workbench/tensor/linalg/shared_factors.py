"""One factorisation for several systems of a general matrix, and of its transpose: what rules make of `solve`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Expr
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor.gufunc import Gufunc, check_matrix
from workbench.tensor.linalg.lapack import SMALL, NativeCall, batches, is_double
from workbench.tensor.linalg.triangular_systems import check_solve, jax_spread
from workbench.tensor.tensor import Tensor


@frozen
class Eliminate(Gufunc):
    """L (below the diagonal, whose ones are not stored) and U of matrices (..., n, n) in one, and a row more: the pivots, (..., n + 1, n).

    Compiled code for large matrices factors the transpose, which the routines of LAPACK see. Only :class:`SolveEliminated` reads it.
    """

    name = "eliminate"

    def infer(self, a: TensorType) -> TensorType:
        check_matrix("eliminate", a, square=True)
        return a.with_shape((*a.shape[:-2], a.shape[-2] + 1, a.shape[-1]))

    def numpy(self, a: Any) -> Any:
        import warnings

        from scipy.linalg import lu_factor

        n = a.shape[-1]
        made = np.full((*a.shape[:-2], n + 1, n), np.nan, a.dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of singular matrices.
            for i in np.ndindex(a.shape[:-2]) if n else ():
                if np.isfinite(a[i]).all():
                    whole, pivots = lu_factor(a[i])
                    if np.diagonal(whole).all():
                        made[i][:-1], made[i][-1] = whole, pivots
        return made

    def jax(self, a: Any) -> Any:
        import jax.numpy as jnp

        # Pivots cost JAX more than they spare: the matrix as it is, factored by each system.
        return jnp.concatenate([a, jnp.zeros_like(a[..., :1, :])], -2)

    def native(self, node: Expr) -> NativeCall | None:
        (a,) = (x.type for x in node.inputs)
        made = batches(a, cores=(2,)) if is_double(a) else None
        return None if made is None else NativeCall(ELIMINATE, (ELIMINATE_PYTHON,), "wb_eliminated", (made[0], a.shape[-1]))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        raise NotImplementedError("it is made where derivatives have been taken")


@frozen
class SolveEliminated(Gufunc):
    """The solution x of ``a @ x = b``, or of ``a.T @ x = b`` if `transposed`, from :class:`Eliminate` of `a`, for matrices b."""

    transposed: bool
    name = "solve_eliminated"
    cores = (2, 2)

    def infer(self, factor: TensorType, b: TensorType) -> TensorType:
        n = factor.shape[-1]
        check_solve("solve", factor.with_shape((*factor.shape[:-2], n, n)), b)
        return b.with_shape((*self.batch(factor, b), *b.shape[-2:]))

    def numpy(self, factor: Any, b: Any) -> Any:
        from scipy.linalg import lu_solve

        n, k = b.shape[-2:]
        batch = np.broadcast_shapes(factor.shape[:-2], b.shape[:-2])
        factor, b = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (factor, b))
        made = np.full((*batch, n, k), np.nan, b.dtype)
        for i in np.ndindex(batch) if n * k else ():
            pivots = factor[i][-1]
            if not np.isnan(pivots[0]):
                made[i] = lu_solve((factor[i][:-1], pivots.astype(np.int32)), b[i], int(self.transposed), check_finite=False)
        return made

    def jax(self, factor: Any, b: Any) -> Any:
        import jax.numpy as jnp

        a, b = jax_spread(factor[..., :-1, :], b)
        return b if b.size == 0 else jnp.linalg.solve(jnp.swapaxes(a, -1, -2) if self.transposed else a, b)

    def native(self, node: Expr) -> NativeCall | None:
        factor, b = (x.type for x in node.inputs)
        made = batches(factor, b, cores=(2, 2)) if is_double(factor, b) else None
        if made is None or (made[1][1] == 0 and made[0] != 1):
            return None
        batch, (step, step_b) = made
        n, k = b.shape[-2:]
        return NativeCall(SOLVE, (SOLVE_PYTHON,), "wb_solve_eliminated", (batch, step, step_b, n, k, int(self.transposed)))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        raise NotImplementedError("it is made where derivatives have been taken")


# Elimination with the largest pivot of each column, as `wb_solve` does it. A matrix that is singular has NaN for its first pivot.
ELIMINATE = f"""\
typedef void (*wb_getrf)(const int *, const int *, double *, const int *, int *, int *);
static void wb_eliminated(void *const *library, int64_t batch, int64_t n, const double *a, double *out) {{
    for (int64_t q = 0; q < batch && n; q++, a += n * n, out += n * (n + 1)) {{
        double *const pivots = out + n * n;
        int failed = 0;
        for (int64_t i = 0; i < n * n; i++) out[i] = a[i];
        if (n <= {SMALL}) {{
            for (int64_t p = 0; p < n && !failed; p++) {{
                int64_t best = p;
                for (int64_t i = p + 1; i < n; i++)
                    if (fabs(out[i * n + p]) > fabs(out[best * n + p])) best = i;
                failed = out[best * n + p] == 0.0;
                pivots[p] = (double)best;
                for (int64_t j = 0; j < n && best != p; j++) {{ const double t = out[p * n + j]; out[p * n + j] = out[best * n + j]; out[best * n + j] = t; }}
                for (int64_t i = p + 1; i < n && !failed; i++) {{
                    const double factor = out[i * n + p] /= out[p * n + p];
                    for (int64_t j = p + 1; j < n; j++) out[i * n + j] -= factor * out[p * n + j];
                }}
            }}
        }} else {{
            const int size = (int)n;
            int *const found = __builtin_malloc(sizeof(int) * (__SIZE_TYPE__)n);
            failed = !found;
            if (!failed) ((wb_getrf)library[4])(&size, &size, out, &size, found, &failed);
            for (int64_t p = 0; p < n && !failed; p++) pivots[p] = (double)found[p];
            __builtin_free(found);
        }}
        if (failed) pivots[0] = __builtin_nan("");
    }}
}}
"""

ELIMINATE_PYTHON = f"""\
def wb_eliminated(batch, n, a, out):
    for q in range(batch if n else 0):
        m = out[q * n * (n + 1) : q * n * (n + 1) + n * n]
        pivots = out[q * n * (n + 1) + n * n : (q + 1) * n * (n + 1)]
        failed = False
        for i in range(n * n):
            m[i] = a[q * n * n + i]
        if n <= {SMALL}:
            for p in range(n):
                best = p
                for i in range(p + 1, n):
                    if abs(m[i * n + p]) > abs(m[best * n + p]):
                        best = i
                if m[best * n + p] == 0.0:
                    failed = True
                    break
                pivots[p] = best
                if best != p:
                    for j in range(n):
                        m[p * n + j], m[best * n + j] = m[best * n + j], m[p * n + j]
                for i in range(p + 1, n):
                    m[i * n + p] /= m[p * n + p]
                    for j in range(p + 1, n):
                        m[i * n + j] -= m[i * n + p] * m[p * n + j]
        else:
            size, found, info = np.full(1, n, np.int32), np.empty(n, np.int32), np.zeros(1, np.int32)
            wb_dgetrf(size.ctypes, size.ctypes, m.ctypes, size.ctypes, found.ctypes, info.ctypes)
            failed = info[0] != 0
            for p in range(n):
                pivots[p] = found[p]
        if failed:
            pivots[0] = np.nan
"""

# By a = P' L U, or a' = U' L' P.
SOLVE = f"""\
typedef void (*wb_getrs)(const char *, const int *, const int *, const double *, const int *, const int *, double *, const int *, int *);
static void wb_substitute(int64_t n, int64_t k, int transposed, const double *m, const double *pivots, double *x) {{
    for (int64_t step = 0; step < 2; step++) {{
        const int by_l = step == transposed;  // L, or else U.
        for (int64_t p = 0; p < n && !step && !transposed; p++) {{
            const int64_t best = (int64_t)pivots[p];
            for (int64_t c = 0; c < k && best != p; c++) {{ const double t = x[p * k + c]; x[p * k + c] = x[best * k + c]; x[best * k + c] = t; }}
        }}
        for (int64_t at = 0; at < n; at++) {{
            const int64_t p = step ? n - 1 - at : at;
            for (int64_t c = 0; c < k && !by_l; c++) x[p * k + c] /= m[p * n + p];
            for (int64_t i = step ? 0 : p + 1; i < (step ? p : n); i++) {{
                const double factor = transposed ? m[p * n + i] : m[i * n + p];
                for (int64_t c = 0; c < k; c++) x[i * k + c] -= factor * x[p * k + c];
            }}
        }}
    }}
    for (int64_t p = n - 1; p >= 0 && transposed; p--) {{
        const int64_t best = (int64_t)pivots[p];
        for (int64_t c = 0; c < k && best != p; c++) {{ const double t = x[p * k + c]; x[p * k + c] = x[best * k + c]; x[best * k + c] = t; }}
    }}
}}
static int wb_substitute_large(void *const *library, int64_t n, int64_t k, int transposed, const double *m, const double *pivots, double *x) {{
    double *const y = __builtin_malloc(sizeof(double) * (__SIZE_TYPE__)(n * k));
    int *const found = __builtin_malloc(sizeof(int) * (__SIZE_TYPE__)n);
    const int size = (int)n, columns = (int)k;
    int failed = !y || !found;
    if (!failed) {{
        for (int64_t p = 0; p < n; p++) found[p] = (int)pivots[p];
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < k; c++) y[c * n + i] = x[i * k + c];
        ((wb_getrs)library[5])(transposed ? "N" : "T", &size, &columns, m, &size, found, y, &size, &failed);
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < k; c++) x[i * k + c] = y[c * n + i];
    }}
    __builtin_free(y);
    __builtin_free(found);
    return failed;
}}
static void wb_solve_eliminated(void *const *library, int64_t batch, int64_t step, int64_t step_b, int64_t n, int64_t k, int64_t transposed,
                                const double *m, const double *b, double *out) {{
    for (int64_t q = 0; q < batch && n * k; q++, m += step, b += step_b, out += n * k) {{
        const double *const pivots = m + n * n;
        int failed = pivots[0] != pivots[0];
        for (int64_t i = 0; i < n * k; i++) out[i] = failed ? __builtin_nan("") : b[i];
        if (failed) continue;
        if (n <= {SMALL}) wb_substitute(n, k, (int)transposed, m, pivots, out);
        else failed = wb_substitute_large(library, n, k, (int)transposed, m, pivots, out);
        for (int64_t i = 0; i < n * k && failed; i++) out[i] = __builtin_nan("");
    }}
}}
"""

SOLVE_PYTHON = f"""\
def wb_solve_eliminated(batch, step, step_b, n, k, transposed, m, b, out):
    size, columns, info = np.full(1, n, np.int32), np.full(1, k, np.int32), np.zeros(1, np.int32)
    trans = np.full(1, ord("N") if transposed else ord("T"), np.uint8)
    for q in range(batch if n * k else 0):
        f, x = m[q * step : q * step + n * n].copy(), out[q * n * k : (q + 1) * n * k]
        pivots = m[q * step + n * n : q * step + n * (n + 1)]
        for i in range(n * k):
            x[i] = b[q * step_b + i]
        failed = np.isnan(pivots[0])
        if not failed and n > {SMALL}:
            y, found = np.empty(n * k), np.empty(n, np.int32)
            for i in range(n):
                found[i] = int(pivots[i])
                for c in range(k):
                    y[c * n + i] = x[i * k + c]
            wb_dgetrs(trans.ctypes, size.ctypes, columns.ctypes, f.ctypes, size.ctypes, found.ctypes, y.ctypes, size.ctypes, info.ctypes)
            for i in range(n):
                for c in range(k):
                    x[i * k + c] = y[c * n + i]
        elif not failed:
            for s in range(2):
                by_l = s == transposed
                if s == 0 and not transposed:
                    for p in range(n):
                        best = int(pivots[p])
                        for c in range(k if best != p else 0):
                            x[p * k + c], x[best * k + c] = x[best * k + c], x[p * k + c]
                for at in range(n):
                    p = n - 1 - at if s else at
                    for c in range(0 if by_l else k):
                        x[p * k + c] /= f[p * n + p]
                    for i in range(0 if s else p + 1, p if s else n):
                        factor = f[p * n + i] if transposed else f[i * n + p]
                        for c in range(k):
                            x[i * k + c] -= factor * x[p * k + c]
            if transposed:
                for p in range(n - 1, -1, -1):
                    best = int(pivots[p])
                    for c in range(k if best != p else 0):
                        x[p * k + c], x[best * k + c] = x[best * k + c], x[p * k + c]
        if failed:
            for i in range(n * k):
                x[i] = np.nan
"""
