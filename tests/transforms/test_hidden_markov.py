"""Hidden Markov models against the sum over every path."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph.traverse import topological
from workbench.transforms import grad
from workbench.transforms.hidden_markov import forward, given_observations, smoothed, viterbi

RNG = np.random.default_rng(3)
K, STEPS = 3, 5


class Case:
    """A chain whose first `n` states have a start; emissions of the steps after."""

    def __init__(self, P, emissions=None, n=1, varying=False, start=None):
        self.P, self.n, self.varying = P, n, varying
        self.emissions = 3.0 * RNG.normal(size=(STEPS, K)) if emissions is None else np.asarray(emissions, float)
        self.start = np.log(RNG.dirichlet(np.ones(K**n))) if start is None else np.asarray(start, float)

    @property
    def arrays(self):
        return self.start, self.P, self.emissions

    def paths(self):
        """Every path, and the logarithm of its probability together with what is observed."""
        n, steps = self.n, len(self.emissions)
        paths = np.array(list(itertools.product(range(K), repeat=n + steps)))
        weights = K ** np.arange(n)[::-1]
        with np.errstate(divide="ignore"):
            log_p = np.log(self.P)
        total = self.start[paths[:, :n] @ weights]
        for t in range(steps):
            table = log_p[t] if self.varying else log_p
            total = total + table[paths[:, t : t + n] @ weights, paths[:, t + n]] + self.emissions[t, paths[:, t + n]]
        return paths, total


def rows(*shape):
    return RNG.dirichlet(np.ones(K), size=shape)


CASES = {
    "one table": Case(rows(K)), "a table for each step": Case(rows(STEPS, K), varying=True), "two lags": Case(rows(K**2), n=2),
    "two lags, a table for each step": Case(rows(STEPS, K**2), n=2, varying=True), "missing": Case(rows(K), np.diag([1, 0, 1, 1, 0]) @ RNG.normal(size=(STEPS, K))),
    "zeros": Case(np.array([[0.5, 0.5, 0.0], [0.0, 0.4, 0.6], [0.0, 0.0, 1.0]])),
    "a state that underflows is the only one left": Case(
        np.eye(3), [[0, -1000, -3000], [-2000, 0, -3000], [0, -4000, -800], [0, -1000, 0], [0, 0, -5000]], start=[-1.0, -1.5, -2.0]
    ),
    "nearly no transition": Case(np.array([[1.0, 1e-250, 0.0], [1e-300, 1.0, 0.0], [0.1, 0.2, 0.7]]), 300.0 * RNG.normal(size=(STEPS, K))),
    "large emissions": Case(rows(K), 100.0 * RNG.normal(size=(STEPS, K)) + 1e3),
    "impossible states": Case(rows(K), np.where(RNG.uniform(size=(STEPS, K)) < 0.4, -np.inf, -1.0), start=[-np.inf, -1.0, -np.inf]),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def case(request):
    found = CASES[request.param]
    inputs = [pt.tensor(name, "float64", x.shape) for name, x in zip(("start", "P", "emissions"), found.arrays)]
    made = forward(*inputs, found.varying)
    total = pt.sum(made.terms)
    outputs = [
        made.terms, made.log_filtered, *grad(total, inputs), *smoothed(*inputs, found.varying), *viterbi(*inputs, found.varying),
        *given_observations(*inputs, found.varying),
    ]  # fmt: skip
    names = ("terms", "log_filtered", "d_start", "d_P", "d_emissions", "smoothed_start", "smoothed", "states", "log_joint", "start_given", "P_given")
    with np.errstate(all="ignore"):
        return found, dict(zip(names, function(inputs, outputs, backend="numpy")(*found.arrays))), found.paths()


def tail(case, paths, t):
    return paths[:, t : t + case.n] @ (K ** np.arange(case.n)[::-1])


def test_the_evidence_is_the_sum_over_all_paths_step_by_step(case):
    case, found, _ = case
    so_far = []
    for t in range(len(case.emissions) + 1):
        part = Case(case.P[:t] if case.varying else case.P, case.emissions[:t], case.n, case.varying, case.start)
        paths, total = part.paths()
        so_far.append(logsumexp(total))
        filtered = [logsumexp(total[tail(case, paths, t) == s]) - so_far[-1] for s in range(K**case.n)]
        np.testing.assert_allclose(np.exp(found["log_filtered"][t]), np.exp(filtered), atol=1e-11)
    np.testing.assert_allclose(np.cumsum(found["terms"]), so_far, rtol=1e-13, atol=1e-13)


def test_slopes_are_smoothed_probabilities_and_expected_transitions(case):
    case, found, (paths, total) = case
    weight = np.exp(total - logsumexp(total))
    steps = range(len(case.emissions))
    later = [[weight[paths[:, t + case.n] == k].sum() for k in range(K)] for t in steps]
    first = [weight[tail(case, paths, 0) == s].sum() for s in range(K**case.n)]
    for name, wanted in (("d_emissions", later), ("smoothed", later), ("d_start", first), ("smoothed_start", first)):
        np.testing.assert_allclose(found[name], wanted, atol=1e-11, err_msg=name)
    moves = np.array([[[weight[(tail(case, paths, t) == s) & (paths[:, t + case.n] == k)].sum() for k in range(K)] for s in range(K**case.n)] for t in steps])
    used = case.P > 0
    with np.errstate(all="ignore"):
        wanted = (moves if case.varying else moves.sum(0)) / case.P
    np.testing.assert_allclose(found["d_P"][used], wanted[used], rtol=1e-10, atol=1e-11)
    assert not np.isnan(found["d_P"]).any()


def test_the_likeliest_path_is_the_best_of_all(case):
    case, found, (paths, total) = case
    assert np.isclose(found["log_joint"], total.max(), rtol=1e-13)
    path = [*np.unravel_index(found["states"][0], (K,) * case.n), *found["states"][1:]]
    assert np.isclose(total[(paths == path).all(1)], total.max(), rtol=1e-13)


def test_the_chain_given_the_observations_has_the_posterior_of_each_path(case):
    case, found, (paths, total) = case
    weight = found["start_given"][tail(case, paths, 0)]
    for t in range(len(case.emissions)):
        weight = weight * found["P_given"][t][tail(case, paths, t), paths[:, t + case.n]]
    np.testing.assert_allclose(weight, np.exp(total - logsumexp(total)), atol=1e-11)
    np.testing.assert_allclose(found["P_given"].sum(-1), 1.0, rtol=1e-13)


def test_several_series_at_once():
    tables, emissions, starts = rows(5, K), RNG.normal(size=(5, STEPS, K)), np.log(RNG.dirichlet(np.ones(K), size=5))
    for P, varying in ((tables, False), (tables[0], False), (rows(5, STEPS, K), True), (rows(STEPS, K), True)):
        inputs = [pt.tensor(None, "float64", x.shape) for x in (starts, P, emissions)]
        total = pt.sum(forward(*inputs, varying).terms, axis=-1)
        run = function(inputs, [total, *grad(total.sum(), inputs)], backend="numpy")
        evidence, _, d_P, d_emissions = run(starts, P, emissions)
        each = [Case(P[i] if P.ndim > 2 + varying else P, emissions[i], 1, varying, starts[i]) for i in range(5)]
        np.testing.assert_allclose(evidence, [logsumexp(c.paths()[1]) for c in each], rtol=1e-12)
        weights = [(paths, np.exp(t - logsumexp(t))) for paths, t in (c.paths() for c in each)]
        np.testing.assert_allclose(d_emissions[:, 2, 1], [w[p[:, 3] == 1].sum() for p, w in weights], rtol=1e-11)
        moved = [w[(p[:, 2] == 0) & (p[:, 3] == 1)].sum() for p, w in weights]
        if varying and P.ndim == 4:
            np.testing.assert_allclose(d_P[:, 2, 0, 1], moved / P[:, 2, 0, 1], rtol=1e-10)
        if varying and P.ndim == 3:
            assert np.isclose(d_P[2, 0, 1], np.sum(moved) / P[2, 0, 1], rtol=1e-10)


def test_every_backend_takes_both_ways(backend):
    """One compiled function: of tables with zeros and without, of several series; and where states are lost by underflow."""
    normal, start = 3.0 * RNG.normal(size=(2, STEPS, K)), np.log(RNG.dirichlet(np.ones(K)))
    inputs = [pt.vector("start", K), pt.matrix("P", K, K), pt.tensor("emissions", "float64", (2, STEPS, K))]
    total = pt.sum(forward(*inputs).terms, axis=-1)
    # Numba compiles the gradient for long.
    outputs = [total, *([] if backend == "numba" else [grad(total.sum(), inputs[2])])]
    run = function(inputs, outputs, backend=backend)
    for P, times in ((CASES["one table"].P, 1.0), (CASES["zeros"].P, 1.0), (CASES["zeros"].P, 1000.0), (np.eye(K), 1000.0)):
        emissions = times * normal
        evidence, *slopes = run(start, P, emissions)
        for i in range(2):
            paths, joint = Case(P, emissions[i], start=start).paths()
            assert np.isclose(evidence[i], logsumexp(joint), rtol=1e-13)
            weight = np.exp(joint - logsumexp(joint))
            for slope in slopes:
                np.testing.assert_allclose(slope[i, 2], [weight[paths[:, 3] == k].sum() for k in range(K)], atol=1e-12)


def test_second_derivatives_are_those_of_the_sum_over_all_paths():
    case = CASES["one table"]
    start, P, emissions = (pt.tensor(n, "float64", x.shape) for n, x in zip("spe", case.arrays))
    (slope,) = grad(pt.sum(forward(start, P, emissions).terms), [emissions])
    run = function([start, P, emissions], grad(slope[1, 2], emissions), backend="numpy")
    paths, total = case.paths()
    weight = np.exp(total - logsumexp(total))
    seen = paths[:, 2] == 2
    wanted = [[weight[seen & (paths[:, t + 1] == k)].sum() - weight[seen].sum() * weight[paths[:, t + 1] == k].sum() for k in range(K)] for t in range(STEPS)]
    np.testing.assert_allclose(run(*case.arrays), wanted, atol=1e-12)


def test_what_cannot_be_has_the_evidence_0_and_no_nan():
    emissions = np.array([[-1.0, -np.inf, -1.0], [-np.inf] * 3, [0.0, 0.0, 0.0]])
    for P in (rows(K), np.eye(3)):
        for given in (P, pt.tensor("P", "float64", (3, 3))):
            terms = forward(np.log(np.ones(3) / 3), given, emissions).terms
            with np.errstate(all="ignore"):
                found = pt.sum(terms).eval({} if given is P else {given: P})
            assert found == -np.inf


def test_a_long_chain_does_not_run_out_of_numbers():
    """log p(y) of 5,000 independent times, whose states are alike: known in closed form."""
    steps = 5000
    emissions = -800.0 + 50.0 * RNG.normal(size=(steps, K))
    P = np.broadcast_to(np.array([0.2, 0.5, 0.3]), (3, 3))
    terms = forward(np.log([0.2, 0.5, 0.3]), P, emissions).terms
    wanted = logsumexp(emissions + np.log(P[0]), axis=1)
    np.testing.assert_allclose(terms.eval()[1:], wanted, rtol=1e-13)


def test_the_gradient_goes_once_forward_and_once_back():
    inputs = [pt.vector("start", K), pt.matrix("P", K, K), pt.matrix("emissions", STEPS, K)]
    total = pt.sum(forward(*inputs).terms)
    slopes = grad(total, inputs)
    whole, before = ([n for n in topological(x) if n.op.name in ("cond", "scan")] for x in (slopes, [total]))
    (back,) = {n for n in whole if n.op.name == "cond"} - set(before)
    # Of probabilities once each way; of logarithms in a branch.
    assert [n.op.name for n in before].count("scan") == 1 and [n.op.name for n in whole].count("scan") == 2
    assert [[n.op.name for n in topological(branch.results)].count("scan") for branch in back.op.graphs] == [0, 1]
