"""From training to prediction: each rule before and after, what is kept, what is named because it cannot go."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ArgumentError
from workbench.graph import RULES, Graph, free_inputs
from workbench.graph.derivations import derived_again
from workbench.graph.traverse import replace, topological
from workbench.transforms.prediction import GROUP, KINDS, random_parts

nn = pt.nn
KEY = pt.random.key(1)
X = pt.matrix("x", 3, 4)
LABELS = pt.vector("labels", 3, dtype="int64")
U, P = pt.random.uniform(KEY, (3, 4)), pt.scalar("p")
MEAN, VAR = pt.data("mean", np.arange(4.0)), pt.data("var", np.ones(4))


CASES = {
    "dropout": (nn.dropout(pt.exp(X), 0.5, KEY) * 2.0, "exp(x) * 2.0"),
    "dropout of channels": (nn.dropout(X, 0.5, KEY, shared=[1]) + 1.0, "x + 1.0"),
    "stochastic depth": (X + nn.stochastic_depth(pt.tanh(X), 0.2, KEY), "x + tanh(x)"),
    "noise": (pt.exp(nn.gaussian_noise(X, 0.1, KEY)), "exp(x)"),
    "dropout by hand": (pt.where(U < 0.8, pt.exp(X) / 0.8, 0.0), "exp(x)"),
    "dropout by hand, p": (pt.where(U >= P, X / (1.0 - P), 0.0) * 2.0, "x * 2.0"),
    "a mask of numbers": (X * pt.cast(U < 0.8, "float64") / 0.8, "x"),
    "a mask that is scaled": (pt.exp(X) * (pt.cast(U > 0.2, "float64") * 1.25), "exp(x)"),
    "a mask, the other way round": (pt.cast(pt.greater(0.5, U), "float64") * X * 2.0, "x"),
    "noise by hand": (pt.tanh(X + 0.1 * pt.random.normal(KEY, (3, 4))), "tanh(x)"),
    "noise of a deviation": (X - pt.random.normal(KEY, (3, 4), 0.0, pt.exp(P)), "x"),
    "a latent variable": (pt.tanh(X) + pt.exp(X) * pt.random.normal(KEY, (3, 4)), "tanh(x)"),
    "turned": (nn.in_training(pt.flip(X), X, "turned images"), "x"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_drawn_goes(case):
    before, after = CASES[case]
    assert repr(pm.for_prediction(before)) == after
    assert not random_parts(pm.for_prediction(before))


def test_labels_are_not_smoothed_and_statistics_are_those_that_were_kept():
    smooth = nn.cross_entropy(X, LABELS, label_smoothing=0.1)
    at = {"x": np.random.default_rng(0).normal(size=(3, 4)), "labels": np.array([0, 3, 1])}
    plain = nn.cross_entropy(X, LABELS)
    assert abs(smooth.eval(at) - plain.eval(at)) > 0.005
    assert pm.for_prediction(smooth).eval(at) == pytest.approx(plain.eval(at), rel=1e-14)
    y = nn.batch_norm(X, MEAN, VAR, pt.ones(4) * 2.0).output
    wanted = (at["x"] - np.arange(4.0)) / np.sqrt(1.0 + 1e-5) * 2.0
    np.testing.assert_allclose(pm.for_prediction(y).eval({"x": at["x"]}), wanted, rtol=1e-12)
    one = pt.matrix("one", 1, 4)
    assert pm.for_prediction(nn.batch_norm(pt.concatenate([one, one]), MEAN, VAR).output).type.shape == (2, 4)


def test_a_normalised_convolution_is_one_convolution():
    rng = np.random.default_rng(0)
    kernel, mean, var = pt.data("kernel", rng.normal(size=(4, 2, 3, 3))), pt.data("mean", rng.normal(size=4)), pt.data("var", rng.uniform(1, 2, 4))
    for x, conv, w in ((pt.tensor4("x", shape=(3, 2, 6, 5)), nn.conv2d, kernel), (pt.tensor3("x", shape=(3, 2, 9)), nn.conv1d, kernel[:, :, 0])):
        trained = nn.batch_norm(conv(x, w, rng.normal(size=4)), mean, var, rng.normal(size=4), rng.normal(size=4)).output
        whole, folded = pm.for_prediction(trained, keep=["scale_of_channels_in_the_kernel"]), pm.for_prediction(trained)
        (convolution,) = (n for n in topological([folded]) if n.op.name == "convolution")
        assert mean not in set(topological([convolution])) and var in set(topological([convolution.inputs[1]]))
        # Nothing of the size of the results is multiplied or divided.
        assert not [n for n in topological([folded]) if n.op.name in ("multiply", "divide") and n.type.ndim > 1 and n.type.shape[0] == 3]
        at = {x: rng.normal(size=x.type.shape)}
        np.testing.assert_allclose(folded.eval(at), whole.eval(at), rtol=1e-12, atol=1e-12)
    learned = pt.tensor4("w", shape=(4, 2, 3, 3))
    kept = nn.conv2d(pt.zeros((3, 2, 6, 5)), learned) * pt.expand_dims(var, (0, 2, 3))
    assert pm.for_prediction(kept) is kept


def test_what_is_kept_and_shapes_of_what_is_given():
    y = nn.dropout(nn.gaussian_noise(X, 1.0, KEY), 0.5, KEY)
    assert repr(pm.for_prediction(y, keep=["dropout"])) == "dropout(x, 0.5, 1)"
    assert repr(pm.for_prediction(y, keep=["dropout_is_its_input"])) == "dropout(x, 0.5, 1)"
    a, (b,), c = pm.for_prediction(y), pm.for_prediction([y]), pm.for_prediction({"y": y})
    assert a is b is c["y"] is X
    assert isinstance(pm.for_prediction((y,)), tuple)
    assert pm.for_prediction(Graph([X], [y])).results == (X,)
    noisy = X + pt.random.normal(KEY, (3, 4))
    assert pm.for_prediction(noisy, keep=["noise"]) is noisy
    # As an approximate posterior: another key, another draw; their mean is what prediction takes.
    key = pt.scalar("key", "uint64")
    often = pm.vectorize_graph(pm.for_prediction(nn.dropout(X, 0.5, key), keep="dropout"), {key: pt.random.split(KEY, 2000)})
    draws = pm.function([X], often)(np.ones((3, 4)))
    assert len(np.unique(draws)) == 2
    np.testing.assert_allclose(draws.mean(0), 1.0, atol=4 / np.sqrt(2000))


def test_draws_inside_loops_go_too():
    def step(x, key):
        return [nn.dropout(x * 2.0, 0.5, key)], []

    (last,), _ = pt.scan(step, [X], [pt.random.split(KEY, 3)])
    assert random_parts(last) and not random_parts(pm.for_prediction(last))
    assert np.array_equal(pm.for_prediction(last).eval({"x": np.ones((3, 4))}), np.full((3, 4), 8.0))


LEFT = {
    "dropout that is not scaled": pt.where(U < 0.8, X, 0.0), "dropout scaled by another number": pt.where(U < 0.8, X / 0.7, 0.0),
    "noise of another mean": X + pt.random.normal(KEY, (3, 4), 1.0), "noise inside a function": pt.exp(pt.random.normal(KEY, (3, 4))),
    "scaled at random": X * pt.random.uniform(KEY, (3, 4)), "flipped at random": pt.where(pt.random.bernoulli(KEY, (), 0.5), X, pt.flip(X)),
    "words": pt.random.bits(KEY, (3,)), "a permutation": X[pt.random.permutation(KEY, 3)],
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_cannot_go_is_named(case):
    with pytest.raises(ArgumentError, match=r"drawn by a key that no rule removes: .*\(line \d+\)(.|\n)*in_training"):
        pm.for_prediction(LEFT[case])
    assert pm.for_prediction(LEFT[case], random="keep") is LEFT[case]
    assert random_parts(LEFT[case])


def test_keys_alone_and_random_variables_are_no_draws():
    keys = pt.random.split(pt.random.fold_in(KEY, 3), 3)
    assert random_parts(nn.dropout(X, 0.5, keys[1]), dropout=False) == []
    rv = pm.Normal.dist(0.0, 1.0)
    assert pm.for_prediction(X * rv) is X * rv


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="nothing called 'drop' to keep"):
        pm.for_prediction(X, keep=["drop"])
    with pytest.raises(ArgumentError, match="'raise' or 'keep', not 'ignore'"):
        pm.for_prediction(X, random="ignore")
    with pytest.raises(ArgumentError, match="(?s)not .*Function.*give what it was made of"):
        pm.for_prediction(pm.function([X], X))


def test_steps_are_shown_and_reasons_given():
    x = pt.matrix("x", 3, 4)  # Of which there is no other derivation.
    y = pm.for_prediction(pt.exp(nn.dropout(x, 0.5, KEY)))
    (again,), trace = derived_again([y])
    assert again is y and [(f.rule.group, f.rule.name) for p in trace.passes for f in p.firings] == [(GROUP, "dropout_is_its_input")]
    assert set(KINDS.values()) <= {r.name for r in RULES.values() if r.group == GROUP}


RULES_HERE = [r for r in RULES.values() if r.group == GROUP]


@pytest.mark.parametrize("rule", RULES_HERE, ids=lambda r: r.name)
def test_each_rule_takes_the_mean_over_draws_or_what_was_said(rule):
    """The proof: over many keys the mean of what was drawn is what is taken, where something is drawn."""
    for before in rule.examples():
        after = rule.apply(before)
        assert after is not None and after.type == before.type
        if not random_parts(before):
            continue
        inputs = free_inputs([before])
        given = [np.random.default_rng(i).normal(size=x.type.shape) for i, x in enumerate(inputs)]
        key = pt.scalar("key", "uint64")
        often = pm.vectorize_graph(replace([before], {KEY: key})[0], {key: pt.random.split(KEY, 4000)})
        draws, taken = pm.function(inputs, [often, after])(*given)
        assert draws.std(0).max() > 0.05
        np.testing.assert_array_less(abs(draws.mean(0) - taken), 5.0 * draws.std(0) / np.sqrt(4000) + 1e-12)
