"""JAX's derivatives of what `to_jax` returns are those of the graph: of every operation, at special points, of every order."""

import itertools
import os

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function, to_jax
from workbench.tensor.elementwise import OPS
from workbench.transforms import grad, hessian

jax = pytest.importorskip("jax")
jnp = jax.numpy

POINTS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 0.3, 40.0, 800.0, -800.0, np.inf, -np.inf])
DIFFERENTIABLE = [op for op in OPS.values() if any(callable(g) for g in op.gradients)]
# Their operands that have no derivative, and a sample of them for the default run.
NO_DERIVATIVE = {"polygamma": [2.0], "iv": [1.0], "ive": [1.0], "jv": [1.0], "kv": [1.0], "kve": [1.0], "gammainc_by_a": [2.0], "betainc_by_a": [2.0, 3.0], "hyp2f1": [0.5, 1.5, 2.5]}
FIRST = ["softplus", "sigmoid", "abs", "tanh", "logit", "logaddexp", "power", "hypot", "log1mexp", "log_ndtr", "erfcx", "maximum", "gammaln", "sinc", "iv", "where", "sqrt", "multiply"]
ALL = os.environ.get("WORKBENCH_TESTS") == "all"


def cases():
    for op in DIFFERENTIABLE:
        fixed = NO_DERIVATIVE.get(op.name, [])
        free = op.arity - len(fixed)
        rows = list(itertools.product(POINTS if free == 1 else POINTS[[0, 2, 3, 4, 5, 6]], repeat=free))
        if op.name in ("gammainc", "gammaincc", "betainc", "betainc_by_a", "gammaincinv", "gammainccinv", "betaincinv"):
            rows = list(itertools.product([0.5, 2.0, 7.0], [0.3, 0.8], [0.2, 0.7][: free - 2] or [0.0]))[: 4]
            rows = [row[:free] for row in rows]
        if op.name == "log1mexp":
            rows = [row for row in rows if row[0] <= 0.0]
        if op.name == "beta":
            rows = [row for row in rows if min(row) > 0.0]  # Elsewhere it has no value, or is a pole.
        if op.name == "mod":
            rows = [row for row in rows if row[1] != 0.0]  # By zero it has no value.
        if op.name == "where":
            rows = [(True, 1.0, 2.0), (False, np.inf, 2.0)]
        yield op, fixed, np.array(rows, dtype=object if op.name == "where" else float)


CANCELLED = {"arctan2": 1e-15}
"""What is left of x**2 - y**2 over the square of their sum where both are equal, by how products are rounded, or not, before they are subtracted."""


def agree(found, wanted, what):
    """Equal, where the graph's is a number: a product with zero is zero in JAX, also one with infinity."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    keep = ~np.isnan(wanted)
    np.testing.assert_allclose(found[keep], wanted[keep], rtol=1e-9, atol=CANCELLED.get(what.partition(",")[0], 1e-300), err_msg=what)


def vectors(op, fixed, rows):
    columns = [np.array(list(c), bool if op.name == "where" and i == 0 else float) for i, c in enumerate(rows.T)]
    free = [pt.vector(f"v{i}", len(rows), dtype=c.dtype.name) for i, c in enumerate(columns)]
    return columns, free, op(*fixed, *free)


def test_gradients_of_every_elementwise_operation_are_the_declared_ones():
    for op, fixed, rows in cases():
        if not ALL and op.name not in FIRST:
            continue
        columns, free, value = vectors(op, fixed, rows)
        real = [i for i, x in enumerate(free) if x.type.kind == "f"]
        wanted = function(free, grad(value.sum(), [free[i] for i in real], disconnected_inputs="ignore"), backend="numpy")(*columns)
        f = to_jax(free, [value.sum()])
        found = jax.grad(lambda *v: f(*v)[0], argnums=real)(*map(jnp.asarray, columns))
        for i, g, w in zip(real, found, wanted):
            agree(g, w, f"{op.name} in operand {i} at {rows.tolist()}")


SECOND = ["softplus", "power", "log_ndtr"]


@pytest.mark.parametrize("name", SECOND if not ALL else [op.name for op in DIFFERENTIABLE if op.name not in NO_DERIVATIVE and op.name != "where" and "_by_" not in op.name and "inv" not in op.name])
def test_second_derivatives_and_forward_mode_are_too(name):
    op, fixed, rows = next(case for case in cases() if case[0].name == name)
    columns, free, value = vectors(op, fixed, rows)
    firsts = grad(value.sum(), free, disconnected_inputs="ignore")
    pairs = list(itertools.product(range(len(free)), repeat=2))
    seconds = [grad(firsts[i].sum(), free[j], disconnected_inputs="ignore") for i, j in pairs]
    first, second = (function(free, made, backend="numpy")(*columns) for made in (firsts, seconds))
    f = to_jax(free, [value])
    one = lambda *v: f(*v)[0]
    given = [jnp.asarray(c) for c in columns]
    for i in range(len(free)):
        moves = [jnp.ones_like(x) if i == j else jnp.zeros_like(x) for j, x in enumerate(given)]
        agree(jax.jvp(one, given, moves)[1], first[i], f"{name}, forward in operand {i}")
    reverse = lambda *v: jax.grad(lambda *u: one(*u).sum(), argnums=tuple(range(len(free))))(*v)
    for (i, j), wanted in zip(pairs, second):
        moves = [jnp.ones_like(x) if j == k else jnp.zeros_like(x) for k, x in enumerate(given)]
        agree(jax.jvp(reverse, given, moves)[1][i], wanted, f"{name}, forward over reverse {i, j}")
        over = jax.grad(lambda *v: reverse(*v)[i].sum(), argnums=j)(*given)
        agree(over, wanted, f"{name}, reverse over reverse {i, j}")
    # The scalar function over rows.
    scalars = [pt.scalar(f"s{i}") for i in range(len(free))]
    g = to_jax(scalars, [op(*fixed, *scalars)])
    made = jax.jit(jax.vmap(jax.grad(lambda *v: g(*v)[0], argnums=tuple(range(len(free))))))(*given)
    for i, row in enumerate(made):
        agree(row, first[i], f"{name}, vmap of grad in operand {i}")


def square(v):
    return pt.reshape(v[:9], (3, 3))


def spd(v):
    return square(v) @ square(v).T + pt.eye(3) * 4.0


COMPOSITE = {
    "not taken": lambda v: pt.where(v > 0.0, pt.log(v), 0.0).sum(),
    "not taken twice": lambda v: pt.where(v > 0.0, pt.sqrt(pt.log1p(v)) / v, pt.exp(v)).sum(),
    "clip": lambda v: pt.square(pt.clip(v, -1.0, 1.0)).sum(),
    "norm": lambda v: pt.linalg.norm(v - v) + pt.linalg.norm(v),
    "softmax": lambda v: (pt.softmax(v) * pt.arange(9)).sum(),
    "logsumexp": lambda v: pt.logsumexp(v),
    "log softmax": lambda v: pt.log_softmax(v)[2],
    "max": lambda v: v.max() + v.min(),
    "max of ties": lambda v: pt.square(pt.max(pt.reshape(v, (3, 3)), axis=1)).sum(),
    "product with zeros": lambda v: pt.prod(v[:4]) + pt.prod(v[3:]),
    "cumulative": lambda v: (pt.cumsum(v) * v).sum() + pt.cumprod(v[:5]).sum(),
    "sort": lambda v: (pt.sort(v) * pt.arange(9)).sum(),
    "std": lambda v: v.std() + (v - v).std(),
    "take": lambda v: v[[0, 0, 3]].sum() + pt.square(v[2:5]).sum(),
    "det": lambda v: pt.linalg.det(square(v)),
    "slogdet": lambda v: pt.linalg.slogdet(spd(v))[1],
    "cholesky": lambda v: (pt.linalg.cholesky(spd(v)) * pt.reshape(pt.arange(9.0), (3, 3))).sum(),
    "inverse": lambda v: pt.linalg.inv(spd(v))[0, 1],
    "solve": lambda v: pt.linalg.solve(spd(v), v[:3]).sum(),
    "eigenvalues": lambda v: (pt.linalg.eigh(spd(v))[0] * pt.arange(3.0)).sum(),
    "scan": lambda v: pt.scan(lambda s, e: ([pt.softplus(s) * e], []), [0.0], [v])[0][0],
    "branch": lambda v: pt.cond(v[0] > 0.0, lambda u: [pt.abs(u).sum()], lambda u: [pt.softplus(u).sum()], [v])[0],
}  # fmt: skip
VALUES = [
    np.array([0.0, 1.0, -1.0, 2.0, 2.0, 0.0, 0.5, -0.5, 3.0]),
    np.array([0.3, 1.7, -1.1, 2.2, 0.9, -0.4, 0.5, -0.6, 3.0]),
]


@pytest.mark.parametrize("name", COMPOSITE)
def test_gradients_of_reductions_linear_algebra_and_choices_agree(name):
    v = pt.vector("v", 9)
    cost = COMPOSITE[name](v)
    wanted = function([v], grad(cost, v), backend="numpy")
    f = to_jax([v], [cost])
    for at in VALUES:
        np.testing.assert_allclose(jax.grad(lambda u: f(u)[0])(jnp.asarray(at)), wanted(at), rtol=1e-9, atol=1e-12, err_msg=f"{name} at {at}")


@pytest.mark.parametrize("name", list(COMPOSITE) if ALL else ["not taken", "scan"])
def test_their_second_derivatives_agree(name):
    v = pt.vector("v", 9)
    cost = COMPOSITE[name](v)
    f = to_jax([v], [cost])
    wanted = function([v], hessian(cost, v), backend="numpy")(VALUES[1])
    np.testing.assert_allclose(jax.hessian(lambda u: f(u)[0])(jnp.asarray(VALUES[1])), wanted, rtol=1e-8, atol=1e-10)


def test_the_examples_at_zero():
    x = pt.scalar("x")
    with pm.Model() as model:
        p = pm.Flat("p")
        pm.Bernoulli("y", logit_p=p, observed=1)
    cases = {0.5: pt.softplus(x), 0.0: pt.abs(x), 0.25: pt.sigmoid(x), 1.0: pt.tanh(x)}
    for wanted, y in cases.items():
        f = to_jax([x], [y])
        assert jax.grad(lambda u: f(u)[0])(0.0) == wanted
    logp = model.logp()
    f = to_jax([model.value_vars[0]], [logp])
    assert jax.grad(lambda u: f(u)[0])(0.0) == 0.5


def test_a_parameter_without_derivative_says_so():
    v, x = pt.scalar("v"), pt.scalar("x")
    f = to_jax([v, x], [pt.iv(v, x)])
    with pytest.raises(pm.errors.GradientError, match="'v' is not known"):
        jax.grad(lambda *u: f(*u)[0])(1.0, 2.0)
    assert np.isclose(jax.grad(lambda *u: f(*u)[0], argnums=1)(1.0, 2.0), 0.5 * (2.279585302336067 + 0.6889484476987382))
