"""Shapes, joining, padding, diagonals, constructors against NumPy on every backend; gradients; unknown lengths; errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError, ShapeError
from workbench.graph import Mode
from workbench.transforms import grad

PLAIN = Mode(())
RNG = np.random.default_rng(0)
M = RNG.normal(size=(3, 4))
T = RNG.normal(size=(2, 3, 4))
V = RNG.normal(size=5)

BOTH = {
    "reshape": lambda p, v, m, t: p.reshape(t, (4, -1)), "reshape to nothing": lambda p, v, m, t: p.reshape(v[:1], ()), "transpose": lambda p, v, m, t: p.transpose(t),
    "transpose axes": lambda p, v, m, t: p.transpose(t, (1, -1, 0)), "swapaxes": lambda p, v, m, t: p.swapaxes(t, 0, -1), "moveaxis": lambda p, v, m, t: p.moveaxis(t, (0, 1), (-1, 0)),
    "squeeze": lambda p, v, m, t: p.squeeze(t[0, :, 2][None, :, None]), "squeeze axis": lambda p, v, m, t: p.squeeze(t[:, :, 2][..., None], axis=-1), "expand_dims": lambda p, v, m, t: p.expand_dims(m, (0, -1)),
    "broadcast_to": lambda p, v, m, t: p.broadcast_to(m[0][None], (2, 3, 4)), "atleast_1d": lambda p, v, m, t: p.atleast_1d(v[0]), "atleast_2d": lambda p, v, m, t: p.atleast_2d(v),
    "atleast_3d": lambda p, v, m, t: p.atleast_3d(m), "atleast_3d of a vector": lambda p, v, m, t: p.atleast_3d(v), "ravel": lambda p, v, m, t: p.ravel(t), "flip": lambda p, v, m, t: p.flip(t),
    "flip axes": lambda p, v, m, t: p.flip(t, (0, -1)), "flipud": lambda p, v, m, t: p.flipud(m), "fliplr": lambda p, v, m, t: p.fliplr(m),
    "rot90": lambda p, v, m, t: p.rot90(m), "rot90 thrice": lambda p, v, m, t: p.rot90(t, -1, (1, 2)), "rot90 twice": lambda p, v, m, t: p.rot90(m, 2),
    "concatenate": lambda p, v, m, t: p.concatenate([m, 2 * m[:1], m], axis=0), "concatenate last": lambda p, v, m, t: p.concatenate([t, t[..., :1]], axis=-1),
    "concatenate flat": lambda p, v, m, t: p.concatenate([m, v], axis=None), "stack": lambda p, v, m, t: p.stack([m, m * 2, m], axis=1), "stack last": lambda p, v, m, t: p.stack([v, v], axis=-1),
    "hstack": lambda p, v, m, t: p.hstack([m, m]), "hstack of vectors": lambda p, v, m, t: p.hstack([v, v]), "vstack": lambda p, v, m, t: p.vstack([v, 2 * v]), "dstack": lambda p, v, m, t: p.dstack([m, m]),
    "column_stack": lambda p, v, m, t: p.column_stack([m[:, 0], m]), "append": lambda p, v, m, t: p.append(m, v), "append rows": lambda p, v, m, t: p.append(m, m, axis=0),
    "split": lambda p, v, m, t: p.split(t, 2, axis=2)[1], "split at": lambda p, v, m, t: p.split(v, [1, 3])[1], "array_split": lambda p, v, m, t: p.array_split(v, 3)[1], "hsplit": lambda p, v, m, t: p.hsplit(m, 2)[0],
    "vsplit": lambda p, v, m, t: p.vsplit(m, [1])[1], "dsplit": lambda p, v, m, t: p.dsplit(t, 2)[1], "split beyond": lambda p, v, m, t: p.split(v, [2, 9])[2],
    "tile": lambda p, v, m, t: p.tile(m, (2, 1, 3)), "tile once": lambda p, v, m, t: p.tile(v, 3), "tile narrow": lambda p, v, m, t: p.tile(t, 2), "tile no times": lambda p, v, m, t: p.tile(v, 0),
    "repeat": lambda p, v, m, t: p.repeat(m, 2), "repeat rows": lambda p, v, m, t: p.repeat(m, 3, axis=0), "repeat by": lambda p, v, m, t: p.repeat(m, [0, 2, 1], axis=0),
    "roll": lambda p, v, m, t: p.roll(m, 2), "roll rows": lambda p, v, m, t: p.roll(m, -1, axis=0), "roll axes": lambda p, v, m, t: p.roll(t, (1, 5), axis=(0, 2)), "roll same axis": lambda p, v, m, t: p.roll(t, (1, 1), axis=1),
    "pad": lambda p, v, m, t: p.pad(m, 1), "pad sides": lambda p, v, m, t: p.pad(m, ((1, 0), (2, 3)), constant_values=((1, 2), (3, 4))), "pad edge": lambda p, v, m, t: p.pad(m, (2, 3), "edge"),
    "pad reflect": lambda p, v, m, t: p.pad(m, ((5, 1), (2, 9)), "reflect"), "pad symmetric": lambda p, v, m, t: p.pad(m, (4, 4), "symmetric"), "pad wrap": lambda p, v, m, t: p.pad(m, (5, 2), "wrap"),
    "pad ramp": lambda p, v, m, t: p.pad(m, (3, 2), "linear_ramp", end_values=(1, -1)), "pad maximum": lambda p, v, m, t: p.pad(m, 1, "maximum"), "pad mean": lambda p, v, m, t: p.pad(m, (1, 2), "mean"),
    "pad minimum": lambda p, v, m, t: p.pad(m, 1, "minimum"), "pad median": lambda p, v, m, t: p.pad(m, 1, "median"), "pad nothing": lambda p, v, m, t: p.pad(m, 0), "pad by axis": lambda p, v, m, t: p.pad(m, {-1: (1, 2)}, "edge"),
    "diagonal": lambda p, v, m, t: p.diagonal(m), "diagonal above": lambda p, v, m, t: p.diagonal(t, 1, 2, 1), "diagonal below": lambda p, v, m, t: p.diagonal(t, -1, 1, 2), "diagonal outside": lambda p, v, m, t: p.diagonal(m, 9),
    "diag": lambda p, v, m, t: p.diag(v), "diag above": lambda p, v, m, t: p.diag(v, 2), "diag below": lambda p, v, m, t: p.diag(v, -1), "diag of a matrix": lambda p, v, m, t: p.diag(m, 1), "diagflat": lambda p, v, m, t: p.diagflat(m, -1),
    "tril": lambda p, v, m, t: p.tril(m), "tril above": lambda p, v, m, t: p.tril(t, 1), "triu": lambda p, v, m, t: p.triu(m), "triu below": lambda p, v, m, t: p.triu(m, -1),
    "meshgrid": lambda p, v, m, t: p.meshgrid(v, m[0], v[:2])[1], "meshgrid ij": lambda p, v, m, t: p.meshgrid(v, m[0], indexing="ij")[0], "meshgrid sparse": lambda p, v, m, t: p.meshgrid(v, m[0], sparse=True)[1],
    "broadcast_arrays": lambda p, v, m, t: p.broadcast_arrays(m, t)[0], "zeros_like": lambda p, v, m, t: p.zeros_like(m) + m, "ones_like": lambda p, v, m, t: p.ones_like(t) * t, "full_like": lambda p, v, m, t: p.full_like(m, 2.5) * m,
}  # fmt: skip


def graphs(cases=BOTH):
    v, m, t = pt.vector("v", 5), pt.matrix("m", 3, 4), pt.tensor3("t", (2, 3, 4))
    return [v, m, t], [make(pt, v, m, t) for make in cases.values()]


@pytest.mark.parametrize("mode", [None, PLAIN], ids=["optimised", "plain"])
def test_shape_functions_agree_with_numpy(backend, mode):
    cases = BOTH if backend != "numba" else dict(list(BOTH.items())[:: 3 if mode is None else 7])
    inputs, outputs = graphs(cases)
    for (name, make), result in zip(cases.items(), function(inputs, outputs, backend=backend, mode=mode)(V, M, T)):
        wanted = np.asarray(make(np, V, M, T))
        assert wanted.shape == result.shape, name
        np.testing.assert_allclose(result, wanted, rtol=1e-14, err_msg=f"{name}, {backend}")


@pytest.mark.parametrize("name", BOTH)
def test_gradients_agree_with_differences(name):
    inputs, (y,) = graphs({name: BOTH[name]})
    cost = pt.sum(y * RNG.normal(size=y.type.shape) + pt.square(y))
    values = [V, M, T]
    run = function(inputs, cost, backend="numpy", mode=PLAIN)
    gradients = function(inputs, grad(cost, inputs, disconnected_inputs="ignore"), backend="numpy")(*values)
    for i, g in enumerate(gradients):
        found = np.empty(values[i].size)
        for k in range(found.size):
            moved = [[v.copy() for v in values] for _ in range(2)]
            moved[0][i].reshape(-1)[k] += 1e-6
            moved[1][i].reshape(-1)[k] -= 1e-6
            found[k] = (run(*moved[0]) - run(*moved[1])) / 2e-6
        np.testing.assert_allclose(g.reshape(-1), found, rtol=1e-6, atol=1e-7, err_msg=name)


def test_compiled_gradients_agree_with_numpy(backend):
    step = {"numpy": 1, "jax": 2, "c": 3, "numba": 8}[backend]  # Compiling each takes long.
    cases = dict(list(BOTH.items())[::step])
    inputs, outputs = graphs(cases)
    costs = [grad(pt.sum(pt.square(y)), inputs, disconnected_inputs="ignore") for y in outputs]
    flat = [g for gs in costs for g in gs]
    wanted = function(inputs, flat, backend="numpy", mode=PLAIN)(V, M, T)
    for k, (result, true) in enumerate(zip(function(inputs, flat, backend=backend)(V, M, T), wanted)):
        np.testing.assert_allclose(result, true, rtol=1e-12, atol=1e-14, err_msg=f"{list(cases)[k // 3]}, {backend}")


CREATED = {
    "zeros": lambda p: p.zeros((2, 3)), "ones": lambda p: p.ones(3, dtype="int32"), "full": lambda p: p.full((2, 2), 7), "empty shape": lambda p: p.zeros(()),
    "eye": lambda p: p.eye(3), "eye wide": lambda p: p.eye(2, 4, 1), "eye tall": lambda p: p.eye(4, 2, k=-1, dtype="int64"), "identity": lambda p: p.identity(3), "tri": lambda p: p.tri(3, 4, 1),
    "arange": lambda p: p.arange(4), "arange from": lambda p: p.arange(2, 7), "arange step": lambda p: p.arange(10, 1, -3), "arange empty": lambda p: p.arange(3, 1),
    "arange floats": lambda p: p.arange(0.0, 1.0, 0.1), "arange float32": lambda p: p.arange(3, dtype="float32"), "arange uint8": lambda p: p.arange(1, 9, 2, dtype="uint8"),
    "linspace": lambda p: p.linspace(0, 1, 7), "linspace open": lambda p: p.linspace(1, 3, 4, endpoint=False), "linspace integers": lambda p: p.linspace(0, 9, 4, dtype="int64"),
    "logspace": lambda p: p.logspace(0, 2, 5), "geomspace": lambda p: p.geomspace(1, 1000, 4), "indices": lambda p: p.indices((2, 3)), "empty axis": lambda p: p.zeros((0, 3)),
    "unravel_index": lambda p: p.unravel_index(np.array([3, 7]), (2, 4))[1], "ravel_multi_index": lambda p: p.ravel_multi_index((np.array([1, 0]), np.array([3, 2])), (2, 4)),
}  # fmt: skip


def test_constructors_agree_with_numpy(backend):
    outputs = [make(pt) for make in CREATED.values()]
    for (name, make), y, result in zip(CREATED.items(), outputs, function([], outputs, backend=backend)()):
        wanted = np.asarray(make(np))
        assert y.type.shape == wanted.shape and result.dtype == wanted.dtype == np.dtype(y.dtype), name
        np.testing.assert_allclose(result, wanted, rtol=1e-15, err_msg=name)


def test_a_part_may_occur_twice(backend):
    v = pt.vector("v", 5)
    y = pt.exp(v)
    first, second = function([v], [pt.concatenate([y, v, y]), pt.stack([v, y, y])], backend=backend)(V)
    np.testing.assert_allclose(first, np.concatenate([np.exp(V), V, np.exp(V)]))
    np.testing.assert_allclose(second, np.stack([V, np.exp(V), np.exp(V)]))


def test_linspace_between_expressions(backend):
    a, b = pt.scalar("a"), pt.vector("b", 3)
    outputs = [pt.linspace(a, b, 4), pt.linspace(a, 2.0, 3, axis=-1), pt.linspace(a, b, 5, endpoint=False, axis=1), pt.logspace(a, b, 3), pt.geomspace(a, 8.0, 4)]
    va, vb = 0.5, np.array([1.0, -2.0, 3.0])
    wanted = [np.linspace(va, vb, 4), np.linspace(va, 2.0, 3), np.linspace(va, vb, 5, endpoint=False, axis=1), np.logspace(va, vb, 3), np.geomspace(va, 8.0, 4)]
    for result, true in zip(function([a, b], outputs, backend=backend)(va, vb), wanted):
        # Where the numbers pass zero, what is left of the rounding of both ends.
        np.testing.assert_allclose(result, true, rtol=1e-13, atol=1e-15)


def test_inputs_have_theanos_names():
    def known(x):
        return tuple(n if isinstance(n, int) else None for n in x.type.shape)

    letters = {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}
    kinds = {"scalar": (), "vector": (None,), "matrix": (None, None), "row": (1, None), "col": (None, 1), "tensor3": (None,) * 3, "tensor4": (None,) * 4}
    for kind, shape in kinds.items():
        assert known(getattr(pt, kind)("x")) == shape
        for letter, dtype in letters.items():
            made = getattr(pt, letter + kind)("x")
            assert made.name == "x" and known(made) == shape and made.dtype == dtype
    assert pt.ivector("i", 3).type.shape == (3,) and pt.dmatrix("m", 2, 3).type.shape == (2, 3) and pt.vector("v", shape=(4,)).type.shape == (4,)
    assert [x.name for x in pt.vectors("a b", "c")] == ["a", "b", "c"]


def test_methods_are_numpys(backend):
    v, m = pt.vector("v", 5), pt.matrix("m", 3, 4)
    calls = [
        lambda v, m: m.reshape(4, 3), lambda v, m: m.reshape((2, -1)), lambda v, m: m.ravel(), lambda v, m: m.flatten(), lambda v, m: m.T, lambda v, m: m.mT, lambda v, m: m.swapaxes(0, 1),
        lambda v, m: m.transpose(1, 0), lambda v, m: m.transpose((1, 0)), lambda v, m: m.sum(axis=0), lambda v, m: m.argmax(axis=1), lambda v, m: m.cumsum(axis=0), lambda v, m: m.clip(-0.5, 0.5), lambda v, m: m.round(1),
        lambda v, m: m.copy(), lambda v, m: m.astype("float32"), lambda v, m: m.dot(v[:4]), lambda v, m: m.diagonal(), lambda v, m: m.repeat(2, axis=1), lambda v, m: m.take([1, 2]), lambda v, m: m.std(ddof=1), lambda v, m: v.argsort(),
        lambda v, m: m[:1].squeeze(0), lambda v, m: m.prod(axis=(0, 1)), lambda v, m: m.all(axis=0), lambda v, m: m.min(keepdims=True),
    ]  # fmt: skip
    outputs = [call(v, m) for call in calls]
    for k, (call, result) in enumerate(zip(calls, function([v, m], outputs, backend=backend)(V, M))):
        wanted = np.asarray(call(V, M))
        assert result.shape == wanted.shape and result.dtype == wanted.dtype, k
        np.testing.assert_allclose(result, wanted, rtol=1e-6 if result.dtype == "float32" else 1e-13, err_msg=str(k))


# Lengths known only at run time ---------------------------------------------------------------


def test_unknown_shapes_are_specialised(backend):
    x, y = pt.matrix("x"), pt.vector("y")
    outputs = [
        x.reshape((-1,)), x.reshape((x.shape[0], 1, -1)), pt.expand_dims(x, 1), pt.squeeze(pt.expand_dims(x, 0), 0), x.T, pt.concatenate([x, x * 2.0]),
        pt.stack([y, y]), pt.tile(y, 2), pt.repeat(x, 2, axis=1), pt.roll(y, 1), pt.zeros((x.shape[0], 2)) + 1.0, pt.zeros_like(x), pt.broadcast_to(y, (2, y.shape[0])), pt.arange(y.shape[0]) * 2,
        pt.flip(x), pt.diag(y), pt.tril(x), pt.pad(y, 1), pt.moveaxis(x, 0, 1), grad(pt.sum(pt.square(x.reshape((-1,)))), x), grad(pt.sum(pt.concatenate([y, pt.square(y)])), y), grad(pt.sum(pt.tile(y, 2) ** 2.0), y),
        pt.eye(y.shape[0]), pt.broadcast_arrays(x, x[0][None])[1],
    ]  # fmt: skip
    f = function([x, y], outputs, backend=backend)
    for (n, m), k in (((2, 3), 4), ((3, 1), 2)):
        a, b = RNG.normal(size=(n, m)), RNG.normal(size=k)
        wanted = [
            a.reshape(-1), a.reshape(n, 1, -1), a[:, None], a, a.T, np.concatenate([a, 2 * a]),
            np.stack([b, b]), np.tile(b, 2), np.repeat(a, 2, axis=1), np.roll(b, 1), np.ones((n, 2)), np.zeros_like(a), np.broadcast_to(b, (2, k)), np.arange(k) * 2,
            np.flip(a), np.diag(b), np.tril(a), np.pad(b, 1), np.moveaxis(a, 0, 1), 2 * a, 1 + 2 * b, 4 * b,
            np.eye(k), np.broadcast_arrays(a, a[:1])[1],
        ]  # fmt: skip
        for i, (result, true) in enumerate(zip(f(a, b), wanted)):
            assert result.shape == true.shape, i
            np.testing.assert_allclose(result, true, rtol=1e-13, err_msg=str(i))


def test_lengths_that_depend_on_values_are_known_at_the_call(backend):
    n = pt.lscalar("n")
    x = pt.vector("x", 6)
    outputs = [pt.zeros(n), pt.arange(n), pt.arange(1, n, 2), x.reshape((n, -1)), pt.repeat(x, pt.broadcast_to(n, (6,))), pt.roll(x, n), pt.arange(0.0, n, 0.5)]
    value = np.arange(6.0)
    wanted = [np.zeros(3), np.arange(3), np.arange(1, 3, 2), value.reshape(3, -1), np.repeat(value, 3), np.roll(value, 3), np.arange(0.0, 3, 0.5)]
    for result, true in zip(function([n, x], outputs, backend=backend)(3, value), wanted):
        np.testing.assert_array_equal(result, true)


# Random shapes --------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_reshapes_and_transposes_agree_with_numpy(data):
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    value = np.arange(float(np.prod(shape, dtype=int))).reshape(shape)
    rest, wanted = value.size, []
    while rest > 1:
        n = data.draw(st.sampled_from([k for k in range(1, rest + 1) if rest % k == 0]))
        wanted.append(n)
        rest //= n
    if value.size == 0:
        wanted = data.draw(st.permutations([0, 2, 3]))
    elif wanted and data.draw(st.booleans()):
        wanted[data.draw(st.integers(0, len(wanted) - 1))] = -1
    x = pt.tensor("x", shape=shape)
    order = data.draw(st.permutations(range(len(wanted))))
    y = pt.transpose(pt.reshape(x, wanted), order) * 1.0
    true = value.reshape(wanted).transpose(order)
    assert y.type.shape == true.shape
    for mode in (None, PLAIN):
        np.testing.assert_array_equal(function([x], y, backend="numpy", mode=mode)(value), true)


@settings(max_examples=100, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=4))
def test_random_shapes_broadcast_as_numpy(shapes):
    values = [RNG.normal(size=s) for s in shapes.input_shapes]
    symbols = [pt.tensor(f"x{i}", shape=s) for i, s in enumerate(shapes.input_shapes)]
    y = symbols[0] * symbols[1] + symbols[2]
    assert y.type.shape == shapes.result_shape
    cost = pt.sum(y)
    results = function(symbols, [y, *pt.broadcast_arrays(*symbols), *grad(cost, symbols)], backend="numpy")(*values)
    np.testing.assert_allclose(results[0], values[0] * values[1] + values[2])
    for result, true in zip(results[1:4], np.broadcast_arrays(*values)):
        np.testing.assert_array_equal(result, true)
    for g, v in zip(results[4:], values):
        assert g.shape == v.shape


# Errors ---------------------------------------------------------------------------------------


def test_shapes_that_do_not_fit_are_errors_when_written():
    x = pt.matrix("x", 3, 4)
    cases = [
        (lambda: pt.reshape(x, (5, 2)), r"\(3, 4\) cannot be reshaped to \(5, 2\): 12 elements"), (lambda: pt.reshape(x, (5, -1)), "cannot be reshaped"), (lambda: pt.reshape(x, (-1, -1)), "only one length may be -1"),
        (lambda: pt.reshape(pt.zeros((0, 2)), (0, -1)), "cannot be told"), (lambda: pt.transpose(x, (0, 0)), "given twice"), (lambda: pt.transpose(x, (0,)), "1 axes for a tensor of 2"),
        (lambda: pt.concatenate([x, x.T]), r"\(3, 4\), \(4, 3\) cannot be concatenated along axis 0"), (lambda: pt.stack([x, x.T]), "cannot be stacked"), (lambda: pt.concatenate([]), "at least one"),
        (lambda: pt.concatenate([pt.scalar("s")]), "use stack"), (lambda: pt.squeeze(x, 0), "has not length 1"), (lambda: pt.expand_dims(x, 5), "axis 5 is out of bounds for a tensor of 3"),
        (lambda: pt.broadcast_to(x, (2, 4)), "cannot be broadcast|do not broadcast"), (lambda: pt.broadcast_to(x, (-1, 4)), "negative"), (lambda: pt.split(x, 2), "does not divide"), (lambda: pt.moveaxis(x, (0, 1), 0), "cannot go"),
        (lambda: pt.pad(x, -1), "negative"), (lambda: pt.pad(x, 1, "stretch"), "no mode 'stretch'"), (lambda: pt.pad(x, ((1, 2),) * 3), "pair for each"), (lambda: pt.repeat(x, [1, 2], axis=0), "2 numbers of repeats"),
        (lambda: pt.diag(pt.zeros((2, 2, 2))), "vector or a matrix"), (lambda: pt.swapaxes(x, 0, 2), "axis 2 is out of bounds"), (lambda: pt.arange(0, 5, 0), "cannot be 0"),
        (lambda: pt.zeros((2**40, 2**40)), "too many elements"), (lambda: pt.zeros(2**70), "cannot have length"), (lambda: pt.arange(2**70), "cannot have length"), (lambda: pt.zeros(-3), "cannot have length -3|negative"),
    ]  # fmt: skip
    for call, message in cases:
        with pytest.raises(ShapeError, match=message):
            call()
    for wrong in (2.0, "a", pt.scalar("s")):
        with pytest.raises(DTypeError, match="length must be an integer"):
            pt.zeros(wrong)


ODD = {
    "pad odd": lambda p, v, m, t: p.pad(m, (2, 1), "reflect", reflect_type="odd"), "pad odd symmetric": lambda p, v, m, t: p.pad(m, (2, 3), "symmetric", reflect_type="odd"),
}  # fmt: skip


@pytest.mark.static_lengths
def test_odd_reflections_of_lengths_that_are_known(backend):
    m = pt.matrix("m", *M.shape)
    for result, (name, make) in zip(function([m], [make(pt, None, m, None) for make in ODD.values()], backend=backend)(M), ODD.items()):
        np.testing.assert_allclose(result, make(np, None, M, None), rtol=1e-13, err_msg=name)
