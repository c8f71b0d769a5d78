"""Attention against PyTorch's numbers on every backend, and against the formula where PyTorch has none."""

from pathlib import Path

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError, ShapeError
from workbench.graph import Graph, Mode
from workbench.graph.serialise import from_json, to_json
from workbench.tensor.nn.attention import Attention, AttentionGradient, attention, scaled_dot_product_attention
from workbench.transforms import grad, vectorize_graph

KEPT = np.load(Path(__file__).parents[1] / "reference" / "attention.npz")
CASES = sorted({name.split(".")[0] for name in KEPT})
BACKENDS = ["c", "jax", "numpy"]


def case(name):
    return {key.split(".")[1]: KEPT[key] for key in KEPT if key.split(".")[0] == name}


def expressions(given):
    """Operands, in the order of their names, the result, and its gradients in those that have one."""
    causal, scale = given["options"]
    named = {key: pt.tensor(key, dtype=str(given[key].dtype), shape=given[key].shape) for key in ("q", "k", "v", "mask", "bias") if key in given}
    out = scaled_dot_product_attention(
        named["q"], named["k"], named["v"], named.get("bias"), named.get("mask"), is_causal=bool(causal), scale=None if np.isnan(scale) else float(scale)
    )
    wrt = [key for key in named if key != "mask"]
    return named, out, wrt, grad(pt.sum(out * given["weights"]), [named[key] for key in wrt])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_value_and_gradients_are_pytorchs(backend, name):
    given = case(name)
    named, out, wrt, gradients = expressions(given)
    values = function(list(named.values()), [out, *gradients], backend=backend)(*(given[key] for key in named))
    rtol = 2e-6 if name == "single" else 1e-12
    for key, value in zip(["out", *(f"grad_{key}" for key in wrt)], values):
        assert value.dtype == given["q"].dtype
        np.testing.assert_allclose(value, given[key], rtol=rtol, atol=rtol * np.abs(given[key]).max(), err_msg=key)


@pytest.mark.parametrize("name", ["mask", "single"])
def test_numba_has_the_same(name):
    given = case(name)
    named, out, wrt, gradients = expressions(given)
    values = function(list(named.values()), [out, *gradients], backend="numba")(*(given[key] for key in named))
    rtol = 2e-6 if name == "single" else 1e-12
    for key, value in zip(["out", *(f"grad_{key}" for key in wrt)], values):
        np.testing.assert_allclose(value, given[key], rtol=rtol, atol=rtol * np.abs(given[key]).max(), err_msg=key)


def formula(q, k, v, mask=True, bias=0.0, fill=-np.inf):
    scores = np.where(mask, np.einsum("...ld,...sd->...ls", q, k) / np.sqrt(q.shape[-1]) + bias, fill)
    most = scores.max(-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(most), most, 0.0))
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total == 0, 1, total) @ v


def draw(*shapes):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_that_meet_no_key_are_zeros_with_gradients_of_zero(backend):
    q, k, v = draw((2, 5, 3), (2, 6, 3), (2, 6, 4))
    mask = np.random.default_rng(1).random((2, 5, 6)) < 0.5
    mask[:, 2] = False
    x = [pt.constant(a) for a in (q, k, v)]
    free = [pt.tensor(n, shape=a.shape) for n, a in zip("qkv", (q, k, v))]
    out = scaled_dot_product_attention(*free, mask=mask)
    made = function(free, [out, *grad(pt.sum(pt.sin(out)), free)], backend=backend)(q, k, v)
    np.testing.assert_allclose(made[0], formula(q, k, v, mask), rtol=1e-12)
    assert (made[0][:, 2] == 0).all() and (made[1][:, 2] == 0).all()
    assert all(np.isfinite(a).all() for a in made)
    with_bias = scaled_dot_product_attention(*x, bias=np.where(mask, 0.0, -np.inf))
    np.testing.assert_allclose(function([], with_bias, backend=backend)(), formula(q, k, v, mask), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_keys_no_queries_no_width(backend):
    def made(queries, keys, width):
        q, k, v = (np.ones(s) for s in ((2, queries, width), (2, keys, width), (2, keys, 3)))
        free = [pt.tensor(n, shape=a.shape) for n, a in zip("qkv", (q, k, v))]
        out = scaled_dot_product_attention(*free)
        return function(free, [out, *grad(pt.sum(out), free)], backend=backend)(q, k, v)

    assert np.array_equal(made(4, 0, 2)[0], np.zeros((2, 4, 3)))
    assert made(0, 4, 2)[0].shape == (2, 0, 3) and np.array_equal(made(0, 4, 2)[2], np.zeros((2, 4, 2)))
    assert np.array_equal(made(2, 4, 0)[0], np.ones((2, 2, 3)))


def test_a_finite_fill_is_a_score():
    """Where nothing is met, all are met alike: as of scores that were replaced by a large negative number."""
    q, k, v = draw((70, 3), (75, 3), (75, 2))
    mask = np.random.default_rng(1).random((70, 75)) < 0.5
    mask[3] = False
    free = [pt.tensor(n, shape=a.shape) for n, a in zip("qkv", (q, k, v))]
    out = attention(*free, pt.constant(mask), scale=3**-0.5, fill=-1e9)
    plain = pt.softmax(pt.where(mask, free[0] @ free[1].T / np.sqrt(3), -1e9), axis=-1) @ free[2]
    fused = [function(free, [x, *grad(pt.sum(pt.sin(x)), free)], mode=m)(q, k, v) for x, m in ((out, None), (plain, Mode(())))]
    for a, b in zip(*fused):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(fused[0][0][3], v.mean(0), rtol=1e-12)


def test_scores_beyond_exponentials_and_nan():
    q, k, v = draw((3, 2), (70, 2), (70, 2))
    q[1] *= 1e4
    q[2] = np.nan
    free = [pt.tensor(n, shape=a.shape) for n, a in zip("qkv", (q, k, v))]
    made = function(free, scaled_dot_product_attention(*free))(q, k, v)
    np.testing.assert_allclose(made[:2], formula(q, k, v)[:2], rtol=1e-11)
    assert np.isnan(made[2]).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_open_lengths_and_threads_give_the_same(threads):
    free = [pt.tensor(n, shape=(None, None, None, None)) for n in "qkv"]
    out = scaled_dot_product_attention(*free, is_causal=True)
    f = function(free, [out, *grad(pt.sum(out * out), free)], threads=threads)
    for queries, keys in ((3, 5), (300, 290)):
        q, k, v = draw((2, 3, queries, 4), (2, 3, keys, 4), (2, 3, keys, 2))
        given = [pt.constant(a) for a in (q, k, v)]
        small = scaled_dot_product_attention(*given, is_causal=True)
        want = function([], [small, *grad(pt.sum(small * small), given)], backend="numpy")()
        for a, b in zip(f(q, k, v), want):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


def test_gradient_of_the_gradient_is_that_of_the_formula():
    q, k, v, b, w = draw((2, 5, 3), (2, 6, 3), (2, 6, 4), (5, 6), (2, 5, 4))
    mask = np.random.default_rng(1).random((5, 6)) < 0.7
    free = [pt.tensor(n, shape=a.shape) for n, a in zip("qkvb", (q, k, v, b))]
    Q, K, V, B = free
    scores = pt.where(mask, Q @ pt.matrix_transpose(K) / np.sqrt(3) + B, -1e30)
    both = []
    for out in (scaled_dot_product_attention(Q, K, V, B, mask), pt.softmax(scores, axis=-1) @ V):
        first = grad(pt.sum(pt.sin(out) * w), free)
        second = grad(sum(pt.sum(pt.cos(x)) for x in first), free)
        both.append(function(free, [*first, *second], mode=Mode(()))(q, k, v, b))
    for a, c in zip(*both):
        np.testing.assert_allclose(a, c, rtol=1e-10, atol=1e-12)


def test_batches_of_heads_broadcast_and_vectorise():
    q, k, v = draw((4, 3, 5, 2), (3, 1, 6, 2), (6, 2))
    free = [pt.tensor("q", shape=(5, 2)), pt.tensor("k", shape=(6, 2)), pt.tensor("v", shape=(6, 2))]
    out = scaled_dot_product_attention(*free)
    big = [pt.tensor("q", shape=(4, 3, 5, 2)), pt.tensor("k", shape=(4, 3, 6, 2))]
    many = vectorize_graph([out, *grad(pt.sum(out), free)], dict(zip(free, big)))
    wide = np.broadcast_to(k.reshape(1, 3, 6, 2), (4, 3, 6, 2))
    made = function([*big, free[2]], many)(q, wide, v)
    np.testing.assert_allclose(made[0], formula(q, wide, v), rtol=1e-12)
    np.testing.assert_allclose(made[3][1, 2], function(free, grad(pt.sum(out), free[2]))(q[1, 2], wide[1, 2], v), rtol=1e-12)
    shared = [pt.tensor(n, shape=a.shape) for n, a in zip("qkv", (q, k[:1], v))]
    f = function(shared, [x := scaled_dot_product_attention(*shared), grad(pt.sum(x), shared[1])])
    np.testing.assert_allclose(f(q, k[:1], v)[0], formula(q, k[:1], v), rtol=1e-12)
    assert f(q, k[:1], v)[1].shape == (1, 1, 6, 2)


def test_a_scale_that_is_an_expression_has_a_gradient():
    q, k, v = draw((5, 3), (6, 3), (6, 4))
    s = pt.scalar("s")
    out = pt.sum(pt.sin(scaled_dot_product_attention(q, k, v, scale=s)))
    f = function([s], [out, grad(out, s)])
    slope = (f(0.3 + 1e-6)[0] - f(0.3 - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(f(0.3)[1], slope, rtol=1e-7)


def test_graphs_with_attention_are_kept_as_json():
    free = [pt.tensor(n, shape=(4, 2)) for n in "qkv"]
    graph = Graph(free, [scaled_dot_product_attention(*free, is_causal=True)])
    text = to_json(graph)
    assert to_json(from_json(text)) == text and '"fill"' in text


def test_memory_is_linear_in_the_lengths():
    """What compiled code works in has no place for all scores, forward or back."""
    free = [pt.tensor(n, dtype="float32", shape=(8, 1024, 64)) for n in "qkv"]
    out = scaled_dot_product_attention(*free)
    f = function(free, [out, *grad(pt.sum(out), free)])
    operand, scores = 4 * 8 * 1024 * 64, 4 * 8 * 1024 * 1024
    arena = f._only.sized(*(np.broadcast_to(np.float32(0), x.type.shape) for x in free)).arena
    assert arena < 3 * operand < scores / 5


@pytest.mark.parametrize(
    ("shapes", "options", "text"),
    [
        (((2, 4, 3), (2, 5, 4), (2, 5, 4)), {}, "3 is not 4"),
        (((2, 4, 3), (2, 5, 3), (2, 6, 3)), {}, "5 is not 6"),
        (((8, 4, 3), (2, 5, 3), (2, 5, 3)), {}, r"heads.*queries \(8, 4, 3\), keys \(2, 5, 3\)"),
        (((4, 3), (5, 3), (5, 3)), {"mask": np.ones((4, 4), bool)}, "mask of shape .*4 is not 5"),
        (((4, 3), (5, 3), (5, 3)), {"bias": np.ones((3, 5))}, "bias of shape .*3 is not 4"),
        (((3,), (5, 3), (5, 3)), {}, "query has shape .*two axes"),
    ],
)
def test_what_does_not_fit_is_said_with_shapes(shapes, options, text):
    with pytest.raises(ShapeError, match=text):
        scaled_dot_product_attention(*(np.ones(s) for s in shapes), **options)


def test_a_mask_is_boolean():
    with pytest.raises(DTypeError, match="bias"):
        scaled_dot_product_attention(np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2)), mask=np.ones((2, 2)))


def test_more_batch_axes_than_compiled_code_walks_over():
    q, k, v = draw((2, 1, 2, 1, 2, 5, 3), (1, 2, 2, 2, 2, 6, 3), (6, 4))
    free = [pt.tensor(n, shape=a.shape) for n, a in zip("qkv", (q, k, v))]
    np.testing.assert_allclose(function(free, scaled_dot_product_attention(*free))(q, k, v), formula(q, k, v), rtol=1e-12)


def test_both_operations_are_one_value_each():
    assert Attention(True, 1.0, -np.inf) == Attention(True, 1.0, -np.inf) != Attention(False, 1.0, -np.inf)
    assert AttentionGradient(True, 1.0, 0.0).name == "attention_gradient"


def test_dropout_leaves_out_weights_and_its_mean_is_what_it_is_without():
    q, k, v = draw((3, 2), (4, 2), (4, 2))
    key = pt.random.key(5)
    many = [scaled_dot_product_attention(q, k, v, mask=np.ones((3, 4), bool), dropout_p=0.4, dropout_key=pt.random.fold_in(key, i)) for i in range(2)]
    first, second = function([], many)()
    assert not np.allclose(first, second)
    seeds = pt.tensor("i", dtype="int64", shape=())
    f = function([seeds], scaled_dot_product_attention(q, k, v, dropout_p=0.4, dropout_key=pt.random.fold_in(key, seeds)))
    drawn = np.stack([f(i) for i in range(2000)])
    np.testing.assert_allclose(drawn.mean(0), formula(q, k, v), atol=5 * drawn.std(0).max() / np.sqrt(2000))
