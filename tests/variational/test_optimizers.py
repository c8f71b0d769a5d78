"""Optimizers: seven steps of each, beside PyMC's; bad settings; gradients that are kept short."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError, ShapeError
from workbench.variational import optimizers
from workbench.variational.gradient_norms import norm_constraint, total_norm_constraint

TARGET, WEIGHTS, START = np.array([0.3, 0.7]), np.array([1.0, 10.0]), np.array([1.0, -2.0])
# PyMC 5.28.5: pm.<name>(loss, [p], **settings) with loss = (w * (p - target)**2).sum(), seven calls of the function with these updates.
PYMC = [
    ("sgd", {"learning_rate": 0.03}, [0.753934315934848, 0.6955763199999999]),
    ("momentum", {"learning_rate": 0.01}, [0.705263463578624, 2.5437700600000004]),
    ("nesterov_momentum", {"learning_rate": 0.01}, [0.6625730096707334, 1.525311444926464]),
    ("adagrad", {}, [0.29976241229432443, 0.48092075923126465]),
    ("adagrad_window", {"learning_rate": 0.1, "n_win": 3}, [0.5882371771084678, -1.5491993978503076]),
    ("rmsprop", {"learning_rate": 0.1}, [0.3108335576186559, -0.7867486780260888]),
    ("adadelta", {}, [0.9683291179122798, -1.9680201390961827]),
    ("adam", {"learning_rate": 0.1}, [0.3450558433078417, -1.3055373021694352]),
    ("adamax", {"learning_rate": 0.1}, [0.45063569322781155, -1.3402973480757923]),
]


@pytest.mark.parametrize(("name", "settings", "found"), PYMC, ids=[row[0] for row in PYMC])
def test_steps_are_those_of_pymc(name, settings, found):
    optimizer = getattr(optimizers, name)(**settings)
    p, number = pt.vector("p", "d"), pt.tensor("number", "int64", ())
    numbers = [pt.scalar(k) for k in optimizer.settings]
    kept = optimizer.inputs([p])
    after, now = optimizer.stepped(dict(zip(optimizer.settings, numbers)), number, [p], [2.0 * WEIGHTS * (p - TARGET)], kept)
    step = function([p, number, *numbers, *kept], [*after, *now], backend="numpy")
    values, remembered = START, optimizer.first([START])
    for i in range(7):
        values, *remembered = step(values, i, *optimizer.settings.values(), *remembered)
    assert np.allclose(values, found, rtol=1e-10, atol=0.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optimizers.adam(learning_rate=-1.0), "adam: learning_rate must be a number, 0 or more, got -1.0"),
        (lambda: optimizers.sgd(learning_rate="fast"), "learning_rate must be a number"),
        (lambda: optimizers.rmsprop(epsilon=np.nan), "rmsprop: epsilon"),
        (lambda: optimizers.adagrad_window(n_win=0), "n_win must be a whole number, 1 or more, got 0"),
    ],
)
def test_bad_settings_are_errors(make, words):
    with pytest.raises(ArgumentError, match=words.replace("(", r"\(")):
        make()


def test_norms_are_constrained_along_the_axes_asked_for():
    x = np.random.default_rng(1).normal(size=(3, 4, 2)) * 3.0
    for given, axes, own in ((x, None, (1, 2)), (x, (0,), (0,)), (x[0], None, (0,)), (x[0, 0], None, (0,))):
        got = norm_constraint(given, 2.0, axes).eval()
        norms = np.sqrt((given**2).sum(axis=own, keepdims=True))
        assert np.allclose(got, np.where(norms > 2.0, given * 2.0 / norms, given), rtol=1e-6)
    with pytest.raises(ShapeError, match="a number has no axes"):
        norm_constraint(pt.constant(1.0), 1.0)


def test_a_total_norm_shortens_all_by_one_factor_or_nothing():
    a, b = np.array([3.0, 0.0]), np.array([[4.0]])
    short, norm = total_norm_constraint([a, b], 1.0, return_norm=True)
    assert np.allclose([*short[0].eval(), *short[1].eval().ravel()], [0.6, 0.0, 0.8], rtol=1e-6)
    assert norm.eval() == 5.0
    assert [x.eval().tolist() for x in total_norm_constraint([a, b], 5.0)] == [a.tolist(), b.tolist()]
