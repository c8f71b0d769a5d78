"""Sorting and searching in generated C and for Numba: plain loops, the same in both."""

from __future__ import annotations

from workbench.graph.lengths import product
from workbench.graph.types import TensorType
from workbench.tensor.elementwise import C_TYPES
from workbench.tensor.native_call import NativeCall


def argsort_call(x: TensorType) -> NativeCall:
    """The order of the elements along the last axis: equal ones as they stand, NaN last."""
    n, batch = x.shape[-1], product(x.shape[:-1])
    python = (BEFORE_PYTHON, EARLIER_PYTHON, SIFT_PYTHON, _typed(ARGSORT_PYTHON, x.dtype))
    return NativeCall((_typed(ORDER, x.dtype), _typed(ARGSORT, x.dtype)), python, f"wb_argsort_{x.dtype}", (batch, n))


def searchsorted_call(a: TensorType, v: TensorType, side: str) -> NativeCall | None:
    """For each of `v` the number of elements of the sorted `a` before it ("left"), or not after it ("right")."""
    if a.dtype != v.dtype:
        return None
    sizes = (a.shape[0], product(v.shape), int(side == "right"))
    python = (BEFORE_PYTHON, _typed(SEARCHSORTED_PYTHON, a.dtype))
    return NativeCall((_typed(ORDER, a.dtype), _typed(SEARCHSORTED, a.dtype)), python, f"wb_searchsorted_{a.dtype}", sizes)


def _typed(code: str, dtype: str) -> str:
    return code.replace("DTYPE", dtype).replace("ELEMENT", C_TYPES[dtype])


ORDER = """\
static inline int wb_before_DTYPE(ELEMENT a, ELEMENT b) { return a < b || (b != b && a == a); }
"""

# Heap sort: in place, and never slow. Positions break ties, so the order is the stable one.
ARGSORT = """\
static inline int wb_earlier_DTYPE(const ELEMENT *x, int64_t i, int64_t j) {
    return wb_before_DTYPE(x[i], x[j]) || (i < j && !wb_before_DTYPE(x[j], x[i]));
}
static void wb_sift_DTYPE(const ELEMENT *x, int64_t *at, int64_t root, int64_t n) {
    for (int64_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && wb_earlier_DTYPE(x, at[child], at[child + 1])) child++;
        if (!wb_earlier_DTYPE(x, at[root], at[child])) return;
        const int64_t moved = at[root];
        at[root] = at[child];
        at[child] = moved;
        root = child;
    }
}
static void wb_argsort_DTYPE(void *const *library, int64_t batch, int64_t n, const ELEMENT *x, int64_t *at) {
    for (int64_t k = 0; k < batch; k++, x += n, at += n) {
        for (int64_t i = 0; i < n; i++) at[i] = i;
        for (int64_t i = n / 2 - 1; i >= 0; i--) wb_sift_DTYPE(x, at, i, n);
        for (int64_t i = n - 1; i > 0; i--) {
            const int64_t largest = at[0];
            at[0] = at[i];
            at[i] = largest;
            wb_sift_DTYPE(x, at, 0, i);
        }
    }
}
"""

SEARCHSORTED = """\
static void wb_searchsorted_DTYPE(void *const *library, int64_t n, int64_t count, int64_t right,
                                  const ELEMENT *a, const ELEMENT *v, int64_t *out) {
    for (int64_t k = 0; k < count; k++) {
        int64_t low = 0, high = n;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            const int after = right ? !wb_before_DTYPE(v[k], a[middle]) : wb_before_DTYPE(a[middle], v[k]);
            if (after) low = middle + 1; else high = middle;
        }
        out[k] = low;
    }
}
"""

BEFORE_PYTHON = """\
def wb_before(a, b):
    return a < b or (b != b and a == a)
"""

EARLIER_PYTHON = """\
def wb_earlier(x, i, j):
    return wb_before(x[i], x[j]) or (i < j and not wb_before(x[j], x[i]))
"""

SIFT_PYTHON = """\
def wb_sift(x, at, root, n):
    child = 2 * root + 1
    while child < n:
        if child + 1 < n and wb_earlier(x, at[child], at[child + 1]):
            child += 1
        if not wb_earlier(x, at[root], at[child]):
            return
        at[root], at[child] = at[child], at[root]
        root = child
        child = 2 * root + 1
"""

ARGSORT_PYTHON = """\
def wb_argsort_DTYPE(library, batch, n, x, at):
    for k in range(batch):
        row, order = after(x, k * n), after(at, k * n)
        for i in range(n):
            order[i] = i
        for i in range(n // 2 - 1, -1, -1):
            wb_sift(row, order, i, n)
        for i in range(n - 1, 0, -1):
            order[0], order[i] = order[i], order[0]
            wb_sift(row, order, 0, i)
"""

SEARCHSORTED_PYTHON = """\
def wb_searchsorted_DTYPE(library, n, count, right, a, v, out):
    for k in range(count):
        low, high = 0, n
        while low < high:
            middle = low + (high - low) // 2
            after = (not wb_before(v[k], a[middle])) if right else wb_before(a[middle], v[k])
            if after:
                low = middle + 1
            else:
                high = middle
        out[k] = low
"""
