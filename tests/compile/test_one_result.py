"""A function of a number has one result, to the last bit: in a vector loop, in its rest, as a scalar, beside others, in blocks."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.graph import Graph, Mode
from workbench.tensor.elementwise import OPS

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")
PLAIN = Mode(())
N = 17
CHUNK = 10
FLOATS = [op for op in OPS.values() if op.fusable and op.name not in ("popcount", "threefry")]


def same(one, other, message):
    """Equal, NaN where NaN."""
    assert one.dtype == other.dtype, message
    np.testing.assert_array_equal(one, other, err_msg=message)


def forms(op, xs):
    """The same elements by different loops: pairs of a tensor and the rows of the elements that it holds."""
    rows = np.arange(N)
    yield op(*xs), rows
    for n in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16):
        yield op(*(x[:n] for x in xs)), rows[:n]
    yield op(*(x[::-1] for x in xs)), rows[::-1]
    yield op(*(x[::3] for x in xs)), rows[::3]
    for i in range(0, N, 4):
        yield op(*(x[i] for x in xs)), rows[i]
    # One row at a time, in a loop of its own, and with other work in the same loop.
    yield pt.scan(lambda *elements: ([], [op(*elements)]), [], list(xs))[1][0], rows
    yield op(*(pt.broadcast_to(x[:, None], (N, 6)) for x in xs))[:, 2], rows
    # Where rows are scattered, the loop is plain, or goes by blocks.
    start = pt.zeros_like(op(*xs))
    order = np.random.default_rng(0).permutation(N)
    yield start[pt.constant(order)].set(op(*(x[pt.constant(order)] for x in xs))), rows


def chunks():
    return [FLOATS[i : i + CHUNK] for i in range(0, len(FLOATS), CHUNK)]


@pytest.mark.parametrize("ops", chunks(), ids=lambda ops: ops[0].name)
def test_every_elementwise_function_has_one_result(ops):
    inputs, outputs, values, told = [], [], [], []
    rng = np.random.default_rng(3)
    for op in ops:
        given = [np.asarray(domain.sample(rng, (N,))) for domain in op.domains]
        xs = [pt.tensor(f"{op.name}{k}", v.dtype.name, v.shape) for k, v in enumerate(given)]
        inputs += xs
        values += given
        for made, rows in forms(op, xs):
            outputs.append(made)
            told.append((op.name, rows))
    results = function(inputs, outputs, backend="c", mode=PLAIN)(*values)
    whole = {}
    for (name, rows), result in zip(told, results):
        first = whole.setdefault(name, result)
        same(result, first[rows], f"{name}: {np.shape(result)}")


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "expm1", "sin", "cos", "tan", "tanh", "erf", "sigmoid", "softplus", "power"])
def test_one_result_over_the_whole_range(name):
    """A thousand rows of 1 to 17 numbers, of all sizes and signs, against the same numbers one by one."""
    op = OPS[name]
    rng = np.random.default_rng(7)
    arity = len(op.domains)
    values = [np.where(rng.random(4096) < 0.7, rng.normal(size=4096), 1.0) * 10.0 ** rng.uniform(-12, 3, 4096) for _ in range(arity)]
    for v in values:
        v[:8] = 0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -745.5
    xs = [pt.vector(f"x{k}", 4096) for k in range(arity)]
    row = [pt.vector(f"r{k}") for k in range(arity)]
    one = [pt.scalar(f"s{k}") for k in range(arity)]
    whole = function(xs, op(*xs), backend="c", mode=PLAIN)(*values)
    alone = function(one, op(*one), backend="c", mode=PLAIN)
    same(np.array([alone(*(v[i] for v in values)) for i in range(4096)]), whole, name)
    some = function(row, op(*row), backend="c", mode=PLAIN)
    for n in range(1, 18):
        for start in range(0, 64, n):
            same(some(*(v[start : start + n] for v in values)), whole[start : start + n], f"{name}, {n} from {start}")


def formulas(x, y, z):
    return [
        x * y + z, z + x * y, x * y - z, z - x * y, x * y + y * z, (x + y) * z + x * x, pt.exp(x) * y + z, pt.square(x) + y * z, x / y + z * x,
        pt.sqrt(pt.square(x) + pt.square(y)), -(x * y) + z, (x * y + z) * (x * y - z),
    ]  # fmt: skip


@pytest.mark.parametrize("mode", [None, PLAIN], ids=["rewritten", "as written"])
def test_sums_of_products_have_one_result(mode):
    """Whether a product and a sum are rounded once or twice does not depend on the loop."""
    values = list(np.random.default_rng(5).normal(size=(3, 3, N)))
    tensors = [pt.tensor(name, shape=(3, N)) for name in "xyz"]
    scalars = [pt.scalar(name) for name in "abc"]
    whole = function(tensors, formulas(*tensors), backend="c", mode=mode)(*values)
    alone = function(scalars, formulas(*scalars), backend="c", mode=mode)
    for i in range(3):
        for j in range(N):
            for k, (one, w) in enumerate(zip(alone(*(v[i, j] for v in values)), whole)):
                assert one == w[i, j], f"formula {k}"


@pytest.mark.parametrize("mode", [None, PLAIN], ids=["rewritten", "as written"])
def test_what_is_computed_twice_in_a_graph_is_equal(mode):
    """The largest is found among numbers that another loop computes again."""
    x, y, z = (pt.tensor(name, shape=(100, N)) for name in "xyz")
    values = list(np.random.default_rng(8).normal(size=(3, 100, N)))
    outputs = []
    for made in [*formulas(x, y, z), pt.exp(x), pt.expm1(x), pt.sigmoid(x), pt.softplus(x), pt.tanh(x), pt.sin(x), pt.log1p(pt.square(x))]:
        outputs.append(pt.sum(pt.equal(made, pt.max(made, axis=1, keepdims=True)), axis=1))
    for k, found in enumerate(function([x, y, z], outputs, backend="c", mode=mode)(*values)):
        assert (found == 1).all(), f"formula {k}"


def test_a_region_and_threads_compute_the_same():
    x = pt.vector("x", N)
    inner = pt.region("part", Graph([u := pt.vector("u", N)], [pt.exp(u)]), x)[0]
    a, b = function([x], [inner, pt.exp(x)], backend="c", mode=PLAIN)(np.linspace(-3.0, 3.0, N))
    same(a, b, "region")
    large = pt.tensor("large", shape=(3000, 9))
    values = np.random.default_rng(1).normal(size=(3000, 9))
    wanted = function([large], pt.log1p(pt.exp(large)), backend="c", mode=PLAIN)(values)
    same(function([large], pt.log1p(pt.exp(large)), backend="c", mode=PLAIN, threads=3)(values), wanted, "threads")
