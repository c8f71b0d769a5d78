"""What all kernels have in common: the same draws on all backends, however a run is cut, and no fault of a density entered."""

import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.errors import ArgumentError, SamplingError
from workbench.graph import Graph
from workbench.samplers import (
    CauchyProposal,
    CorrelatedMetropolis,
    DEMetropolisZ,
    DEMetropolisZSettings,
    Hmc,
    HmcSettings,
    IntegerMetropolis,
    LaplaceProposal,
    Mala,
    MalaSettings,
    Metropolis,
    MetropolisSettings,
    MultivariateNormalProposal,
    NormalProposal,
    Nuts,
    NutsSettings,
    PoissonProposal,
    Slice,
    SliceSettings,
    UniformProposal,
)

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
COVARIANCE = np.array([[1.0, 0.8, 0.3], [0.8, 2.0, 0.0], [0.3, 0.0, 0.5]])
CASES = {
    "nuts": (Nuts, NutsSettings()),
    "hmc": (Hmc, HmcSettings()),
    "mala": (Mala, MalaSettings()),
    "metropolis": (Metropolis, MetropolisSettings(tune_interval=10)),
    "metropolis, uniform": (Metropolis, MetropolisSettings(proposal_dist=UniformProposal, S=[1.0, 2.0, 0.5], tune_interval=10)),
    "metropolis, cauchy": (Metropolis, MetropolisSettings(proposal_dist=CauchyProposal, S=0.3, elementwise=False)),
    "metropolis, laplace": (Metropolis, MetropolisSettings(proposal_dist=LaplaceProposal, tune=False)),
    "metropolis, covariance": (CorrelatedMetropolis, MetropolisSettings(S=COVARIANCE, tune_interval=10)),
    "integers": (IntegerMetropolis, MetropolisSettings(tune_interval=10)),
    "integers, poisson": (IntegerMetropolis, MetropolisSettings(proposal_dist=PoissonProposal, S=2.0)),
    "slice": (Slice, SliceSettings()),
    "slice, few steps": (Slice, SliceSettings(w=0.2, iter_limit=2, tune=False)),
    "de metropolis z": (DEMetropolisZ, DEMetropolisZSettings(tune_interval=10, capacity=30)),
    "de metropolis z, lambda": (DEMetropolisZ, DEMetropolisZSettings(tune="lambda", tune_interval=10, scaling=0.1, proposal_dist=UniformProposal)),
}
SAMPLED = [*(("numpy", case) for case in CASES if case != "nuts"), ("numba", "slice"), ("jax", "hmc")]
OTHERS = [(b, case) for b in ("numpy", "numba", "jax") for case in CASES] if ALL else SAMPLED


def block(kernel):
    return pt.tensor("q", "int64" if kernel.discrete else "float64", (3,))


def density(kernel, lp, gradient, q):
    return Graph([q], [lp, gradient] if kernel.densities[0] == "logp_grad" else [lp])


def normal(kernel):
    q = block(kernel)
    slope = pt.constant(np.linalg.inv(COVARIANCE)) @ (q - 0.3)
    return density(kernel, -0.5 * pt.sum((q - 0.3) * slope), -slope, q)


def start(kernel):
    return np.array([1, 0, -1]) if kernel.discrete else np.array([0.4, 0.1, -0.3])


@pytest.mark.parametrize("backend, case", OTHERS)
def test_draws_are_the_same_on_every_backend(backend, case, one_chain):
    kernel, settings = CASES[case]
    total = 50 if backend == "numpy" else 120
    (a, sa), (b, sb) = (one_chain(kernel, settings, normal(kernel), x).begin(start(kernel)).draw(total, 30) for x in ("c", backend))
    # Trajectories make of a rounding error more than steps do.
    close = 1e-9 if kernel.densities[0] == "logp_grad" else 1e-12
    np.testing.assert_allclose(b, a, rtol=close, atol=close)
    np.testing.assert_allclose(sb, sa, rtol=1e-7, atol=1e-9)
    assert len(np.unique(a, axis=0)) > 3


@pytest.mark.parametrize("case", CASES)
def test_draws_do_not_depend_on_how_a_run_is_cut(case, one_chain):
    kernel, settings = CASES[case]
    chain = one_chain(kernel, settings, normal(kernel))
    a, sa = chain.begin(start(kernel)).draw(300, 100)
    pieces = [chain.begin(start(kernel)).draw(1, 100, budget=7)]
    while sum(len(x) for x, _ in pieces) < 300:
        pieces.append(chain.draw(min(9, 300 - sum(len(x) for x, _ in pieces)), 100, budget=11))
    assert np.array_equal(np.concatenate([x for x, _ in pieces]), a)
    assert np.array_equal(np.concatenate([s for _, s in pieces]), sa)


@pytest.mark.parametrize("fault", [-np.inf, np.inf, np.nan])
@pytest.mark.parametrize("case", CASES)
def test_no_draw_is_where_the_density_has_a_fault(case, fault, one_chain):
    """Beyond a plane near the middle the density is zero, infinite or not a number; a draw beyond is never made, in warm-up or after."""
    kernel, settings = CASES[case]
    q = block(kernel)
    inside = pt.sum(q) > -0.5
    lp = pt.where(inside, -0.5 * pt.sum(pt.square(q)), fault)
    gradient = pt.where(inside, -q, 0.0) if kernel.densities[0] == "logp_grad" else None
    x = np.array([0, 0, 0]) if kernel.discrete else np.array([0.4, 0.1, -0.3])
    draws, stats = one_chain(kernel, settings, density(kernel, lp, gradient, q)).begin(x).draw(3000, 500)
    assert (draws.sum(axis=1) > -0.5).all()
    assert np.isfinite(draws).all()
    assert len(np.unique(draws, axis=0)) > 15


@pytest.mark.parametrize("kernel, settings", {c[0]: c[1] for c in CASES.values()}.items())
def test_statistics_are_as_many_as_their_names(kernel, settings, one_chain):
    _, stats = one_chain(kernel, settings, normal(kernel)).begin(start(kernel)).draw(50, 20)
    # And the ticks of a draw.
    assert stats.shape == (50, len(kernel.stats) + 1)
    for (name, dtype), column in zip(kernel.stats.items(), stats.T):
        if dtype != "float64":
            assert (column == np.round(column)).all(), name
        if name in ("accept", "accepted", "acceptance_rate"):
            assert ((column >= 0) & (column <= 1)).all(), name


def test_widths_are_tuned_by_the_table(one_chain):
    """A table of acceptance rates over 100 draws, PyMC's (`pymc.step_methods.metropolis.tune`): 0.1 0.5 0.9 1 1.1 2 10."""
    q = pt.vector("q", 1)

    def scalings(lp, scaling, tune):
        settings = MetropolisSettings(scaling=scaling, proposal_dist=UniformProposal)
        _, stats = one_chain(Metropolis, settings, Graph([q], [lp])).begin([0.0]).draw(500, tune)
        return stats[:, 2]

    flat = scalings(0.0 * pt.sum(q), 1.0, 400)
    # All are taken: ten times as wide after each hundred, to the end of warm-up.
    assert np.array_equal(flat, np.repeat([1.0, 10.0, 100.0, 1000.0, 10000.0], 100))
    # On a uniform density of width 1 a step of width 1e5 is taken once in 300,000 times: a tenth.
    square = pt.where(pt.abs(pt.sum(q)) < 0.5, 0.0, -float("inf"))
    narrow = scalings(square, 1e5, 500)
    assert (narrow[:300] == np.repeat([1e5, 1e4, 1e3], 100)).all()


@pytest.mark.parametrize("share, factor", [(0.0, 0.1), (0.0009, 0.1), (0.001, 0.5), (0.049, 0.5), (0.05, 0.9), (0.19, 0.9), (0.2, 1.0), (0.5, 1.0), (0.51, 1.1), (0.75, 1.1), (0.76, 2.0), (0.95, 2.0), (0.96, 10.0), (1.0, 10.0)])
def test_the_table_of_tuning_is_that_of_pymc(share, factor):
    """Numbers of pymc 5.28's `tune(1.0, share)`."""
    from workbench.samplers.metropolis import tuned

    assert float(tuned(pt.constant(1.0), pt.constant(share)).eval()) == factor


@pytest.mark.parametrize(
    "settings, message",
    [
        (MetropolisSettings(S=[1.0, 2.0]), r"S has shape \(2,\), the variables have 3 elements"),
        (MetropolisSettings(S=-1.0), "S must be positive and finite"),
        (MetropolisSettings(S=np.eye(2)), r"S of MultivariateNormalProposal has shape \(2, 2\), the variables have 3 elements"),
        (MetropolisSettings(S=np.ones((3, 3)) - 2 * np.eye(3)), "no covariance matrix: its least eigenvalue is -2"),
        (MetropolisSettings(S=np.triu(np.ones((3, 3)))), "not symmetric"),
        (MetropolisSettings(proposal_dist=NormalProposal, S=np.eye(3)), r"S has shape \(3, 3\)"),
        (MetropolisSettings(proposal_dist=MultivariateNormalProposal), "has shape"),
        (MetropolisSettings(proposal_dist="normal"), "proposal_dist must be one of NormalProposal, .*, got 'normal'"),
        (MetropolisSettings(scaling=0.0), "scaling must be positive"),
        (MetropolisSettings(tune_interval=0), "tune_interval must be at least 1"),
        (SliceSettings(w=0.0), "w must be positive"),
        (SliceSettings(iter_limit=-1), "iter_limit must not be negative"),
        (HmcSettings(path_length=0.0), "path_length must be positive"),
        (HmcSettings(max_steps=0), "max_steps must be at least 1"),
        (HmcSettings(target_accept=1.0), "target_accept must lie between 0 and 1"),
        (MalaSettings(step_scale=-1.0), "step_scale must be positive"),
        (DEMetropolisZSettings(lamb=0.0), "lamb must be positive"),
        (DEMetropolisZSettings(tune="lamb"), 'tune must be "scaling", "lambda" or None'),
        (DEMetropolisZSettings(tune_drop_fraction=1.1), "tune_drop_fraction must lie between 0 and 1"),
        (DEMetropolisZSettings(capacity=1), "capacity must be at least 2"),
        (DEMetropolisZSettings(S=np.eye(3)), "no MultivariateNormalProposal"),
        (DEMetropolisZSettings(proposal_dist=PoissonProposal), "steps of whole numbers"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises((ArgumentError, SamplingError), match=message):
        settings.arguments(3)


def test_a_kernel_is_chosen_by_settings_and_kind():
    assert MetropolisSettings().kernel(discrete=False) is Metropolis
    assert MetropolisSettings().kernel(discrete=True) is IntegerMetropolis
    assert MetropolisSettings(S=np.eye(2)).kernel(discrete=False) is CorrelatedMetropolis
    with pytest.raises(ArgumentError, match="a continuous variable would only ever reach some points"):
        MetropolisSettings(proposal_dist=PoissonProposal).kernel(discrete=False)
