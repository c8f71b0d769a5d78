"""Indexing against NumPy: get, set and inc, fixed and random keys, on every backend; gradients; errors."""

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
SHAPE = (4, 3, 5)
I2 = np.array([[0, 3], [1, 1]])
J2 = np.array([[2, 0], [-1, 2]])
MASK = np.array([True, False, True, True])
MASK2 = RNG.random((4, 3)) < 0.5
X = np.s_[:]

KEYS = {
    "row": np.s_[1], "negative": np.s_[-1, -2], "slices": np.s_[1:3, ::2], "negative step": np.s_[::-1, :, ::-2],
    "beyond": np.s_[-100:2, 1:100], "empty slice": np.s_[3:1], "reverse beyond": np.s_[100:0:-2],
    "ellipsis": np.s_[..., 2], "ellipsis in the middle": np.s_[1, ..., 1:], "new axes": np.s_[None, :, None, 1],
    "nothing": (), "all": np.s_[:], "only new axes": np.s_[:, None],
    "array": I2, "list": [2, 0, 0], "second axis": np.s_[:, [2, 0]], "last axis": np.s_[..., [4, 0, 0]],
    "two arrays": (I2, J2), "two arrays, then a slice": np.s_[I2, J2, ::2], "broadcast": (np.array([[0], [2]]), np.array([1, 2, 0])),
    "separated": np.s_[I2, :, J2], "separated by a new axis": np.s_[I2, None, J2], "integer and array": np.s_[0, :, [1, 2]],
    "array and integer": np.s_[[1, 2], 0], "slice, arrays": np.s_[1:, [0, 2], [1, 1]], "new axis, slice, arrays": np.s_[None, 1:, [0, 2], [1, 1]],
    "three arrays": (np.array([0, 3]), np.array([1, 2]), np.array([[4], [0]])), "negative rows": np.s_[[-1, -4]],
    "mask": MASK, "mask of two axes": MASK2, "mask and slice": np.s_[MASK, ::2], "mask in the middle": np.s_[:, [True, False, True]],
    "mask and array": np.s_[MASK, [0, 1, 0]], "mask of everything": RNG.random(SHAPE) < 0.4, "no rows": np.zeros(4, bool),
    "empty list": [], "true": True, "false": False, "true and array": np.s_[True, [1, 2]], "array without axes": np.array(2),
    "reversed array": np.s_[::-1, [0, 1]], "array after ellipsis": np.s_[..., [0, 1], 2], "small integers": np.array([0, 3], np.int8),
    "unsigned": np.array([0, 3], np.uint64),
}  # fmt: skip


FEW = ("slices", "negative step", "new axes", "second axis", "two arrays", "separated", "integer and array", "mask and slice", "true")


def keys_for(backend):
    """Some of the keys, where every operation takes long to compile."""
    return {name: KEYS[name] for name in FEW} if backend == "numba" else KEYS


def values_for(backend, true):
    numbers = np.arange(1.0, true.size + 1).reshape(true.shape)
    found = {"whole": numbers, "scalar": 7.0, "broadcast": numbers[..., :1] if true.ndim else 2.0}
    return found if backend == "numpy" else {"whole": numbers}


def symbolic(key):
    """The key with inputs for its integer arrays, and their values."""
    inputs, values = [], []

    def replaced(k):
        if isinstance(k, (list, np.ndarray)) and np.asarray(k).dtype.kind in "iu" and np.size(k):
            a = np.asarray(k)
            i = pt.tensor(f"i{len(inputs)}", a.dtype.name, a.shape)
            inputs.append(i)
            values.append(a)
            return i
        return k

    made = tuple(map(replaced, key)) if isinstance(key, tuple) else replaced(key)
    return made, inputs, values


def updated(x, key, value, how):
    result = x.copy()
    if how == "set":
        result[key] = value
    else:
        np.add.at(result, key, value)
    return result


@pytest.mark.parametrize("known", [True, False], ids=["known", "symbolic"])
def test_get_set_and_inc_agree_with_numpy(backend, known):
    x = pt.tensor("x", shape=SHAPE)
    value = RNG.normal(size=SHAPE)
    inputs, values, outputs, wanted = [x], [value], [], []
    for name, key in keys_for(backend).items():
        made, more, given = (key, [], []) if known else symbolic(key)
        inputs += more
        values += given
        part = x[made]
        true = value[key]
        outputs.append(part)
        wanted.append((f"get {name}", true))
        for how in ("set", "inc"):
            for what, v in values_for(backend, true).items():
                outputs.append(getattr(part, how)(v))
                wanted.append((f"{how} {name} {what}", updated(value, key, v, how)))
    # Where an element is set twice, JAX does not promise which value stays.
    repeats = ("array", "list", "two arrays", "last axis", "two arrays, then", "separated", "broadcast")
    results = function(inputs, outputs, backend=backend)(*values)
    for (name, true), result in zip(wanted, results):
        if backend == "jax" and name.startswith("set") and name.split(" ", 1)[1].startswith(repeats):
            continue
        np.testing.assert_allclose(result, true, rtol=1e-13, err_msg=f"{name}, {backend}")


def test_unoptimised_graphs_index_too(backend):
    x = pt.tensor("x", shape=SHAPE)
    value = RNG.normal(size=SHAPE)
    chosen = keys_for(backend)
    outputs = [x[key] for key in chosen.values()]
    for (name, key), result in zip(chosen.items(), function([x], outputs, backend=backend, mode=PLAIN)(value)):
        np.testing.assert_array_equal(result, value[key], err_msg=name)


def slope(cost, inputs, values, i, h=1e-6):
    run = function(inputs, cost, backend="numpy", mode=PLAIN)
    found = np.empty(values[i].size)
    for k in range(values[i].size):
        moved = [[v.copy() for v in values] for _ in range(2)]
        moved[0][i].reshape(-1)[k] += h
        moved[1][i].reshape(-1)[k] -= h
        found[k] = (run(*moved[0]) - run(*moved[1])) / (2 * h)
    return found.reshape(values[i].shape)


@pytest.mark.parametrize("name", KEYS)
def test_gradients_of_get_set_and_inc_agree_with_differences(name):
    key = KEYS[name]
    x = pt.tensor("x", shape=SHAPE)
    v = pt.tensor("v", shape=np.zeros(SHAPE)[key].shape)
    values = [RNG.normal(size=SHAPE), RNG.normal(size=v.type.shape)]
    for made in (x[key] * v, x[key].set(v), x[key].inc(v * 2.0)):
        cost = pt.sum(pt.square(made) + made * 0.5)
        for i, wrt in enumerate((x, v)):
            g = grad(cost, wrt, disconnected_inputs="ignore")
            assert g.type.shape == wrt.type.shape
            found = function([x, v], g, backend="numpy")(*values)
            np.testing.assert_allclose(found, slope(cost, [x, v], values, i), rtol=1e-6, atol=1e-7, err_msg=name)


def test_compiled_gradients_agree_with_numpy(backend):
    x = pt.tensor("x", shape=SHAPE)
    i, j = pt.tensor("i", "int64", (2, 2)), pt.tensor("j", "int64", (2, 2))
    parts = [x[i], x[i, j], x[:, [0, 2]], x[i, :, j], x[1:, ::-1], x[MASK2], x[0, :, [1, 2]]]
    outputs = [grad(pt.sum(pt.exp(p)), x) for p in parts]
    outputs += [grad(pt.sum(pt.exp(p.inc(1.0))), x) for p in parts]
    values = RNG.normal(size=SHAPE), I2, J2
    wanted = function([x, i, j], outputs, backend="numpy", mode=PLAIN)(*values)
    for k, (result, true) in enumerate(zip(function([x, i, j], outputs, backend=backend)(*values), wanted)):
        np.testing.assert_allclose(result, true, rtol=1e-12, err_msg=f"{k}, {backend}")


def test_second_derivatives_flow_through_indices():
    x, i = pt.vector("x", 4), np.array([0, 2, 2])
    first = grad(pt.sum(x[i] ** 3.0), x)
    second = grad(pt.sum(first * np.arange(4.0)), x)
    at = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(second.eval({"x": at}), 6 * at * np.array([1, 0, 2, 0]) * np.arange(4.0))


# Random keys ----------------------------------------------------------------------------------


@st.composite
def keys(draw, shape):
    if draw(st.booleans()):
        return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=6))
    together = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    parts = []
    for n in shape:
        kind = draw(st.sampled_from(["slice", "array", "array", "int"]))
        if kind == "slice" or n == 0:
            parts.append(draw(st.slices(n)))
        elif kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        else:
            narrow = tuple(draw(st.sampled_from([1, m])) for m in together)
            parts.append(draw(hnp.arrays(np.int64, narrow, elements=st.integers(-n, n - 1))))
    for place in sorted(draw(st.lists(st.integers(0, len(parts)), max_size=2)), reverse=True):
        parts.insert(place, None)
    return tuple(parts[: draw(st.integers(0, len(parts)))])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_keys_get_set_and_inc_as_numpy(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    key = data.draw(keys(shape))
    value = np.arange(float(np.prod(shape))).reshape(shape)
    x = pt.tensor("x", shape=shape)
    true = value[key]
    part = x[key]
    assert part.type.shape == true.shape
    numbers = np.arange(1.0, true.size + 1).reshape(true.shape)
    outputs = [part, part.set(numbers), part.inc(numbers), part.set(-1.0)]
    wanted = [true, updated(value, key, numbers, "set"), updated(value, key, numbers, "inc"), updated(value, key, -1.0, "set")]
    for mode in (PLAIN, None):
        for result, w in zip(function([x], outputs, backend="numpy", mode=mode)(value), wanted):
            np.testing.assert_array_equal(result, w)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_random_keys_compile(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    value = np.arange(float(np.prod(shape))).reshape(shape)
    x = pt.tensor("x", shape=shape)
    inputs, values, outputs, wanted = [x], [value], [], []
    for key in data.draw(st.lists(keys(shape), min_size=6, max_size=6)):
        made, more, given = symbolic(key)
        inputs += more
        values += given
        true = value[key]
        numbers = np.arange(1.0, true.size + 1).reshape(true.shape)
        outputs += [x[made], x[made].set(numbers), x[made].inc(numbers)]
        wanted += [true, updated(value, key, numbers, "set"), updated(value, key, numbers, "inc")]
    for result, w in zip(function(inputs, outputs, backend="c")(*values), wanted):
        np.testing.assert_array_equal(result, w)


# Symbolic parts -------------------------------------------------------------------------------


def test_symbolic_scalars_index_on_every_backend(backend):
    x = pt.tensor("x", shape=SHAPE)
    i, j = pt.lscalar("i"), pt.iscalar("j")
    outputs = [x[i], x[:, j], x[i, 1:, j], x[..., j].set(0.0), x[i, j].inc(1.0), x[i][j]]
    value = RNG.normal(size=SHAPE)
    results = function([x, i, j], outputs, backend=backend)(value, -1, 2)
    set_, inc = value.copy(), value.copy()
    set_[..., 2] = 0.0
    inc[-1, 2] += 1.0
    for result, wanted in zip(results, [value[-1], value[:, 2], value[-1, 1:, 2], set_, inc, value[-1][2]]):
        np.testing.assert_allclose(result, wanted)


def test_symbolic_slice_bounds_give_a_length_known_at_run_time(backend):
    x, a, b = pt.vector("x", 6), pt.lscalar("a"), pt.lscalar("b")
    part = x[a:b]
    assert part.type.is_open
    slices = function([x, a, b], part, backend=backend)
    value = np.arange(6.0)
    for start, stop in ((1, 4), (-3, 100), (4, 2), (0, 6)):
        given = {"x": value, "a": start, "b": stop}
        np.testing.assert_array_equal(part.eval(given), value[start:stop])
        np.testing.assert_array_equal(slices(value, start, stop), value[start:stop])
        np.testing.assert_array_equal(x[::a].eval({**given, "a": 2}), value[::2])
        changed = value.copy()
        changed[start:stop] = 9.0
        np.testing.assert_array_equal(part.set(9.0).eval(given), changed)
        slope = np.zeros(6)
        slope[start:stop] = 2 * value[start:stop]
        np.testing.assert_array_equal(grad(pt.sum(part * part), x).eval(given), slope)


def test_slices_of_unknown_lengths_are_specialised(backend):
    x, m = pt.vector("x"), pt.matrix("m")
    outputs = [x[1:], x[::-1], x[-2], m[1:, None, ::2], m[-1], m[:, [0, 1]], x[1:].set(0.0), m[0].inc(x[:2]), m[:, -1:]]
    f = function([x, m], outputs, backend=backend)
    for n in (3, 5):
        v, w = np.arange(float(n)), RNG.normal(size=(n, 2))
        set_, inc = v.copy(), w.copy()
        set_[1:] = 0.0
        inc[0] += v[:2]
        wanted = [v[1:], v[::-1], v[-2], w[1:, None, ::2], w[-1], w[:, [0, 1]], set_, inc, w[:, -1:]]
        for result, true in zip(f(v, w), wanted):
            np.testing.assert_allclose(result, true)


def test_symbolic_masks_choose_at_run_time(backend):
    x, m = pt.matrix("x", 3, 4), pt.tensor("m", "bool", (3, 4))
    value = RNG.normal(size=(3, 4))
    mask = value > 0
    given = {"x": value, "m": mask}
    np.testing.assert_array_equal(x[m].eval(given), value[mask])
    np.testing.assert_array_equal(x[m[:, 0]].eval(given), value[mask[:, 0]])
    np.testing.assert_array_equal(x[1:, m[0]].eval(given), value[1:, mask[0]])
    assert float(x[x > 0].sum().eval(given)) == pytest.approx(value[mask].sum())
    np.testing.assert_array_equal(grad(pt.sum(x[m] ** 2.0), x).eval(given), np.where(mask, 2 * value, 0.0))
    changed = value.copy()
    changed[mask] = np.arange(mask.sum())
    np.testing.assert_array_equal(x[m].set(pt.arange(mask.sum()) * 1.0).eval(given), changed)
    np.testing.assert_array_equal(function([x, m], x[m], backend=backend)(value, mask), value[mask])


def test_updates_under_symbolic_masks_run_everywhere(backend):
    x, m, r = pt.matrix("x", 3, 4), pt.tensor("m", "bool", (3, 4)), pt.tensor("r", "bool", (3,))
    value = RNG.normal(size=(3, 4))
    mask, rows = value > 0, np.array([True, False, True])
    outputs = [x[m].set(0.0), x[m].inc(2.0), x[r].set(np.arange(4.0)), x[x < 0].set(0.0)]
    results = function([x, m, r], outputs, backend=backend)(value, mask, rows)
    chosen = value.copy()
    chosen[rows] = np.arange(4.0)
    for result, true in zip(results, [np.where(mask, 0.0, value), np.where(mask, value + 2.0, value), chosen, np.maximum(value, 0.0)]):
        np.testing.assert_array_equal(result, true)


def test_an_index_of_an_index_updates_the_outer_one():
    x = pt.tensor("x", shape=SHAPE)
    value = RNG.normal(size=SHAPE)
    for first, second in ((np.s_[1:], np.s_[[0, 2]]), (np.s_[[0, 2]], np.s_[:, 1]), (np.s_[2], np.s_[:]), (np.s_[1:3], np.s_[:, None])):
        wanted = value[first].copy()
        wanted[second] = 0.0
        np.testing.assert_array_equal(x[first][second].set(0.0).eval({"x": value}), wanted)
        outer = value.copy()
        inner = outer[first].copy()
        inner[second] += 1.0
        outer[first] = inner
        np.testing.assert_array_equal(x[first].set(x[first][second].inc(1.0)).eval({"x": value}), outer)


# Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key, message", [
    (np.s_[4], "index 4 .*axis 0 of length 4"), (np.s_[:, -4], "index -4 .*axis 1 of length 3"), (np.s_[0, 0, 0, 0], "too many indices: 4"),
    (np.s_[..., ...], "one ellipsis"), (np.s_[[0, 4]], "index 4 .*axis 0 of length 4 .position 1"), (np.s_[:, [[3]]], "index 3 .*axis 1 of length 3"),
    (np.array([0, 2**64 - 1], np.uint64), "index 18446744073709551615"), (2**70, "out of bounds"), (np.ones(3, bool), "does not fit axis 0 of length 4"),
])  # fmt: skip
def test_indices_out_of_range_are_errors_when_written(key, message):
    with pytest.raises(IndexError, match=message):
        pt.tensor("x", shape=SHAPE)[key]


def test_indices_of_the_wrong_kind_are_errors_when_written():
    x = pt.tensor("x", shape=SHAPE)
    for key in (1.5, np.array([0.5]), "a", pt.vector("v"), slice(0.5), slice(pt.scalar("s"), None)):
        with pytest.raises(DTypeError, match="integer"):
            x[key]
    with pytest.raises(ShapeError, match="step 0"):
        x[::0]
    with pytest.raises(ShapeError, match="do not broadcast"):
        x[[0, 1], [0, 1, 2]]


def test_updates_that_do_not_fit_are_errors_when_written():
    x = pt.tensor("x", shape=SHAPE)
    with pytest.raises(ShapeError, match=r"\(2,\).*\(4, 3, 5\)|broadcast"):
        x[:].set(np.ones(2))
    with pytest.raises(ShapeError, match="is not an indexing"):
        pt.exp(x).set(1.0)
    with pytest.raises(DTypeError, match="int64.*float64"):
        pt.arange(4)[0].set(2.5)
    assert pt.arange(4)[0].set(2).dtype == "int64"
    assert pt.zeros(4, "float32")[0].set(2.5).dtype == "float32"


@pytest.mark.parametrize("backend_name", ["numpy", "c", "numba"])
def test_indices_out_of_range_at_run_time_name_variable_axis_and_index(backend_name):
    x = pt.matrix("effects", 4, 3)
    i, j = pt.lvector("i", 2), pt.lvector("j", 2)
    for made in (x[i, j], x[i, j].set(0.0), x[:, j]):
        f = function([x, i, j], made, backend=backend_name)
        f(np.ones((4, 3)), [0, -4], [2, -3])
        for wrong in (3, -4, 2**62):
            with pytest.raises(IndexError, match=rf"index {wrong} is out of bounds for axis 1.*(size|length) 3") as caught:
                f(np.ones((4, 3)), [0, 1], [0, wrong])
            assert "effects" in str(caught.value)


@pytest.mark.parametrize("backend_name", ["numpy", "c", "numba"])
def test_a_constant_index_is_checked_when_the_length_becomes_known(backend_name):
    x = pt.vector("levels")
    f = function([x], [x[[0, 3]], x[2]], backend=backend_name)
    assert f(np.arange(4.0))[0].tolist() == [0.0, 3.0]
    with pytest.raises(IndexError, match="index 3 or -4 is out of bounds for axis 0 of levels, which has length 3"):
        f(np.arange(3.0))


def test_huge_unsigned_indices_do_not_wrap(backend):
    if backend == "jax":
        pytest.skip("JAX clamps indices instead of checking them")
    x, i = pt.vector("x", 3), pt.tensor("i", "uint64", (1,))
    f = function([x, i], x[i], backend=backend)
    with pytest.raises(IndexError, match="out of bounds"):
        f(np.arange(3.0), np.array([2**64 - 1], np.uint64))


# Functions ------------------------------------------------------------------------------------


def test_take_has_numpys_modes(backend):
    x, i = pt.matrix("x", 3, 4), pt.tensor("i", "int64", (2, 2))
    value, at = RNG.normal(size=(3, 4)), np.array([[0, 5], [-7, 2]])
    outputs = [pt.take(x, i, mode="wrap"), pt.take(x, i, axis=1, mode="clip"), pt.take(x, at, axis=0, mode="wrap"), pt.take(x, [1, 2], axis=1), pt.take(x, 5)]
    wanted = [np.take(value, at, mode="wrap"), np.take(value, at, 1, mode="clip"), np.take(value, at, 0, mode="wrap"), np.take(value, [1, 2], 1), np.take(value, 5)]
    for result, true in zip(function([x, i], outputs, backend=backend)(value, at), wanted):
        np.testing.assert_array_equal(result, true)


def test_along_axis_agrees_with_numpy(backend):
    x, i = pt.tensor("x", shape=SHAPE), pt.tensor("i", "int64", (4, 2, 5))
    value, at = RNG.normal(size=SHAPE), RNG.integers(-3, 3, (4, 2, 5))
    wanted = [np.take_along_axis(value, at, 1), np.take_along_axis(value, np.array([3, -1]), None)]
    put = value.copy()
    np.put_along_axis(put, np.zeros((4, 1, 5), int), 5.0, 1)
    outputs = [pt.take_along_axis(x, i, 1), pt.take_along_axis(x, [3, -1], None)]
    outputs.append(pt.put_along_axis(x, np.zeros((4, 1, 5), int), 5.0, 1))
    for result, true in zip(function([x, i], outputs, backend=backend)(value, at), [*wanted, put]):
        np.testing.assert_array_equal(result, true)
    with pytest.raises(ShapeError, match="as many"):
        pt.take_along_axis(x, [0], 1)


def test_an_ellipsis_of_no_axes_sets_index_arrays_apart(backend):
    at = np.arange(24.0).reshape(2, 3, 4)
    x = pt.tensor("x", "float64", (2, 3, 4))
    rows, columns = np.array([[0], [1]]), np.array([[-1, -1]])
    keys = [(slice(None), rows, ..., columns), (slice(None), [1, 2], ..., [0, 3]), (slice(None), 1, ..., [0, 3]), (..., [0, 1], [1, 2]), (0, ..., [1, 2], 3)]
    outputs = [y for key in keys for y in (x[key], x[key].set(7.0), x[key].inc(1.0))]
    results = function([x], outputs, backend=backend)(at)
    for k, key in enumerate(keys):
        wanted, changed, more = at[key], at.copy(), at.copy()
        changed[key] = 7.0
        np.add.at(more, key, 1.0)
        for result, w in zip(results[3 * k : 3 * k + 3], (wanted, changed, more)):
            np.testing.assert_array_equal(result, w, err_msg=f"{key}, {backend}")
