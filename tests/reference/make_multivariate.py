"""Make multivariate.json: what PyMC says of each multivariate distribution, for tests to compare with.

Run it where PyMC is installed: ``python tests/reference/make_multivariate.py``. The tests build the same
variables from `CASES`, with this package in the place of `pm`. Parameters are NumPy float64: PyTensor
keeps a Python number in single precision where that loses nothing, and computes with it in that.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

F = np.float64
A2 = np.array([[1.0, 0.5], [0.5, 2.0]])
A3 = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.2], [-0.4, 0.2, 1.5]])
L3 = np.linalg.cholesky(A3)
X3 = np.array([[0.3, -1.2, 0.8], [0.0, 0.0, 0.0], [5.0, 2.0, -7.0]])
W4 = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]])
V4 = np.array([[0, 0.5, 2, 0], [0.5, 0, 1, 0], [2, 1, 0, 0.7], [0, 0, 0.7, 0]])
X4 = np.array([[0.3, -0.2, 0.5, 1.1], [1.0, 2.0, 3.0, 4.0]])
K6 = np.array([[0.1, 0.2, -0.3, 0.4, -0.5, 0.6], [1.0, 2.0, 3.0, -1.0, -2.0, 0.5]])
SIMPLEX = np.array([[0.2, 0.3, 0.5], [0.98, 0.01, 0.01], [0.0, 0.4, 0.6], [-0.1, 0.5, 0.6], [1.1, -0.2, 0.1]])
COUNTS = np.array([[2, 3, 5], [10, 0, 0], [0, 0, 10], [3, 3, 3], [-1, 5, 6]])
PACKED = np.array([1.2, 0.3, 0.8, -0.4, 0.5, 2.0])
CORR3 = np.array([0.3, -0.2, 0.5])

# Name: (how the variable is made, values; one logp each).
CASES = {
    "MvNormal cov": (lambda pm: pm.MvNormal.dist(mu=np.array([0.1, -0.2, 0.3]), cov=A3), X3),
    "MvNormal scalar mu": (lambda pm: pm.MvNormal.dist(mu=0.5, cov=A3), X3),
    "MvNormal tau": (lambda pm: pm.MvNormal.dist(mu=np.array([0.1, -0.2, 0.3]), tau=A3), X3),
    "MvNormal chol": (lambda pm: pm.MvNormal.dist(mu=np.array([0.1, -0.2, 0.3]), chol=L3), X3),
    "MvNormal upper chol": (lambda pm: pm.MvNormal.dist(mu=np.array([0.1, -0.2, 0.3]), chol=L3.T, lower=False), X3),
    "MvNormal default mu": (lambda pm: pm.MvNormal.dist(cov=A3), X3),
    "MvStudentT scale": (lambda pm: pm.MvStudentT.dist(nu=F(4.5), mu=np.array([0.1, -0.2, 0.3]), scale=A3), X3),
    "MvStudentT Sigma": (lambda pm: pm.MvStudentT.dist(nu=F(1.0), Sigma=A3), X3),
    "MvStudentT tau": (lambda pm: pm.MvStudentT.dist(nu=F(30.0), mu=np.array([0.1, -0.2, 0.3]), tau=A3), X3),
    "MvStudentT chol": (lambda pm: pm.MvStudentT.dist(nu=F(4.5), mu=np.array([0.1, -0.2, 0.3]), chol=L3), X3),
    "Dirichlet": (lambda pm: pm.Dirichlet.dist(a=np.array([0.5, 1.0, 3.0])), SIMPLEX),
    "Dirichlet ones": (lambda pm: pm.Dirichlet.dist(a=np.ones(3)), SIMPLEX),
    "Dirichlet large": (lambda pm: pm.Dirichlet.dist(a=np.array([1e3, 2e3, 3e-3])), SIMPLEX[:2]),
    "Multinomial": (lambda pm: pm.Multinomial.dist(n=np.int64(10), p=np.array([0.2, 0.3, 0.5])), COUNTS),
    "Multinomial zero p": (lambda pm: pm.Multinomial.dist(n=np.int64(10), p=np.array([0.4, 0.0, 0.6])), COUNTS),
    "DirichletMultinomial": (lambda pm: pm.DirichletMultinomial.dist(n=10, a=np.array([0.5, 1.0, 3.0])), COUNTS),
    "OrderedMultinomial": (lambda pm: pm.OrderedMultinomial.dist(eta=F(0.3), cutpoints=np.array([-1.0, 0.5]), n=np.int64(10)), COUNTS),
    "LKJCorr 2": (lambda pm: pm.LKJCorr.dist(n=2, eta=1.0), np.array([[0.4], [-0.9]])),
    "LKJCorr 3": (lambda pm: pm.LKJCorr.dist(n=3, eta=2.5), np.array([CORR3, 0 * CORR3])),
    "LKJCholeskyCov": (
        lambda pm: pm.LKJCholeskyCov.dist(eta=2.5, n=3, sd_dist=pm.Exponential.dist(F(0.7)), compute_corr=False),
        PACKED[None],
    ),
    "LKJCholeskyCov vector": (
        lambda pm: pm.LKJCholeskyCov.dist(eta=1.0, n=3, sd_dist=pm.HalfNormal.dist(np.array([1.0, 2.0, 0.5])), compute_corr=False),
        PACKED[None],
    ),
    "Wishart": (lambda pm: pm.Wishart.dist(nu=5, V=A3), np.array([A3, np.eye(3), 3.0 * A3 + 1.0])),
    "MatrixNormal cov": (
        lambda pm: pm.MatrixNormal.dist(mu=np.full((2, 3), 0.3), rowcov=A2, colcov=A3),
        np.array([X3[:2], X3[1:]]),
    ),
    "MatrixNormal chol": (
        lambda pm: pm.MatrixNormal.dist(mu=np.full((2, 3), 0.3), rowchol=np.linalg.cholesky(A2), colchol=L3),
        np.array([X3[:2], X3[1:]]),
    ),
    "KroneckerNormal covs": (lambda pm: pm.KroneckerNormal.dist(mu=np.full(6, 0.2), covs=[A2, A3]), K6),
    "KroneckerNormal noise": (lambda pm: pm.KroneckerNormal.dist(mu=np.full(6, 0.2), covs=[A3, A2], sigma=F(0.5)), K6),
    "KroneckerNormal chols": (
        lambda pm: pm.KroneckerNormal.dist(mu=np.full(6, 0.2), chols=[np.linalg.cholesky(A2), L3], sigma=F(0.5)),
        K6,
    ),
    "KroneckerNormal evds": (
        lambda pm: pm.KroneckerNormal.dist(mu=np.full(6, 0.2), evds=[np.linalg.eigh(A2), np.linalg.eigh(A3)], sigma=F(0.1)),
        K6,
    ),
    "CAR": (lambda pm: pm.CAR.dist(mu=np.zeros(4), W=W4, alpha=F(0.7), tau=F(2.0)), X4),
    "CAR weighted": (lambda pm: pm.CAR.dist(mu=np.full(4, 0.5), W=V4, alpha=F(-0.3), tau=F(0.5)), X4),
    "ICAR": (lambda pm: pm.ICAR.dist(W=W4, sigma=F(1.3)), X4),
    "ICAR loose": (lambda pm: pm.ICAR.dist(W=W4, sigma=F(0.5), zero_sum_stdev=F(0.1)), X4),
    "StickBreakingWeights": (lambda pm: pm.StickBreakingWeights.dist(alpha=F(2.5), K=2), SIMPLEX[:2]),
    "StickBreakingWeights 4": (
        lambda pm: pm.StickBreakingWeights.dist(alpha=F(0.7), K=4), np.array([[0.1, 0.2, 0.3, 0.15, 0.25], [0.3, 0.3, 0.2, 0.1, 0.2]])
    ),
    "ZeroSumNormal": (lambda pm: pm.ZeroSumNormal.dist(sigma=F(1.5), shape=3), np.array([[0.5, -0.7, 0.2], [0.0, 0.0, 0.0]])),
    "ZeroSumNormal 2": (
        lambda pm: pm.ZeroSumNormal.dist(sigma=F(0.5), n_zerosum_axes=2, shape=(2, 2)), np.array([[[0.5, -0.5], [-0.5, 0.5]]])
    ),
}  # fmt: skip


def models(pm):
    """Models of one free variable each: names of their values, start, and density in unconstrained space."""
    t = pm.distributions.transforms
    makers = {
        "Dirichlet": lambda: pm.Dirichlet("x", a=np.array([0.5, 1.0, 3.0])),
        "Dirichlet batch": lambda: pm.Dirichlet("x", a=np.array([[0.5, 1.0, 3.0], [2.0, 2.0, 2.0]])),
        "Dirichlet shape": lambda: pm.Dirichlet("x", a=np.array([0.5, 1.0, 3.0]), shape=(2, 3)),
        "StickBreakingWeights": lambda: pm.StickBreakingWeights("x", alpha=F(2.5), K=3),
        "ZeroSumNormal": lambda: pm.ZeroSumNormal("x", sigma=F(1.5), shape=(2, 3)),
        "ZeroSumNormal 2": lambda: pm.ZeroSumNormal("x", sigma=F(1.5), n_zerosum_axes=2, shape=(2, 3)),
        "ZeroSumNormal dims": lambda: pm.ZeroSumNormal("x", sigma=F(0.5), dims="d"),
        "LKJCorr": lambda: pm.LKJCorr("x", n=3, eta=2.0),
        "LKJCholeskyCov": lambda: pm.LKJCholeskyCov("x", eta=2.0, n=3, sd_dist=pm.Exponential.dist(F(1.0))),
        "MvNormal": lambda: pm.MvNormal("x", mu=np.array([1.0, 2.0, 3.0]), cov=A3),
        "MvNormal shape": lambda: pm.MvNormal("x", mu=np.array([1.0, 2.0, 3.0]), chol=L3, shape=(2, 3)),
        "MvStudentT": lambda: pm.MvStudentT("x", nu=F(3.0), mu=np.array([1.0, 2.0, 3.0]), scale=A3),
        "MatrixNormal": lambda: pm.MatrixNormal("x", mu=np.ones((2, 3)), rowcov=A2, colcov=A3),
        "KroneckerNormal": lambda: pm.KroneckerNormal("x", mu=np.ones(6), covs=[A2, A3], sigma=F(0.5)),
        "CAR": lambda: pm.CAR("x", mu=np.ones(4), W=W4, alpha=F(0.7), tau=F(2.0)),
        "ICAR": lambda: pm.ICAR("x", W=W4, sigma=F(1.0), zero_sum_stdev=F(0.001)),
        "ordered": lambda: pm.Normal("x", np.array([-1.0, 0.0, 1.0]), F(2.0), transform=t.ordered, shape=3, initval=[-1.0, 0.5, 2.0]),
        "chain": lambda: pm.Exponential("x", F(0.5), default_transform=None, transform=t.Chain([t.log, t.ordered]), shape=3, initval=[0.5, 1.0, 4.0]),
        "sum_to_1": lambda: pm.Dirichlet("x", a=np.array([0.5, 1.0, 3.0]), default_transform=None, transform=t.sum_to_1, initval=[0.2, 0.3, 0.5]),
        "default and more": lambda: pm.Exponential("x", F(0.5), transform=t.ordered, shape=3, initval=[0.5, 1.0, 4.0]),
        "no transform": lambda: pm.HalfNormal("x", F(0.5), default_transform=None),
        "interval": lambda: pm.Normal("x", F(0.0), F(2.0), transform=t.Interval(lower=F(-1.0), upper=F(3.0))),
        "lower": lambda: pm.Normal("x", F(0.0), F(2.0), transform=t.Interval(lower=-1.0)),
        "upper": lambda: pm.Normal("x", F(0.0), F(2.0), transform=t.Interval(upper=3.0)),
        "bounds_fn": lambda: pm.Normal("x", F(1.0), F(2.0), transform=t.Interval(bounds_fn=lambda rng, size, mu, s: (mu - s, None))),
        "log_exp_m1": lambda: pm.Exponential("x", F(0.5), default_transform=None, transform=t.log_exp_m1),
        "logodds": lambda: pm.Uniform("x", F(0.0), F(1.0), default_transform=None, transform=t.logodds),
        "circular": lambda: pm.Normal("x", F(0.3), F(2.0), transform=t.circular),
        "zerosum": lambda: pm.Normal("x", F(0.3), F(2.0), shape=(3, 2), transform=t.ZeroSumTransform([-1, -2]), initval=[[1, -1], [2, -2], [-3, 3]]),
        "descending": lambda: pm.HalfNormal("x", F(2.0), shape=3, default_transform=None, transform=t.Ordered(positive=True, ascending=False), initval=[3.0, 2.0, 0.5]),
        "Multinomial": lambda: pm.Multinomial("x", n=10, p=np.array([0.22, 0.33, 0.45])),
        "Multinomial batch": lambda: pm.Multinomial("x", n=np.array([10, 7]), p=np.array([0.2, 0.3, 0.5])),
        "DirichletMultinomial": lambda: pm.DirichletMultinomial("x", n=11, a=np.array([0.5, 1.0, 3.0])),
        "OrderedMultinomial": lambda: pm.OrderedMultinomial("x", eta=F(0.3), cutpoints=np.array([-1.0, 0.5]), n=np.int64(10)),
    }  # fmt: skip
    for name, make in makers.items():
        with pm.Model(coords={"d": range(4)}) as model:
            make()
        yield name, model


def moved(start, name):
    """A point near the start, the same in each package."""
    at = np.asarray(start, float)
    return at + 0.1 * np.sin(1.0 + np.arange(at.size)).reshape(at.shape)


def main():
    import pymc as pm

    warnings.simplefilter("ignore")
    found = {"pymc": pm.__version__, "logp": {}, "models": {}}
    for name, (make, values) in CASES.items():
        rv = make(pm)
        found["logp"][name] = [float(np.sum(pm.logp(rv, v).eval())) for v in values]
    for name, model in models(pm):
        point = model.initial_point()
        ((value, start),) = point.items()
        entry = {"value": value, "start": np.asarray(start).tolist(), "named": sorted(model.named_vars)}
        if np.asarray(start).dtype.kind == "f":
            at = {value: moved(start, value)}
            entry["logp"] = float(model.compile_logp()(at))
            entry["logp_without_jacobian"] = float(model.compile_logp(jacobian=False)(at))
            entry["dlogp"] = np.asarray(model.compile_dlogp()(at)).tolist()
        found["models"][name] = entry
    text = json.dumps(found, indent=1)
    (Path(__file__).parent / "multivariate.json").write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
