"""Systems of general matrices in generated C and for Numba: elimination with pivots, and substitution.

Plain loops for small matrices, LAPACK for large ones. Its routines see the transpose, and take right-hand sides column by column.
"""

from __future__ import annotations

from workbench.graph.lengths import Size, product
from workbench.graph.types import TensorType
from workbench.tensor.linalg.lapack import SMALL, batches, is_double
from workbench.tensor.native_call import NativeCall


def eliminate_call(a: TensorType) -> NativeCall | None:
    """The factors of each matrix (..., n, n), with the pivots as a row more: NaN where it is singular."""
    if not is_double(a):
        return None
    return NativeCall((ELIMINATE,), (ELIMINATE_PYTHON,), "wb_eliminate", (product(a.shape[:-2]), a.shape[-1]))


def determinant_call(factor: TensorType, part: int) -> NativeCall | None:
    """Determinants of matrices that are eliminated, their signs (`part` 1), or the logarithms of their sizes (2)."""
    if not is_double(factor):
        return None
    return NativeCall((DETERMINANT,), (DETERMINANT_PYTHON,), "wb_eliminated_determinant", (product(factor.shape[:-2]), factor.shape[-1], part))


def substitute_call(factor: TensorType, b: TensorType, transposed: bool) -> NativeCall | None:
    """Solutions of systems whose matrices are eliminated: `factor` (..., n + 1, n), `b` (..., n, k)."""
    made = _batched(factor, b)
    return None if made is None else NativeCall((SUBSTITUTE,), (SUBSTITUTE_PYTHON,), "wb_substitute", (*made, int(transposed)))


def solve_call(a: TensorType, b: TensorType) -> NativeCall | None:
    """Solutions of systems: `a` (..., n, n), `b` (..., n, k); NaN throughout where a matrix is singular."""
    made = _batched(a, b)
    if made is None:
        return None
    return NativeCall((ELIMINATE, SUBSTITUTE, SOLVE), (ELIMINATE_PYTHON, SUBSTITUTE_PYTHON, SOLVE_PYTHON), "wb_solve", made)


def _batched(a: TensorType, b: TensorType) -> tuple[Size, ...] | None:
    """How many systems there are, the steps from one to the next, and the sizes of right-hand sides."""
    made = batches(a, b, cores=(2, 2)) if is_double(a, b) else None
    if made is None or (made[1][1] == 0 and made[0] != 1):
        return None
    batch, steps = made
    return (batch, *steps, *b.shape[-2:])


# With the largest pivot of each column. A matrix that is singular has NaN for its first pivot.
ELIMINATE = f"""\
typedef void (*wb_dgetrf)(const int *, const int *, double *, const int *, int *, int *);
static void wb_eliminate(void *const *library, int64_t batch, int64_t n, const double *a, double *out) {{
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
            if (failed) out[0] = __builtin_nan("");
            if (!failed) ((wb_dgetrf)library[4])(&size, &size, out, &size, found, &failed);
            for (int64_t p = 0; p < n && !failed; p++) pivots[p] = (double)found[p];
            __builtin_free(found);
        }}
        if (failed) pivots[0] = __builtin_nan("");
    }}
}}
"""

ELIMINATE_PYTHON = f"""\
def wb_eliminate(library, batch, n, a, out):
    for q in range(batch if n else 0):
        m = after(out, q * n * (n + 1))
        pivots = after(m, n * n)
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
            size, found, info = stacked(n), np.empty(n, np.int32), stacked(0)
            routine(library, "dgetrf", (size, size, m, size, found, info))
            failed = info[0] != 0
            for p in range(n):
                pivots[p] = found[p]
        if failed:
            pivots[0] = np.nan
"""

# Each pivot that is not the row itself turns the sign; LAPACK counts rows from one. A product of many numbers may leave the range on its way: their logarithms do not.
DETERMINANT = f"""\
static void wb_eliminated_determinant(void *const *library, int64_t batch, int64_t n, int64_t part, const double *m, double *out) {{
    for (int64_t q = 0; q < batch; q++, m += n * (n + 1)) {{
        const double *const pivots = m + n * n, first = n <= {SMALL} ? 0.0 : 1.0;
        double sign = 1.0, size = 0.0;
        for (int64_t p = 0; p < n; p++) {{
            const double d = m[p * n + p];
            sign *= (pivots[p] == (double)p + first ? 1.0 : -1.0) * (d > 0.0 ? 1.0 : d < 0.0 ? -1.0 : d == 0.0 ? 0.0 : d);
            size += log(fabs(d));
        }}
        out[q] = part == 0 ? sign * exp(size) + 0.0 : part == 1 ? sign + 0.0 : size;
    }}
}}
"""

DETERMINANT_PYTHON = f"""\
def wb_eliminated_determinant(library, batch, n, part, m, out):
    first = 0.0 if n <= {SMALL} else 1.0
    for q in range(batch):
        f = after(m, q * n * (n + 1))
        pivots = after(f, n * n)
        sign, size = 1.0, 0.0
        for p in range(n):
            d = f[p * n + p]
            sign *= (1.0 if pivots[p] == p + first else -1.0) * (1.0 if d > 0.0 else -1.0 if d < 0.0 else 0.0 if d == 0.0 else d)
            size += log(abs(d))
        out[q] = sign * exp(size) + 0.0 if part == 0 else sign + 0.0 if part == 1 else size
"""

# By a = P' L U, or a' = U' L' P.
SUBSTITUTE = f"""\
typedef void (*wb_dgetrs)(const char *, const int *, const int *, const double *, const int *, const int *, double *, const int *, int *);
static void wb_substitute_small(int64_t n, int64_t k, int transposed, const double *m, const double *pivots, double *x) {{
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
        ((wb_dgetrs)library[5])(transposed ? "N" : "T", &size, &columns, m, &size, found, y, &size, &failed);
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < k; c++) x[i * k + c] = y[c * n + i];
    }}
    __builtin_free(y);
    __builtin_free(found);
    return failed;
}}
static void wb_substitute(void *const *library, int64_t batch, int64_t step, int64_t step_b, int64_t n, int64_t k, int64_t transposed,
                          const double *m, const double *b, double *out) {{
    for (int64_t q = 0; q < batch && n * k; q++, m += step, b += step_b, out += n * k) {{
        const double *const pivots = m + n * n;
        int failed = pivots[0] != pivots[0];
        for (int64_t i = 0; i < n * k; i++) out[i] = failed ? __builtin_nan("") : b[i];
        if (failed) continue;
        if (n <= {SMALL}) wb_substitute_small(n, k, (int)transposed, m, pivots, out);
        else failed = wb_substitute_large(library, n, k, (int)transposed, m, pivots, out);
        for (int64_t i = 0; i < n * k && failed; i++) out[i] = __builtin_nan("");
    }}
}}
"""

SUBSTITUTE_PYTHON = f"""\
def wb_substitute(library, batch, step, step_b, n, k, transposed, m, b, out):
    size, columns, info = stacked(n), stacked(k), stacked(0)
    trans = stacked(letter("N") if transposed else letter("T"))
    for q in range(batch if n * k else 0):
        f, x = after(m, q * step), after(out, q * n * k)
        pivots = after(f, n * n)
        for i in range(n * k):
            x[i] = b[q * step_b + i]
        failed = np.isnan(pivots[0])
        if not failed and n > {SMALL}:
            y, found = np.empty(n * k), np.empty(n, np.int32)
            for i in range(n):
                found[i] = int(pivots[i])
                for c in range(k):
                    y[c * n + i] = x[i * k + c]
            routine(library, "dgetrs", (trans, size, columns, f, size, found, y, size, info))
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

# A matrix that serves several systems is eliminated once.
SOLVE = f"""\
static void wb_solve(void *const *library, int64_t batch, int64_t step_a, int64_t step_b, int64_t n, int64_t k,
                     const double *a, const double *b, double *out) {{
    double small[{SMALL * (SMALL + 1)}];
    double *const m = n <= {SMALL} ? small : __builtin_malloc(sizeof(double) * (__SIZE_TYPE__)(n * (n + 1)));
    for (int64_t q = 0; q < batch && n * k; q++) {{
        if (m && (!q || step_a)) wb_eliminate(library, 1, n, a + q * step_a, m);
        if (m) wb_substitute(library, 1, 0, 0, n, k, 0, m, b + q * step_b, out + q * n * k);
        for (int64_t i = 0; i < n * k && !m; i++) out[q * n * k + i] = __builtin_nan("");
    }}
    if (m != small) __builtin_free(m);
}}
"""

SOLVE_PYTHON = """\
def wb_solve(library, batch, step_a, step_b, n, k, a, b, out):
    m = np.empty(n * (n + 1))
    for q in range(batch if n * k else 0):
        if q == 0 or step_a:
            wb_eliminate(library, 1, n, after(a, q * step_a), m)
        wb_substitute(library, 1, 0, 0, n, k, 0, m, after(b, q * step_b), after(out, q * n * k))
"""
