"""Precision matrices with a Wishart prior, integrated out: against matrix t densities, quadrature over all matrices, and exact posteriors."""

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError

NU, V = 5.0, np.array([[0.6, 0.2], [0.2, 0.4]])
MU = np.array([0.3, -0.5])
Y = np.random.default_rng(3).normal(size=(6, 2)) + [0.5, 0.0]


def log_constant(nu, inverse):
    """Of a Wishart density of 2 x 2 matrices, of its degrees of freedom and the inverse of its scale matrix."""
    return nu * np.log(2.0) - 0.5 * nu * np.linalg.slogdet(inverse)[1] + special.multigammaln(0.5 * nu, 2)


def written(write, **options):
    with pm.Model() as model:
        write(pm.Wishart("T", NU, V), **options)
    return model


def density(model, at=None):
    return float(model.compile_logp(jacobian=False, backend="numpy")(at or {}))


def of_vectors(T):
    pm.MvNormal("y", MU, tau=T, observed=Y)


def of_multiples(T):
    """Each vector with a weight of its own, and another variable."""
    pm.MvNormal("y", MU, tau=T * np.arange(1.0, 7.0)[:, None, None], observed=Y)
    pm.MvNormal("z", np.zeros(2), tau=2.0 * T, observed=[1.0, 0.2])


def with_a_mean(T):
    """Normal-Wishart."""
    mu = pm.MvNormal("mu", MU, tau=0.5 * T)
    pm.MvNormal("y", mu, tau=T, observed=Y)


def with_means_of_groups(T):
    mu = pm.MvNormal("mu", MU, tau=0.5 * T, shape=(2, 2))
    pm.MvNormal("y", mu[np.array([0, 0, 1, 1, 1, 0])], tau=T, observed=Y)


def by_rows(T):
    """Rows with a precision matrix between them, which is known, and T within: count, squares, and the first matrix's part of the constant."""
    own = np.eye(6)
    if T is of_multiples:
        own = np.diag(1.0 / np.arange(1.0, 7.0))
    if T is with_a_mean:
        own = own + 2.0
    if T is with_means_of_groups:
        same = np.equal.outer([0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0])
        own = own + 2.0 * same
    r = Y - MU
    count, squares, between = 6.0, r.T @ np.linalg.inv(own) @ r, np.linalg.slogdet(own)[1]
    if T is of_multiples:
        z = np.array([1.0, 0.2])
        count, squares, between = 7.0, squares + 2.0 * np.outer(z, z), between - np.log(2.0)
    return count, squares, between


CASES = [of_vectors, of_multiples, with_a_mean, with_means_of_groups]


@pytest.mark.parametrize("write", CASES)
def test_the_density_is_a_matrix_t_density(write):
    model = written(write)
    made = pm.marginalize(model, [str(rv.name) for rv in model.free_RVs])
    assert made.free_RVs == []
    count, squares, between = by_rows(write)
    wanted = log_constant(NU + count, np.linalg.inv(V) + squares) - log_constant(NU, np.linalg.inv(V)) - count * np.log(2.0 * np.pi) - between
    assert density(made) == pytest.approx(wanted, rel=1e-10)


def test_the_density_is_the_integral_over_all_matrices():
    """Over the elements of the Cholesky factor, by quadrature, of the densities by their formulas: of three vectors."""
    with pm.Model() as model:
        pm.MvNormal("y", MU, tau=pm.Wishart("T", NU, V), observed=Y[:3])
    nodes, weights = np.polynomial.legendre.leggauss(80)
    a, b, c = np.meshgrid(3.0 * (nodes + 1.0), 6.0 * nodes, 3.0 * (nodes + 1.0), indexing="ij")
    weight = weights[:, None, None] * 6.0 * weights[None, :, None] * weights[None, None, :] * 9.0
    T, log_det = np.stack([np.stack([a * a, a * b], -1), np.stack([a * b, b * b + c * c], -1)], -2), 2.0 * np.log(a * c)
    r = Y[:3] - MU
    prior = 0.5 * (NU - 3.0) * log_det - 0.5 * np.einsum("ij,...ji", np.linalg.inv(V), T) - log_constant(NU, np.linalg.inv(V))
    likelihood = 1.5 * log_det - 0.5 * np.einsum("ij,...ji", r.T @ r, T) - 3.0 * np.log(2.0 * np.pi)
    total = (weight * np.exp(prior + likelihood) * 4.0 * a * a * c).sum()
    assert density(pm.marginalize(model, "T")) == pytest.approx(np.log(total), rel=1e-11)


@pytest.mark.parametrize("write", [of_vectors, with_a_mean])
@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_data_of_any_size_keep_their_digits(write, size):
    with pm.Model() as model:
        T = pm.Wishart("T", NU, V / size**2)
        mean = MU * size
        if write is with_a_mean:
            mean = pm.MvNormal("mu", mean, tau=0.5 * T)
        pm.MvNormal("y", mean, tau=T, observed=Y * size)
    made = pm.marginalize(model, [str(rv.name) for rv in model.free_RVs])
    plain = written(write)
    plain = pm.marginalize(plain, [str(rv.name) for rv in plain.free_RVs])
    assert density(made) == pytest.approx(density(plain) - 12.0 * np.log(size), rel=1e-9)


def test_slopes_to_what_else_there_is():
    """To the mean and the degrees of freedom, by differences of the closed form."""
    with pm.Model() as model:
        nu, m = pm.Exponential("nu", 0.1), pm.Normal("m")
        pm.MvNormal("y", MU + m, tau=pm.Wishart("T", 2.0 + nu, V), observed=Y)
    made = pm.marginalize(model, "T")
    value, slope = made.logp_dlogp_function("c")(np.array([0.4, 0.3]))

    def wanted(q):
        nu, r = np.exp(q[0]), Y - MU - q[1]
        found = log_constant(2.0 + nu + 6.0, np.linalg.inv(V) + r.T @ r) - log_constant(2.0 + nu, np.linalg.inv(V)) - 6.0 * np.log(2.0 * np.pi)
        return found + stats.expon(scale=10.0).logpdf(nu) + q[0] + stats.norm.logpdf(q[1])

    q, h = np.array([0.4, 0.3]), 1e-3
    assert [str(v.name) for v in made.value_vars] == ["nu_log__", "m"] and value == pytest.approx(wanted(q), rel=1e-10)
    for i, e in enumerate(np.eye(2) * h):
        ends = [wanted(q + k * e) for k in (-2, -1, 1, 2)]
        assert slope[i] == pytest.approx((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h), rel=1e-8)


def test_draws_have_the_exact_posterior():
    model = written(with_a_mean)
    made, n = pm.marginalize(model, ["mu", "T"]), 20_000
    drawn = pm.conditional(made)
    T, mu = pm.draw([drawn["T"], drawn["mu"]], n, random_seed=1)
    count, squares, _ = by_rows(with_a_mean)
    scale = np.linalg.inv(np.linalg.inv(V) + squares)
    # A diagonal element of a Wishart matrix is chi-squared; a mean of normal-Wishart is a t.
    for i in range(2):
        assert stats.kstest(T[:, i, i] / scale[i, i], stats.chi2(NU + count).cdf).pvalue > 1e-3
        centre = (0.5 * MU + Y.sum(0)) / 6.5
        df = NU + count - 1.0
        assert stats.kstest(mu[:, i], stats.t(df, centre[i], np.sqrt(np.linalg.inv(scale)[i, i] / 6.5 / df)).cdf).pvalue > 1e-3
    off = (NU + count) * scale[0, 1]
    assert abs(T[:, 0, 1].mean() - off) < 4.5 * T[:, 0, 1].std() / np.sqrt(n)


def test_infer_integrates_a_matrix_out_that_no_sampler_could_move():
    plan = pm.infer(written(of_vectors), random_seed=1, run=False, show=False)
    assert plan.exact and [s.name for s in plan.chosen] == ["integrate out T"]
    with pm.Model() as model:
        m = pm.StudentT("m", 5.0)
        pm.MvNormal("y", MU + m, tau=pm.Wishart("T", NU, V), observed=Y)
    assert pm.infer(model, random_seed=1, run=False, show=False)["integrate out T"].on


def test_the_step_is_shown():
    made = pm.marginalize(written(of_vectors), "T")
    (record,) = [p for p in made.density().trace.passes if p.name == "conjugacy"]
    assert [f.rule.name for f in record.firings] == ["conjugate_wishart_prior"] and "Wishart density again" in record.firings[0].rule.doc


@pytest.mark.parametrize(
    "write, says",
    [
        (lambda T: pm.MvNormal("y", MU, cov=T, observed=Y), "y depends on it, and is a MvNormal, and no MvNormal of a precision matrix"),
        (lambda T: pm.MvNormal("y", T[0], tau=T, observed=Y), "the mean of y depends on it"),
        (lambda T: pm.MvNormal("y", MU, tau=T + np.eye(2), observed=Y), "the precision matrix of y is no multiple of it"),
        (lambda T: pm.MvNormal("y", MU, tau=T * V, observed=Y), "the precision matrix of y is no multiple of it"),
        (lambda T: pm.Potential("p", pt.sum(T)), "the potential p depends on it"),
    ],
)
def test_what_is_not_conjugate_is_refused_with_its_line(write, says):
    with pytest.raises(ModelError, match="T cannot be summed or integrated out") as failed:
        pm.marginalize(written(write), "T")
    assert says in str(failed.value) and "test_wishart_precision.py" in str(failed.value)


def test_means_that_mix_the_numbers_of_a_vector_are_refused():
    model = written(lambda T: pm.MvNormal("y", pm.MvNormal("mu", MU, tau=T)[::-1], tau=T, observed=Y))
    with pytest.raises(ModelError, match="mixes numbers of a vector that left"):
        pm.marginalize(model, ["mu", "T"])
