"""Matrix operations in generated C and for Numba: plain loops for small matrices, SciPy's BLAS and LAPACK for large ones.

The routines are found at run time through the function pointers that SciPy exports for Cython, so
nothing is linked. Arrays are row-major: what LAPACK, which is column-major, takes for the transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.graph.lengths import Size, product
from workbench.graph.types import TensorType
from workbench.tensor.native_call import NativeCall

ROUTINES = ("dgemm", "dtrsm", "dpotrf", "dpotri", "dgetrf", "dgetrs", "sgemm")
"""Routines that generated code may use, in the order of its table of pointers."""
SMALL = 48
"""Matrices of at most this many rows are done by plain loops, which need no call."""


def batches(*types: TensorType, cores: Sequence[int]) -> tuple[Size, list[Size]] | None:
    """How many matrices the operands make, and each operand's step from one to the next; ``None`` if mixed."""
    counts = [product(t.shape[: t.ndim - c]) for t, c in zip(types, cores)]
    several = [n for n in counts if n != 1]
    whole = several[0] if several else 1
    leading = {t.shape[: t.ndim - c] for t, c, n in zip(types, cores, counts) if n != 1}
    if len(leading) > 1:
        return None
    steps = [product(t.shape[t.ndim - c :]) if n != 1 else 0 for t, c, n in zip(types, cores, counts)]
    return whole, steps


def is_double(*types: Any) -> bool:
    """Whether all are arrays of doubles, and none of them is empty for certain."""
    return all(isinstance(t, TensorType) and t.dtype == "float64" and product(t.shape) != 0 for t in types)


def cholesky_call(x: TensorType) -> NativeCall | None:
    """The lower Cholesky factor of each matrix; NaN throughout where there is none."""
    if not is_double(x):
        return None
    return NativeCall((CHOLESKY,), (CHOLESKY_PYTHON,), "wb_cholesky", (product(x.shape[:-2]), x.shape[-1]))


def inverse_from_factor_call(x: TensorType) -> NativeCall | None:
    """The inverse of each matrix whose lower Cholesky factor is given."""
    if not is_double(x):
        return None
    return NativeCall((INVERSE,), (INVERSE_PYTHON,), "wb_inverse_from_factor", (product(x.shape[:-2]), x.shape[-1]))


def solve_triangular_call(a: TensorType, b: TensorType, lower: bool, transposed: bool) -> NativeCall | None:
    """Solutions of triangular systems: `a` (..., n, n), `b` (..., n, k)."""
    if not is_double(a, b):
        return None
    made = batches(a, b, cores=(2, 2))
    if made is None or (made[1][1] == 0 and made[0] != 1):
        return None
    batch, (step_a, step_b) = made
    n, k = b.shape[-2:]
    return NativeCall((SOLVE_TRIANGULAR,), (SOLVE_TRIANGULAR_PYTHON,), "wb_solve_triangular", (batch, step_a, step_b, n, k, int(lower), int(transposed)))


CHOLESKY = f"""\
typedef void (*wb_dpotrf)(const char *, const int *, double *, const int *, int *);
static void wb_cholesky(void *const *library, int64_t batch, int64_t n, const double *x, double *out) {{
    for (int64_t k = 0; k < batch; k++, x += n * n, out += n * n) {{
        int failed = 0;
        if (n <= {SMALL}) {{
            for (int64_t i = 0; i < n && !failed; i++) {{
                for (int64_t j = 0; j <= i; j++) {{
                    double sum = x[i * n + j];
                    for (int64_t p = 0; p < j; p++) sum -= out[i * n + p] * out[j * n + p];
                    if (j < i) out[i * n + j] = sum / out[j * n + j];
                    else if (sum > 0.0) out[i * n + i] = sqrt(sum);
                    else failed = 1;
                }}
            }}
        }} else {{
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j <= i; j++) out[i * n + j] = x[i * n + j];
            const int size = (int)n;
            ((wb_dpotrf)library[2])("U", &size, out, &size, &failed);
            for (int64_t i = 0; i < n && !failed; i++) failed = !(out[i * n + i] > 0.0);
        }}
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = failed ? 0 : i + 1; j < n; j++) out[i * n + j] = failed ? __builtin_nan("") : 0.0;
    }}
}}
"""

CHOLESKY_PYTHON = f"""\
def wb_cholesky(library, batch, n, x, out):
    for k in range(batch):
        a, f = after(x, k * n * n), after(out, k * n * n)
        failed = False
        if n <= {SMALL}:
            for i in range(n):
                for j in range(i + 1):
                    total = a[i * n + j]
                    for p in range(j):
                        total -= f[i * n + p] * f[j * n + p]
                    if j < i:
                        f[i * n + j] = total / f[j * n + j]
                    elif total > 0.0:
                        f[i * n + i] = math.sqrt(total)
                    else:
                        failed = True
                if failed:
                    break
        else:
            for i in range(n):
                for j in range(i + 1):
                    f[i * n + j] = a[i * n + j]
            upper, size, info = stacked(letter("U")), stacked(n), stacked(0)
            routine(library, "dpotrf", (upper, size, f, size, info))
            failed = info[0] != 0
            for i in range(n):
                failed = failed or not f[i * n + i] > 0.0
        for i in range(n):
            for j in range(0 if failed else i + 1, n):
                f[i * n + j] = np.nan if failed else 0.0
"""

# The routine leaves one triangle, here the lower, which is mirrored. It fails where the diagonal has a
# zero; what it divides by is NaN where there was no factor.
INVERSE = """\
typedef void (*wb_dpotri)(const char *, const int *, double *, const int *, int *);
static void wb_inverse_from_factor(void *const *library, int64_t batch, int64_t n, const double *x, double *out) {
    for (int64_t k = 0; k < batch && n; k++, x += n * n, out += n * n) {
        const int size = (int)n;
        int failed = 0;
        for (int64_t i = 0; i < n * n; i++) out[i] = x[i];
        ((wb_dpotri)library[3])("U", &size, out, &size, &failed);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) out[j * n + i] = out[i * n + j];
        if (failed)
            for (int64_t i = 0; i < n * n; i++) out[i] = __builtin_nan("");
    }
}
"""

INVERSE_PYTHON = """\
def wb_inverse_from_factor(library, batch, n, x, out):
    upper, size, info = stacked(letter("U")), stacked(n), stacked(0)
    for k in range(batch if n else 0):
        f = after(out, k * n * n)
        for i in range(n * n):
            f[i] = x[k * n * n + i]
        info[0] = 0
        routine(library, "dpotri", (upper, size, f, size, info))
        for i in range(n):
            for j in range(i):
                f[j * n + i] = f[i * n + j]
        if info[0] != 0:
            for i in range(n * n):
                f[i] = np.nan
"""

# The solution overwrites a copy of the right-hand side. Row i of it depends on the rows before it
# (after it, for an upper triangle), so the loops run over rows and the innermost along a row.
SOLVE_TRIANGULAR = f"""\
typedef void (*wb_dtrsm)(const char *, const char *, const char *, const char *, const int *, const int *,
                         const double *, const double *, const int *, double *, const int *);
static void wb_solve_triangular(void *const *library, int64_t batch, int64_t step_a, int64_t step_b, int64_t n, int64_t k,
                                int64_t lower, int64_t transposed, const double *a, const double *b, double *out) {{
    for (int64_t q = 0; q < batch && k; q++, a += step_a, b += step_b, out += n * k) {{
        for (int64_t i = 0; i < n * k; i++) out[i] = b[i];
        if (n > {SMALL}) {{
            const int rows = (int)k, size = (int)n;
            const double one = 1.0;
            ((wb_dtrsm)library[1])("R", lower ? "U" : "L", transposed ? "T" : "N", "N", &rows, &size, &one, a, &size, out, &rows);
            continue;
        }}
        const int down = lower != transposed;
        for (int64_t s = 0; s < n; s++) {{
            const int64_t i = down ? s : n - 1 - s;
            for (int64_t t = 0; t < s; t++) {{
                const int64_t j = down ? t : n - 1 - t;
                const double factor = transposed ? a[j * n + i] : a[i * n + j];
                for (int64_t c = 0; c < k; c++) out[i * k + c] -= factor * out[j * k + c];
            }}
            for (int64_t c = 0; c < k; c++) out[i * k + c] /= a[i * n + i];
        }}
    }}
}}
"""

SOLVE_TRIANGULAR_PYTHON = f"""\
def wb_solve_triangular(library, batch, step_a, step_b, n, k, lower, transposed, a, b, out):
    side, diagonal, triangle = stacked(letter("R")), stacked(letter("N")), stacked(letter("U") if lower else letter("L"))
    trans = stacked(letter("T") if transposed else letter("N"))
    rows, size, one = stacked(k), stacked(n), stacked(1.0)
    down = lower != transposed
    for q in range(batch if k else 0):
        m, r, y = after(a, q * step_a), after(b, q * step_b), after(out, q * n * k)
        for i in range(n * k):
            y[i] = r[i]
        if n > {SMALL}:
            routine(library, "dtrsm", (side, triangle, trans, diagonal, rows, size, one, m, size, y, rows))
            continue
        for s in range(n):
            i = s if down else n - 1 - s
            for t in range(s):
                j = t if down else n - 1 - t
                factor = m[j * n + i] if transposed else m[i * n + j]
                for c in range(k):
                    y[i * k + c] -= factor * y[j * k + c]
            for c in range(k):
                y[i * k + c] /= m[i * n + i]
"""
