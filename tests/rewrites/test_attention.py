"""Attention recognised: what is written, and what becomes of it; why not, where it is none; and its gradient."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Mode, summary, topological
from workbench.graph.rewrite import RULES
from workbench.graph.why_not import why_not
from workbench.rewrites import default_mode
from workbench.transforms import grad
from workbench.transforms.prediction import for_prediction

q, k, v = (pt.tensor(name, shape=shape) for name, shape in (("q", (8, 4)), ("k", (9, 4)), ("v", (9, 3))))
a, b, c = (pt.tensor(name, shape=(2, 8, 3, 4)) for name in "abc")  # Batch, place, head, width.
mask, bias, s = pt.tensor("mask", dtype="bool", shape=(8, 9)), pt.tensor("bias", shape=(8, 9)), pt.scalar("s")
keep = pt.tensor("keep", dtype="bool", shape=(9,))
i, j = pt.arange(8)[:, None], pt.arange(9)[None, :]
RULE = RULES["softmax_times_values"]


def by_hand(scores, axis=-1):
    weights = pt.exp(scores - pt.max(scores, axis=axis, keepdims=True))
    return weights / pt.sum(weights, axis=axis, keepdims=True)


def heads(x):
    return pt.transpose(x, (0, 2, 1, 3))


def text(operands, added="[[True]], [[0.]]", causal=False, scale=1.0, fill="-inf"):
    return f"get[0](attention{{causal={causal}, scale={scale}, fill={fill}}}({operands}, {added}))"


TABLE = {
    "one head": (pt.softmax(q @ k.T / 2.0, axis=1) @ v, text("q, k, v", scale=0.5)),
    "scale on scores, matrix_transpose": (pt.softmax(0.25 * (q @ pt.matrix_transpose(k)), axis=-1) @ v, text("q, k, v", scale=0.25)),
    "scale on queries": (pt.softmax((q * 0.5) @ k.T, axis=-1) @ v, text("q * 0.5, k, v")),
    "scale of the graph": (pt.softmax(q @ k.T / s, axis=-1) @ v, text("q * reciprocal(s), k, v")),
    "einsum": (pt.einsum("qk,kd->qd", pt.softmax(pt.einsum("qd,kd->qk", q, k), axis=-1), v), text("q, k, v")),
    "heads by einsum": (
        pt.einsum("bhqk,bkhd->bqhd", pt.softmax(pt.einsum("bqhd,bkhd->bhqk", a, b), axis=-1), c),
        f"transpose{{axes=(0, 2, 1, 3)}}({text(', '.join(f'transpose{{axes=(0, 2, 1, 3)}}({x})' for x in 'abc'))})",
    ),
    "heads by transpose and swapaxes": (
        heads(pt.softmax(heads(a) @ pt.swapaxes(heads(b), -1, -2), axis=-1) @ heads(c)),
        f"transpose{{axes=(0, 2, 1, 3)}}({text(', '.join(f'transpose{{axes=(0, 2, 1, 3)}}({x})' for x in 'abc'))})",
    ),
    "keys by their transpose": (pt.softmax(heads(a) @ pt.transpose(b, (0, 2, 3, 1)), axis=3) @ heads(c), text(", ".join(f"transpose{{axes=(0, 2, 1, 3)}}({x})" for x in "abc"))),
    "by hand": (by_hand(q @ k.T) @ v, text("q, k, v")),
    "divided after the product": ((lambda w: (w @ v) / pt.sum(w, axis=1, keepdims=True))(pt.exp(q @ k.T)), text("q, k, v")),
    "log-softmax": (pt.exp(pt.log_softmax(q @ k.T, axis=1)) @ v, text("q, k, v")),
    "logsumexp": (pt.exp(q @ k.T - pt.logsumexp(q @ k.T, axis=1, keepdims=True)) @ v, text("q, k, v")),
    "keys first": (v.T @ pt.softmax(k @ q.T, axis=0), f"transpose{{axes=(1, 0)}}({text('q, k, v')})"),
    "a mask of minus infinity": (pt.softmax(pt.where(mask, q @ k.T, -np.inf), axis=1) @ v, text("q, k, v", "mask, [[0.]]")),
    "a mask of a number, the other way round": (pt.softmax(pt.where(~mask, -1e9, q @ k.T), axis=1) @ v, text("q, k, v", "mask, [[0.]]", fill="-1000000000.0")),
    "a mask that is added": (pt.softmax(q @ k.T + pt.where(mask, 0.0, -np.inf), axis=1) @ v, text("q, k, v", "mask, [[0.]]")),
    "padding": (pt.softmax(pt.where(keep[None, :], q @ k.T, -np.inf), axis=1) @ v, text("q, k, v", "reshape{shape=(1, 9)}(keep), [[0.]]")),
    "masked softmax": (pt.nn.softmax(q @ k.T, where=mask) @ v, text("q, k, v", "mask, [[0.]]")),
    "a bias": (pt.softmax((bias - (q @ k.T) * 3.0) * 0.5, axis=-1) @ v, text("q, k, v", "[[True]], bias * 0.5", scale=-1.5)),
    "causal by tril": (pt.softmax(pt.where(pt.tril(pt.ones((8, 9))) > 0, q @ k.T, -np.inf), axis=1) @ v, text("q, k, v", causal=True)),
    "causal by places": (pt.softmax(pt.where(i >= j, q @ k.T, -1e30), axis=1) @ v, text("q, k, v", causal=True)),
    "causal by what is beyond": (pt.softmax(pt.where(j > i, -np.inf, q @ k.T), axis=1) @ v, text("q, k, v", causal=True)),
    "causal by triu that is added": (pt.softmax(q @ k.T + pt.triu(pt.full((8, 9), -np.inf), 1), axis=1) @ v, text("q, k, v", causal=True)),
    "causal by a constant": (pt.softmax(pt.where(np.tri(8, 9, dtype=bool), q @ k.T, -np.inf), axis=1) @ v, text("q, k, v", causal=True)),
    "causal and padding": (pt.softmax(pt.where((i >= j) & mask, q @ k.T, -np.inf), axis=1) @ v, text("q, k, v", "mask, [[0.]]", causal=True)),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_written_becomes_attention(name):
    before, wanted = TABLE[name]
    (after,), trace = default_mode().run([before])
    assert summary(after, 1000) == wanted
    assert "softmax_times_values" in trace.counts or "values_divided_by_sum_of_exponentials" in trace.counts


def test_what_is_written_has_the_same_value():
    inputs = [q, k, v, a, b, c, mask, bias, s, keep]
    rng = np.random.default_rng(5)
    values = [rng.random(x.type.shape) < 0.7 if x.dtype == "bool" else rng.normal(size=x.type.shape) for x in inputs]
    values[6][:, 0] = values[9][0] = True
    outputs = [before for before, _ in TABLE.values()]
    found = function(inputs, outputs)(*values)
    for name, value, formula in zip(TABLE, found, function(inputs, outputs, mode=Mode(()), backend="numpy")(*values)):
        np.testing.assert_allclose(value, formula, rtol=1e-11, err_msg=name)


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        (pt.softmax(q @ k.T, axis=0) @ v, "the softmax is over axis 0, the product sums over axis 1"),
        (pt.softmax(q @ k.T, axis=None) @ v, "the softmax is over axis 0, 1, the product sums over axis 1"),
        (pt.exp(q @ k.T) @ v, "the exponential is not that of a log-softmax"),
        (pt.sin(q @ k.T) @ v, "no operand is divide or exp"),
        (pt.softmax(pt.tanh(q @ k.T), axis=1) @ v, "the scores are no products of queries and keys"),
        (pt.softmax((q @ k.T) * pt.vector("t", 9), axis=1) @ v, "multiplied by more than one number"),
        (pt.softmax(pt.where(mask, q @ k.T, -1e9) + bias, axis=1) @ v, "a bias is added to scores that a mask made a finite number"),
        (pt.softmax(pt.where(mask, q @ k.T, -np.inf) * s, axis=1) @ v, "multiplied by what may be negative"),
        (pt.softmax(pt.where(mask, pt.where(keep, q @ k.T, -1e9), -np.inf), axis=1) @ v, "-inf by one mask and -1e+09 by another"),
        (pt.softmax(q[:4] @ k.T, axis=1) @ v, "so few that loops are faster"),
    ],
)
def test_why_it_is_none(expr, reason):
    (after,), _ = default_mode().run([expr])
    assert not any(str(n.op.name) == "attention" for n in topological([after]))
    assert reason in str(why_not(RULE, expr))


def test_weights_that_something_else_reads_stay():
    weights = pt.softmax(q @ k.T, axis=1)
    after, _ = default_mode().run([weights, weights @ v])
    assert not any(str(n.op.name) == "attention" for n in topological(after))


def test_a_gradient_is_that_of_attention_which_is_computed_once():
    out = pt.sum(pt.sin(pt.softmax(pt.where(pt.tril(pt.ones((8, 9))) > 0, (q @ k.T) / 2.0, -1e9), axis=1) @ v))
    gradients = grad(out, [q, k, v])
    after, _ = default_mode().run([out, *gradients])
    names = [str(n.op.name) for n in topological(after)]
    assert names.count("attention") == names.count("attention_gradient") == 1 and "exp" not in names
    rng = np.random.default_rng(5)
    given = [rng.normal(size=x.type.shape) for x in (q, k, v)]
    way = [rng.normal(size=x.shape) for x in given]
    value = function([q, k, v], out, mode=Mode(()))
    ahead, back = (value(*(x + h * d for x, d in zip(given, way))) for h in (1e-5, -1e-5))
    slope = sum(np.sum(g * d) for g, d in zip(function([q, k, v], gradients)(*given), way))
    np.testing.assert_allclose(slope, (ahead - back) / 2e-5, rtol=1e-8)


def test_what_a_gradient_is_asked_for_is_not_looked_through():
    scores = q @ k.T
    out = pt.sum(pt.softmax(scores, axis=1) @ v)
    given = [np.ones(x.type.shape) for x in (q, k, v)]
    np.testing.assert_allclose(function([q, k, v], grad(out, scores))(*given), np.zeros((8, 9)), atol=1e-15)


def test_lengths_may_be_open():
    x = pt.tensor("x", shape=(None, None, 4))
    n = x.shape[1]
    causal = pt.arange(n)[:, None] >= pt.arange(n)[None, :]
    out = pt.softmax(pt.where(causal, x @ pt.swapaxes(x, 1, 2), -np.inf), axis=-1) @ x
    (after,), _ = default_mode().run([out])
    assert summary(after) == text("x, x, x", causal=True)
    given = np.random.default_rng(5).normal(size=(2, 6, 4))
    np.testing.assert_allclose(function([x], out)(given), function([x], out, mode=Mode(()), backend="numpy")(given), rtol=1e-12)


def test_with_dropout_it_is_attention_once_it_is_for_prediction():
    weights = pt.nn.dropout(pt.softmax(q @ k.T, axis=1), 0.2, pt.random.key(3))
    (trained,), _ = default_mode().run([weights @ v])
    assert not any(str(n.op.name) == "attention" for n in topological([trained]))
    (predicts,), _ = default_mode().run([for_prediction(weights @ v)])
    assert summary(predicts) == text("q, k, v")


def test_weights_that_are_results_too_are_computed_once_whatever_the_values_are_a_view_of():
    x, wq, wk, wv = pt.tensor("x", "float64", (2, "n", 8)), *(pt.matrix(name, 8, 8) for name in ("wq", "wk", "wv"))
    q, k, v = ((x @ w).reshape((2, x.shape[1], 2, 4)).transpose((0, 2, 1, 3)) for w in (wq, wk, wv))
    weights = pt.softmax(q @ k.mT / 2.0, axis=-1)
    out = (weights @ v).transpose((0, 2, 1, 3))
    both, alone = (function([x, wq, wk, wv], outputs, backend="numpy") for outputs in ([out, weights], [out]))
    names = [[n.op.name for n in topological(f.graph.results)] for f in (both, alone)]
    assert "attention" not in names[0] and names[0].count("exp") == 1
    assert "attention" in names[1] and "exp" not in names[1]
