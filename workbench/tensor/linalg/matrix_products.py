"""Products of matrices in generated C and for Numba, in double and single precision: plain loops for small ones, BLAS for large ones.

A factor that is a transpose is read as it lies: BLAS takes either order.
"""

from __future__ import annotations

from workbench.graph.expr import Expr
from workbench.graph.lengths import product
from workbench.graph.types import TensorType
from workbench.tensor.linalg.lapack import ROUTINES, SMALL, batches
from workbench.tensor.native_call import NativeCall
from workbench.tensor.shape import Transpose

ROUTINE = {"float64": "dgemm", "float32": "sgemm"}
SMALL_PRODUCT = {"float64": SMALL**3, "float32": 16**3}
"""Products of at most so many multiplications are done by plain loops; in single precision BLAS is ahead earlier."""
SMALL_TRANSPOSED = 10**3
"""The same where the second factor is a transpose: loops read it along its columns."""


def factor(x: Expr) -> tuple[Expr, bool]:
    """Return what a factor is the transpose of, and that it is one; or the factor itself."""
    swapped = (*range(x.type.ndim - 2), x.type.ndim - 1, x.type.ndim - 2)
    return (x.inputs[0], True) if isinstance(x.op, Transpose) and x.op.axes == swapped else (x, False)


def matmul_call(x: Expr, y: Expr) -> NativeCall | None:
    """Products of matrices: `x` (..., m, n), `y` (..., n, k); what is read are their :func:`factor`."""
    kinds = (x.type, y.type)
    dtype = x.type.dtype
    if not all(isinstance(t, TensorType) and t.dtype == dtype and product(t.shape) != 0 for t in kinds) or dtype not in ROUTINE:
        return None
    made = batches(*kinds, cores=(2, 2))
    if made is None:
        return None
    batch, (step_x, step_y) = made
    m, n = x.type.shape[-2:]
    name = f"wb_matmul_{ROUTINE[dtype]}"
    sizes = (batch, step_x, step_y, m, n, y.type.shape[-1], int(factor(x)[1]), int(factor(y)[1]))
    return NativeCall((SUPPORT[dtype],), (PYTHON[dtype],), name, sizes)


def _support(dtype: str) -> str:
    kind, routine = {"float64": "double", "float32": "float"}[dtype], ROUTINE[dtype]
    return f"""\
typedef void (*wb_{routine})(const char *, const char *, const int *, const int *, const int *, const {kind} *,
                         const {kind} *, const int *, const {kind} *, const int *, const {kind} *, {kind} *, const int *);
static void wb_matmul_{routine}(void *const *library, int64_t batch, int64_t step_x, int64_t step_y, int64_t m, int64_t n, int64_t k,
                            int64_t across_x, int64_t across_y, const {kind} *x, const {kind} *y, {kind} *out) {{
    const int large = m * n * k > (across_y ? {SMALL_TRANSPOSED} : {SMALL_PRODUCT[dtype]});
    for (int64_t q = 0; q < batch; q++, x += step_x, y += step_y, out += m * k) {{
        if (large) {{
            const int rows = (int)m, inner = (int)n, columns = (int)k;
            const {kind} one = 1.0, zero = 0.0;
            ((wb_{routine})library[{INDEX[dtype]}])(across_y ? "T" : "N", across_x ? "T" : "N", &columns, &rows, &inner, &one,
                y, across_y ? &inner : &columns, x, across_x ? &rows : &inner, &zero, out, &columns);
            continue;
        }}
        const int64_t down = across_x ? 1 : n, along = across_x ? m : 1;
        for (int64_t i = 0; i < m; i++) {{
            for (int64_t c = 0; c < k; c++) out[i * k + c] = 0.0;
            for (int64_t j = 0; j < n; j++) {{
                const {kind} factor = x[i * down + j * along];
                if (across_y) for (int64_t c = 0; c < k; c++) out[i * k + c] += factor * y[c * n + j];
                else for (int64_t c = 0; c < k; c++) out[i * k + c] += factor * y[j * k + c];
            }}
        }}
    }}
}}
"""


def _python(dtype: str) -> str:
    routine = ROUTINE[dtype]
    return f"""\
def wb_matmul_{routine}(library, batch, step_x, step_y, m, n, k, across_x, across_y, x, y, out):
    one, zero = stacked(np.{dtype}(1)), stacked(np.{dtype}(0))
    order_x, order_y = stacked(letter("T") if across_x else letter("N")), stacked(letter("T") if across_y else letter("N"))
    rows, inner, columns = stacked(m), stacked(n), stacked(k)
    lead_x, lead_y = stacked(m if across_x else n), stacked(n if across_y else k)
    large = m * n * k > ({SMALL_TRANSPOSED} if across_y else {SMALL_PRODUCT[dtype]})
    down, along = (1, m) if across_x else (n, 1)
    for q in range(batch):
        a, b, z = after(x, q * step_x), after(y, q * step_y), after(out, q * m * k)
        if large:
            routine(library, "{routine}", (order_y, order_x, columns, rows, inner, one, b, lead_y, a, lead_x, zero, z, columns))
            continue
        for i in range(m):
            for c in range(k):
                z[i * k + c] = 0.0
            for j in range(n):
                factor = a[i * down + j * along]
                for c in range(k):
                    z[i * k + c] += factor * (b[c * n + j] if across_y else b[j * k + c])
"""


INDEX = {dtype: ROUTINES.index(routine) for dtype, routine in ROUTINE.items()}
SUPPORT = {dtype: _support(dtype) for dtype in ROUTINE}
PYTHON = {dtype: _python(dtype) for dtype in ROUTINE}
