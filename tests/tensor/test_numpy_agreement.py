"""Calls written once and read twice, with NumPy's names and with ours: dtypes, shapes, values, gradients; and a walk over all ops."""

import itertools
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import WorkbenchError
from workbench.graph import Mode, Op
from workbench.graph.traverse import topological
from workbench.tensor.elementwise import OPS

HERE = Path(__file__).parent
DTYPES = ["bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64"]
# The last is read backwards: negative strides.
SHAPES = [(), (0,), (3,), (1,), (2, 3), (3, 3), (0, 3), (2, 0), (2, 1, 3), "backwards"]

# By family; `a` is 3 by 3, positive definite.
CALLS = {
    "reductions": """sum(x); sum(x, axis=0); sum(x, axis=-1, keepdims=True); sum(x, axis=(0, 1)); sum(x, 0, "float32"); prod(x); prod(x, axis=-1)
        mean(x); mean(x, axis=0); mean(x, -1, "float64"); mean(x, axis=-1, keepdims=True); var(x); var(x, ddof=1); var(x, axis=0, dtype="float64"); std(x)
        std(x, axis=-1, ddof=1); max(x); max(x, axis=0); min(x); min(x, axis=-1, keepdims=True); argmax(x); argmax(x, axis=0); argmin(x)
        argmin(x, axis=-1, keepdims=True); all(x); all(x, axis=0); any(x); any(x, axis=-1); cumsum(x); cumsum(x, axis=0); cumprod(x); cumprod(x, axis=-1)
        ptp(x); median(x); median(x, axis=0); diff(x); diff(x, n=2, axis=0)""",
    "shapes": """reshape(x, (-1,)); reshape(x, (1, -1)); reshape(x, (3, -1)); transpose(x); swapaxes(x, 0, -1); moveaxis(x, 0, -1); squeeze(x); squeeze(x, axis=0)
        expand_dims(x, 0); expand_dims(x, (0, -1)); broadcast_to(x, (2, 3)); broadcast_to(x, (4, 2, 3)); broadcast_arrays(x, [[1], [2]]); ravel(x); flip(x)
        flip(x, axis=0); fliplr(x); flipud(x); rot90(x); roll(x, 1); roll(x, -2, axis=0); roll(x, (1, 1), axis=(0, 1)); atleast_1d(x); atleast_2d(x)
        atleast_3d(x); meshgrid(x, x); meshgrid(x, [1, 2], indexing="ij", sparse=True)""",
    "joining": """concatenate([x, x]); concatenate([x, x], axis=-1); stack([x, x]); stack([x, x], axis=-1); hstack([x, x]); vstack([x, x]); dstack([x, x])
        column_stack([x, x]); append(x, x); split(x, 1); split(x, [1, 2]); split(x, indices_or_sections=3, axis=-1); array_split(x, 2); hsplit(x, 1); vsplit(x, 1)
        dsplit(x, 1); tile(x, 2); tile(x, reps=(2, 1, 2)); repeat(x, 2); repeat(x, 2, axis=0); pad(x, 1); pad(x, ((1, 2),)); pad(x, 1, mode="edge")
        pad(x, 1, mode="reflect"); pad(x, 1, mode="wrap"); pad(x, 2, mode="symmetric"); pad(x, 1, constant_values=2)""",
    "diagonals": """diagonal(x); diagonal(x, offset=1); diagonal(x, 1, -1, -2); diag(x); diag(x, k=-1); diagflat(x); trace(x); trace(x, 1); trace(x, axis1=-1, axis2=0)
        zeros_like(x); ones_like(x); full_like(x, fill_value=2); full_like(x, 2.5); zeros_like(empty_like(x)); linspace(x, 2, 3); tril(x); triu(x, 1); tril_indices(4, 1, 3); triu_indices(3, k=1); x[tril_indices(3)]""",
    "indices": """x[0]; x[-1]; x[...]; x[None]; x[1:]; x[::-1]; x[::-2]; x[5:1:-1]; x[1:1]; x[..., 0]; x[..., None]; x[[0]]; x[[0, -1]]; x[np.array([[0, 1], [1, 0]])]
        x[:, 0]; x[:, [0, -1]]; x[[0, 1], [0, 1]]; x[[0, 1], :, [0, 1]]; x[0, [0, 1]]; x[True]; x[np.array([], dtype=int)]; x[1, ::-1]; x[[True, False, True]]
        x[:, None, [0, 0]]; x[3]; x[-4]; x[x > 0]; x[x > 0, ...]; take(x, [0, -1]); take(x, 0); take(x, [[0, 1]], axis=0); take(x, [5], mode="wrap")
        take_along_axis(x, argsort(x, axis=-1, stable=True), -1); nonzero(x); where(x); flatnonzero(x)""",
    "sorting": """sort(x); sort(x, axis=0); sort(x, axis=None); argsort(x, axis=None, stable=True); searchsorted(sort(x), x); searchsorted(sort(x), 2, side="right"); unique(x)
        unique(x, return_counts=True); unique(x, return_index=True, return_inverse=True); bincount(x); bincount(x, minlength=9); digitize(x, [0, 1, 2])
        histogram(x, [-1, 0, 1, 2])""",
    "products": """dot(x, x); dot(x, 2); matmul(x, x); matmul(ones((4, 3)), swapaxes(x, -1, -2)); tensordot(x, x, axes=0); tensordot(x, x, axes=1); tensordot(x, x)
        outer(x, x); inner(x, x); vdot(x, x); vecdot(x, x); kron(x, x); einsum("i,i", x, x); einsum("ij->ji", x); einsum("ii", x); einsum("...i->...", x)
        einsum("ij,kj->ik", x, x); x @ x; x.T; matrix_transpose(x)""",
    "matrices": """linalg.cholesky(a); linalg.solve(a, ones(3)); linalg.solve(a, ones((3, 2))); linalg.inv(a); linalg.pinv(a); linalg.det(a); linalg.slogdet(a)
        linalg.eigh(a)[0]; linalg.eigvalsh(a); linalg.svd(x, compute_uv=False); linalg.qr(a)[1] ** 2; linalg.lstsq(a, ones(3))[0]; linalg.norm(x); linalg.norm(x, axis=0)
        linalg.norm(x, ord=1); linalg.norm(x, ord=inf); linalg.norm(x, ord=2); linalg.norm(x, "nuc"); linalg.norm(x, -inf, axis=-1, keepdims=True)
        linalg.norm(x, 0); linalg.norm(x, 3); linalg.matrix_power(a, 3); linalg.matrix_power(a, -2); linalg.matrix_power(a, 0); linalg.trace(x)""",
    "elements": """where(x > 0, x, 0); where(x > 0, x, 2.5); clip(x, 0, 2); clip(x, -1, 300); clip(x, None, 1); clip(x, min=0.5, max=2.5); x.clip(max=1); nan_to_num(x)
        round(x, 1); x.astype("float32"); x.astype(int); x + 1; x * 2.5; 1 - x; x / 2; x // 2; x % 3; x ** 3; -x; ~x; x & 1; x | x; x ^ 1; x << 1; x >> 1
        bitwise_count(x & 3); isclose(x, 1); isclose(x, x + 1e-9, rtol=1e-3, equal_nan=True); allclose(x, [1, 1, 1], atol=9.0); x == 1; x != x; x < 1; x + np.float32(1); x + np.int8(1); x * np.float64(2); x + True; x + ones(3, "int8"); x + ones((2, 1), "float32")""",
    "statistics": """average(x + ones(())); quantile(x, 0.3); quantile(x, [0.0, 0.25, 1.0], axis=-1); percentile(x, 80, axis=0, keepdims=True)
        quantile(x, 0.5, axis=(0, 1)[: max(x.ndim, 1)]); count_nonzero(x); count_nonzero(x, axis=-1); cov(x); cov(x, rowvar=False, bias=True); cov(x, ddof=0); corrcoef(x); nansum(x); nanmean(x, axis=-1); nanmax(x, axis=0); nanmin(x)
        nanprod(x, axis=-1, keepdims=True); nanvar(x, ddof=1); nanstd(x, axis=0); select([x > 1, x > 0], [x, 2 * x], 9); isin(x, [0, 1, 2]); isin(x, x, invert=True); interp(x, [-1.0, 0.0, 2.0], [3.0, 1.0, 2.0]); interp(x, [0.0, 1.0], [5.0, 6.0], left=-1.0, right=2.0)
        interp(x, [0.5], [5.0]); concat([x, x], axis=-1); permute_dims(x)""",
    "methods": """x.sum(0); x.prod(); x.mean(-1); x.std(axis=0); x.var(); x.max(); x.min(axis=0); x.all(); x.any(); x.argmax(); x.argmin(); x.reshape(-1)
        x.reshape(3, -1); x.reshape((-1, 1)); x.transpose(); x.swapaxes(0, -1); x.ravel(); x.flatten(); x.squeeze(); x.repeat(2); x.round(); x.cumsum(); x.cumprod()
        x.dot(x); x.take([0]); x.diagonal(); x.trace(); x.copy(); x.nonzero(); x.searchsorted(1)""",
    "numpy": """np.sum(x, axis=0); np.clip(x, a_min=0, a_max=1); np.full_like(x, 2); np.split(x, 1); np.trace(x); np.linalg.norm(x, axis=-1); np.ndim(x); np.copy(x)
        np.maximum(x, 1); np.add.reduce(x, axis=-1); np.multiply.outer(x, x)""",
}  # fmt: skip
CALLS = {family: [c.strip() for c in text.replace("\n", ";").split(";") if c.strip()] for family, text in CALLS.items()}

# NumPy's habits that are errors here, with a hint, or that we do not share. Each names its reason.
SCALARS_HAVE_NO_AXES = "axis 0 or -1 of a scalar"
REFUSED = {
    "squeeze(x, axis=0)": SCALARS_HAVE_NO_AXES, "repeat(x, 2, axis=0)": SCALARS_HAVE_NO_AXES, "bincount(x)": "uint64 is refused by its name",
    "bincount(x, minlength=9)": "uint64 is refused by its name", "tril(x)": "of a vector", "triu(x, 1)": "of a vector",
}  # fmt: skip
OTHER_DTYPE = {("round(x, 1)", "bool"): "NumPy fails", ("x.round()", "bool"): "NumPy goes to float16", ("x ** 3", "bool"): "NumPy goes to int8"}
ABOUT_AN_AXIS = ("axis=0", "axis=-1", "x.sum(0)", "x.mean(-1)", "(x, 0,", "(x, -1,", "argsort(x", "max(x, axis=0)")


def values(dtype, shape, rng):
    backwards = shape == "backwards"
    shape = (2, 3) if backwards else shape
    if dtype == "bool":
        made = rng.integers(0, 2, shape).astype(bool)
    elif dtype.startswith("float"):
        made = np.asarray(rng.normal(size=shape)).astype(dtype)
    else:
        made = np.asarray(rng.integers(0 if dtype.startswith("u") else -5, 6, shape)).astype(dtype)
    made = np.asarray(made)
    return np.flip(np.flip(made).copy()) if backwards else made


def names(module):
    return {**{n: getattr(module, n) for n in dir(module) if not n.startswith("_")}, "np": np, "inf": np.inf, "int": int}


OURS, NUMPYS = names(pt), names(np)


def called(code, names, x, a):
    return eval(code, {**names, "x": x, "a": a})


def evaluated(made, given):
    if isinstance(made, (tuple, list)):
        return [evaluated(m, given) for m in made]
    return made.eval(given) if isinstance(made, pt.Tensor) else made


def difference(ours, theirs):
    """What is wrong with our value, in words; empty if nothing."""
    if isinstance(theirs, (tuple, list)):
        if not isinstance(ours, (tuple, list)) or len(ours) != len(theirs):
            return "another number of results"
        return next((d for d in map(difference, ours, theirs) if d), "")
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    wanted = theirs.dtype.name.replace("float16", "float32")
    if ours.shape != theirs.shape or ours.dtype.name != wanted:
        return f"{ours.dtype}{ours.shape}, not {wanted}{theirs.shape}"
    tolerance = 5e-3 if theirs.dtype == np.float16 else 2e-5 if wanted == "float32" else 1e-12
    same = np.allclose(ours.astype(float), theirs.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True)
    return "" if same else f"{ours.ravel()[:5]}, not {theirs.ravel()[:5]}"


def compared(code, dtype, shape, rng):
    x = values(dtype, shape, rng)
    a = (np.array([[4, 1, 0], [1, 3, 1], [0, 1, 2]]) if dtype != "bool" else np.eye(3)).astype(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            wanted = called(code, NUMPYS, x.copy(), a)
        except Exception as error:
            wanted = error
        try:
            got = evaluated(called(code, OURS, pt.tensor("x", dtype, x.shape), pt.tensor("a", dtype, a.shape)), {"x": x, "a": a})
        except (WorkbenchError, TypeError, ValueError, IndexError) as error:
            got = error
    if isinstance(wanted, Exception) and isinstance(got, Exception):
        return ""
    if isinstance(got, Exception):
        expected = code in REFUSED or (shape == () and any(part in code for part in ABOUT_AN_AXIS))
        return "" if expected else f"raised {type(got).__name__}: {got}"
    if (code, dtype) in OTHER_DTYPE:
        return ""
    return f"gave {got}, NumPy refuses: {wanted}" if isinstance(wanted, Exception) else difference(got, wanted)


@pytest.mark.parametrize("family", CALLS)
def test_calls_agree_with_numpy_for_every_dtype_and_shape(family):
    rng = np.random.default_rng(7)
    wrong = []
    for code in CALLS[family]:
        shapes = SHAPES if "x" in code.replace("axis", "") else [(3,)]
        for dtype, shape in itertools.product(DTYPES, shapes):
            found = compared(code, dtype, shape, rng)
            if found:
                wrong.append(f"{code}, {dtype}, {shape}: {found}")
    assert not wrong, "\n".join(wrong[:60])


# Gradients ------------------------------------------------------------------------------------

AT = np.random.default_rng(3).normal(size=(3, 3)) + np.array([[3.0, 0.1, 0.2], [0.5, 2.0, 0.3], [0.0, 0.7, 4.0]])


def differentiable(made):
    return [m for m in (made if isinstance(made, (tuple, list)) else [made]) if isinstance(m, pt.Tensor) and m.dtype == "float64"]


def built(code):
    """The call on a 3 by 3 matrix (a vector, where it takes one), with its argument; none where it takes neither."""
    for shape in ((3, 3), (3,)):
        x = pt.tensor("x", "float64", shape)
        try:
            return x, differentiable(called(code, OURS, x, x @ x.T + pt.eye(3) if x.ndim == 2 else x))
        except (WorkbenchError, TypeError, ValueError, IndexError):
            continue
    return None, []


@pytest.mark.parametrize("family", CALLS)
def test_gradients_of_calls_agree_with_differences(family):
    rng = np.random.default_rng(8)
    costs, xs = [], []
    for code in CALLS[family]:
        x, made = built(code)
        made = [m for m in made if x in set(topological([m]))]
        if made:
            # Of open length, some of them: weights by place.
            costs.append((code, x, sum(pt.sum(pt.ravel(m) * pt.cos(1.0 + pt.arange(m.size) * 1.0)) for m in made)))
    for code, x, cost in costs:
        at = AT if x.ndim == 2 else AT[0]
        run = function([x], cost, backend="numpy", mode=Mode(()))
        direction = rng.normal(size=at.shape)
        h = 1e-4
        # Along one direction, to the fourth order: every element's derivative takes part.
        steps = [run(at + k * h * direction) for k in (-2, -1, 1, 2)]
        slope = (steps[0] - 8 * steps[1] + 8 * steps[2] - steps[3]) / (12 * h)
        ours = np.sum(pm.grad(cost, x, disconnected_inputs="ignore").eval({"x": at}) * direction)
        assert np.isclose(ours, slope, rtol=1e-7, atol=1e-7), f"{code}: {ours}, by differences {slope}"
        xs.append(code)
    assert xs


# Nothing is left out --------------------------------------------------------------------------



CONSTRUCTORS: set[str] = set()


def spoken_of():
    """Every word in the tests of tensors and of control flow."""
    files = [*HERE.glob("test_*.py"), HERE.parent / "transforms" / "test_control_gradients.py", HERE.parent / "graph" / "test_bad_input.py",
             HERE.parent / "rewrites" / "test_before_and_after.py", HERE.parent / "transforms" / "test_derivatives.py", HERE.parent / "compile" / "test_slots.py"]  # fmt: skip
    return set(re.findall(r"\w+", "\n".join(f.read_text() for f in files)))


def test_every_public_function_is_in_a_test():
    test_constructors_and_updates_that_numpy_does_in_place()
    words = spoken_of() | CONSTRUCTORS
    names: dict[int, set[str]] = {}
    for part in (pt, pt.linalg, pt.fft, pt.nn, pt.signal, pt.sparse, pt.random):
        for name in part.__all__:
            made = getattr(part, name)
            if callable(made) and not isinstance(made, type) and made not in set(OPS.values()):
                names.setdefault(id(made), set()).add(name)
    silent = sorted("/".join(sorted(n)) for n in names.values() if not n & words)
    assert not silent, f"no test of tensors names {silent}"


def test_constructors_and_updates_that_numpy_does_in_place():
    for (letter, dtype), (kind, ndim) in itertools.product(
        {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}.items(),
        {"scalar": 0, "vector": 1, "row": 2, "col": 2, "matrix": 2, "tensor3": 3, "tensor4": 4}.items(),
    ):
        made = getattr(pt, letter + kind)("x")
        assert (made.dtype, made.ndim, made.name) == (dtype, ndim, "x")
        CONSTRUCTORS.add(letter + kind)
    assert pt.tensor5("x").ndim == 5
    x = np.arange(12.0).reshape(3, 4)
    wanted = x.copy()
    np.fill_diagonal(wanted, [7.0, 8.0, 9.0])
    assert np.array_equal(pt.fill_diagonal(pt.constant(x), val=[7.0, 8.0, 9.0]).eval(), wanted)
    d = pt.data("d", x)
    pt.set_data(d, x + 1.0)
    assert np.array_equal(d.eval(), x + 1.0)
    with pytest.raises(WorkbenchError, match="shape"):
        pt.set_data(d, x[:2])
    assert pt.sparse.is_sparse(pt.sparse.csr([1.0], [0], [0, 1], (1, 2))) and not pt.sparse.is_sparse(x)


def subclasses(cls):
    return {cls}.union(*(subclasses(c) for c in cls.__subclasses__()))


# Kinds that no call above makes, with the file that tries them and the word that it calls them by.
ELSEWHERE = {
    "Eliminate": ("rewrites/test_whole_graphs.py", "solve"), "SolveEliminated": ("rewrites/test_whole_graphs.py", "solve"), "EliminatedDeterminant": ("rewrites/test_whole_graphs.py", "det"), "SingularValues": ("rewrites/test_whole_graphs.py", "svd"),
    "Assume": ("rewrites/test_before_and_after.py", "assume"), "Named": ("model", "do"), "Slot": ("compile/test_slots.py", "slot"), "SameLength": ("model/test_lengths_of_draws.py", "Normal"), "FFT": ("tensor/test_fft.py", "fft"), "SeveralElements": ("tensor/test_nn.py", "batch_norm"),
    "InverseFromFactor": ("transforms/test_covariance_gradients.py", "InverseFromFactor"), "CholeskyGradient": ("transforms/test_covariance_gradients.py", "CholeskyGradient"),
    "LongConvolve": ("rewrites/test_convolution.py", "LongConvolve"), "Permutation": ("tensor/test_linalg.py", "lu"), "Called": ("tensor/test_black_box.py", "as_op"), "RepeatedNumbers": ("tensor/test_shape.py", "repeat"), "SetAt": ("tensor/test_indexing.py", "set"), "While": ("transforms/test_control_gradients.py", "while_loop"),
}  # fmt: skip


def test_every_kind_of_operation_is_in_a_table():
    seen = set()
    for code, shape in itertools.product(itertools.chain.from_iterable(CALLS.values()), ((3, 3), (3,), (None, None), (None,))):
        x = pt.tensor("x", "float64", shape)
        try:
            made = called(code, OURS, x, x)
            made = [m for m in (made if isinstance(made, (list, tuple)) else [made]) if isinstance(m, pt.Tensor)]
            costs = [pt.sum(m) for m in made if m.dtype == "float64"]
            seen |= {type(n.op) for n in topological(made + [pm.grad(c, x, disconnected_inputs="ignore") for c in costs])}
        except (WorkbenchError, TypeError, ValueError, IndexError):
            continue
    words = spoken_of()
    for kind in {c for c in subclasses(Op) if c.__module__.startswith("workbench.tensor.") and {"infer", "infer_from", "name"} & vars(c).keys()} - seen:
        if kind.__subclasses__() or kind.__name__ in words or getattr(kind, "name", None) in words:
            continue
        assert kind.__name__ in ELSEWHERE, f"no test makes a {kind.__module__}.{kind.__name__}"
        where, word = ELSEWHERE[kind.__name__]
        files = [HERE.parent / where] if where.endswith(".py") else (HERE.parent / where).glob("*.py")
        assert any(re.search(rf"\b{word}\(", f.read_text()) for f in files), f"{where} does not call {word}"


def test_theanos_names():
    x = pt.tensor("x", shape=(2, 1, 3))
    value = np.arange(6.0).reshape(2, 1, 3)
    for made, wanted in (
        (x.dimshuffle(2, "x", 0), value[:, 0].T[:, None]), (x.dimshuffle([0, 1, 2]), value), (x.dimshuffle("x", 0, 2, "x"), value[:, 0][None, ..., None]),
        (pt.alloc(2.0, 3, 2), np.full((3, 2), 2.0)), (pt.shape_padleft(x, 2), value[None, None]), (pt.shape_padright(x), value[..., None]),
        (pt.extract_diag(x[:, 0]), np.diagonal(value[:, 0])), (pt.as_tensor_variable(3), np.array(3)),
    ):  # fmt: skip
        assert np.array_equal(made.eval({"x": value}), wanted)
    with pytest.raises(WorkbenchError, match="squeeze.*axis 0"):
        x.dimshuffle(1, 2)
    assert pt.isclose(np.array([np.inf, -np.inf, np.nan]), np.array([np.inf, np.inf, np.nan])).eval().tolist() == [True, False, False]
