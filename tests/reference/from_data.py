"""Distributions with arrays of two lengths for all that they take: written once, for PyMC and for ours.

`make_from_data.py` stores PyMC's log-densities of the models with plain arrays in `from_data.json`;
`tests/model/test_everything_from_data.py` asks for the same numbers where all the arrays are `Data`.
"""

import numpy as np

LENGTHS = (4, 6)
ROWS = 3
"""Rows of what has two axes."""

REAL, POSITIVE, UNIT, COUNT, BIT, WIDE = "real", "positive", "unit", "count", "bit", "wide"


def values(kind, shape):
    """Values of a kind, different everywhere."""
    u = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 7 + 0.5) / 7.3
    return {
        REAL: 3.0 * u - 1.1, POSITIVE: 2.0 * u + 0.3, UNIT: 0.9 * u + 0.04, WIDE: 2.0 * u + 2.1,
        COUNT: np.floor(5 * u).astype("int64"), BIT: (u > 0.5).astype("int64"),
    }[kind]  # fmt: skip


def spread(base, shape):
    """A parameter of a shape near its value; whole numbers stay whole."""
    if isinstance(base, int):
        return base + np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2
    return base * np.linspace(0.9, 1.1, max(np.prod(shape, dtype=int), 1)).reshape(shape)


# Of numbers ------------------------------------------------------------------------------------


def plain(name, **fixed):
    return lambda pm, y, p, **k: getattr(pm, name)(y, **p, **fixed, **k)


NUMBERS = {
    "AsymmetricLaplace": (REAL, {"kappa": 0.7, "mu": 0.5, "b": 2.0}),
    "Bernoulli": (BIT, {"p": 0.4}),
    "Beta": (UNIT, {"alpha": 2.5, "beta": 1.5}),
    "BetaBinomial": (COUNT, {"alpha": 1.2, "beta": 0.7, "n": 6}),
    "Binomial": (COUNT, {"n": 6, "p": 0.4}),
    "Cauchy": (REAL, {"alpha": 0.5, "beta": 2.0}),
    "ChiSquared": (POSITIVE, {"nu": 3.0}),
    "DiscreteUniform": (COUNT, {"lower": -1, "upper": 7}),
    "DiscreteWeibull": (COUNT, {"q": 0.8, "beta": 0.6}),
    "ExGaussian": (REAL, {"mu": 0.5, "sigma": 2.0, "nu": 1.5}),
    "Exponential": (POSITIVE, {"lam": 2.5}),
    "Gamma": (POSITIVE, {"alpha": 2.5, "beta": 1.5}),
    "Geometric": ("one", {"p": 0.3}),
    "Gumbel": (REAL, {"mu": 0.5, "beta": 2.0}),
    "HalfCauchy": (POSITIVE, {"beta": 2.0}),
    "HalfNormal": (POSITIVE, {"sigma": 1.5}),
    "HalfStudentT": (POSITIVE, {"nu": 3.5, "sigma": 2.0}),
    "HurdleGamma": (POSITIVE, {"psi": 0.7, "alpha": 2.5, "beta": 1.5}),
    "HurdleLogNormal": (POSITIVE, {"psi": 0.7, "mu": 0.1, "sigma": 1.3}),
    "HurdleNegativeBinomial": (COUNT, {"psi": 0.7, "mu": 2.1, "alpha": 1.3}),
    "HurdlePoisson": (COUNT, {"psi": 0.7, "mu": 2.1}),
    "HyperGeometric": (COUNT, {"N": 30, "k": 9, "n": 12}),
    "InverseGamma": (POSITIVE, {"alpha": 2.5, "beta": 1.5}),
    "Kumaraswamy": (UNIT, {"a": 2.5, "b": 1.5}),
    "Laplace": (REAL, {"mu": 0.5, "b": 2.0}),
    "LogNormal": (POSITIVE, {"mu": 0.5, "sigma": 0.7}),
    "Logistic": (REAL, {"mu": 0.5, "s": 2.0}),
    "LogitNormal": (UNIT, {"mu": 0.5, "sigma": 2.0}),
    "Moyal": (REAL, {"mu": 0.5, "sigma": 2.0}),
    "NegativeBinomial": (COUNT, {"mu": 2.3, "alpha": 1.7}),
    "Normal": (REAL, {"mu": 1.5, "sigma": 2.0}),
    "Pareto": (WIDE, {"alpha": 2.5, "m": 1.5}),
    "Poisson": (COUNT, {"mu": 2.3}),
    "PolyaGamma": (POSITIVE, {"h": 1.5, "z": 0.5}),
    "Rice": (POSITIVE, {"nu": 1.5, "sigma": 2.0}),
    "SkewNormal": (REAL, {"alpha": -1.5, "mu": 0.5, "sigma": 2.0}),
    "SkewStudentT": (REAL, {"a": 2.0, "b": 3.0, "mu": 0.5, "sigma": 2.0}),
    "StudentT": (REAL, {"nu": 3.5, "mu": 1.0, "sigma": 2.0}),
    "Triangular": (REAL, {"lower": -2.0, "upper": 3.0, "c": 0.5}),
    "TruncatedNormal": (REAL, {"mu": 0.5, "sigma": 2.0, "lower": -2.0, "upper": 3.5}),
    "Uniform": (REAL, {"lower": -2.0, "upper": 3.0}),
    "VonMises": (REAL, {"mu": 0.5, "kappa": 2.0}),
    "Wald": (POSITIVE, {"mu": 1.5, "lam": 2.0, "alpha": 0.2}),
    "Weibull": (POSITIVE, {"alpha": 1.5, "beta": 2.0}),
    "ZeroInflatedBinomial": (COUNT, {"psi": 0.7, "n": 6, "p": 0.4}),
    "ZeroInflatedNegativeBinomial": (COUNT, {"psi": 0.7, "mu": 2.1, "alpha": 1.3}),
    "ZeroInflatedPoisson": (COUNT, {"psi": 0.7, "mu": 2.1}),
    "Censored": (REAL, {"mu": 0.5, "sigma": 2.0, "lower": -0.9, "upper": 1.2}),
    "Censored counts": (COUNT, {"mu": 2.3}),
    "Truncated": (POSITIVE, {"alpha": 1.7, "beta": 1.0, "lower": 0.2, "upper": 3.5}),
    "Truncated normal": (REAL, {"mu": 0.5, "sigma": 2.0}),
    "Truncated counts": (COUNT, {"mu": 2.3}),
    "Mixture": (REAL, {"m": 0.5, "s": 2.0, "t": 1.3}),
    "CustomDist": (POSITIVE, {"rate": 1.7, "shape": 0.8}),
    "CustomDist by dist": (POSITIVE, {"mu": 0.3, "sigma": 0.8}),
}  # fmt: skip


def _censored(pm, y, p, **k):
    p = dict(p)
    limits = {n: p.pop(n) for n in ("lower", "upper")}
    return pm.Censored(y, pm.Normal.dist(**p), **limits, **k)


def _truncated(pm, y, p, **k):
    p = dict(p)
    limits = {n: p.pop(n) for n in ("lower", "upper")}
    return pm.Truncated(y, pm.Gamma.dist(**p), **limits, **k)


def gamma(rate, shape, rng=None, size=None):
    return rng.gamma(shape, 1.0 / rate, size=size)


MADE = {
    "Censored": _censored,
    "Censored counts": lambda pm, y, p, **k: pm.Censored(y, pm.Poisson.dist(**p), lower=1, upper=3, **k),
    "Truncated": _truncated,
    "Truncated normal": lambda pm, y, p, **k: pm.Truncated(y, pm.Normal.dist(**p), lower=-2.0, upper=4.0, **k),
    "Truncated counts": lambda pm, y, p, **k: pm.Truncated(y, pm.Poisson.dist(**p), upper=8, **k),
    "Mixture": lambda pm, y, p, **k: pm.Mixture(y, [0.3, 0.7], [pm.Normal.dist(p["m"], p["s"]), pm.Laplace.dist(p["m"] + 1.0, p["t"])], **k),
    "CustomDist": lambda pm, y, p, **k: pm.CustomDist(y, p["rate"], p["shape"], logp=lambda v, a, b: pm.math.log(a) * b - a * v, random=gamma, **k),
    "CustomDist by dist": lambda pm, y, p, **k: pm.CustomDist(y, p["mu"], p["sigma"], dist=lambda m, s, size: pm.math.exp(pm.Normal.dist(m, s, size=size)), **k),
}  # fmt: skip


def of_number(name):
    return MADE.get(name) or plain(name)


def shapes_of_parameters(count, n, how):
    """Shapes of as many parameters: numbers; a vector first and numbers; or a row, a column, a number, and again."""
    if how == "numbers":
        return [()] * count
    if how == "vectors":
        return [(n,), *[()] * (count - 1)]
    return [((n,), (ROWS, 1), ())[i % 3] for i in range(count)]


HOW = ("numbers", "vectors", "rows")


def arrays_of_number(name, n, how):
    """The values and the parameters, for parameters of several shapes."""
    kind, parameters = NUMBERS[name]
    shape = (ROWS, n) if how == "rows" else (n,)
    given = {p: spread(base, s) for (p, base), s in zip(parameters.items(), shapes_of_parameters(len(parameters), n, how))}
    seen = values(COUNT, shape) + 1 if kind == "one" else values(kind, shape)
    limits = {"Censored": (given.get("lower"), given.get("upper")), "Censored counts": (1, 3)}
    return {"value": np.clip(seen, *limits[name]) if name in limits else seen, **given}


# Of vectors and matrices -----------------------------------------------------------------------


def simplex(shape):
    x = values(POSITIVE, shape)
    return x / x.sum(-1, keepdims=True)


def covariance(n):
    i = np.arange(float(n))
    return np.exp(-0.5 * np.abs(i[:, None] - i)) + 0.5 * np.eye(n)


def ring(n):
    w = np.zeros((n, n))
    i = np.arange(n)
    w[i, (i + 1) % n] = w[(i + 1) % n, i] = 1.0
    return w


def counted(shape):
    return values(COUNT, shape)


def standard(pm, *shape):
    return pm.Normal.dist(0.1, 1.0, **({"shape": shape} if shape else {}))


VECTORS = {
    "Categorical": (lambda n: {"value": np.arange(n) % 3, "p": simplex((3,))}, lambda pm, y, d, **k: pm.Categorical(y, p=d["p"], **k)),
    "Categorical of rows": (lambda n: {"value": np.arange(n) % 3, "p": simplex((n, 3))}, lambda pm, y, d, **k: pm.Categorical(y, p=d["p"], **k)),
    "Categorical of columns": (lambda n: {"value": np.arange(5) % n, "p": simplex((5, n))}, lambda pm, y, d, **k: pm.Categorical(y, p=d["p"], **k)),
    "Categorical of a product": (
        lambda n: {"value": np.arange(n) % 3, "X": values(REAL, (n, 2)), "b": values(REAL, (2, 3))},
        lambda pm, y, d, **k: pm.Categorical(y, p=pm.math.softmax(pm.math.dot(d["X"], d["b"]), axis=-1), **k),
    ),
    "OrderedLogistic": (
        lambda n: {"value": np.arange(n) % 3, "eta": values(REAL, (n,)), "cutpoints": np.array([-0.5, 0.7])},
        lambda pm, y, d, **k: pm.OrderedLogistic(y, eta=d["eta"], cutpoints=d["cutpoints"], compute_p=False, **k),
    ),
    "OrderedLogistic of a number": (
        lambda n: {"value": np.arange(n) % 3, "eta": np.array(0.3), "cutpoints": np.array([-0.5, 0.7])},
        lambda pm, y, d, **k: pm.OrderedLogistic(y, eta=d["eta"], cutpoints=d["cutpoints"], compute_p=False, **k),
    ),
    "OrderedProbit": (
        lambda n: {"value": np.arange(n) % 3, "eta": values(REAL, (n,)), "cutpoints": np.array([-0.5, 0.7])},
        lambda pm, y, d, **k: pm.OrderedProbit(y, eta=d["eta"], cutpoints=d["cutpoints"], compute_p=False, **k),
    ),
    "Dirichlet": (lambda n: {"value": simplex((n,)), "a": values(POSITIVE, (n,))}, lambda pm, y, d, **k: pm.Dirichlet(y, d["a"], **k)),
    "Dirichlet of rows": (
        lambda n: {"value": simplex((n, 3)), "a": values(POSITIVE, (n, 3))}, lambda pm, y, d, **k: pm.Dirichlet(y, d["a"], **k),
    ),
    "Multinomial": (
        lambda n: {"value": counted((ROWS, n)), "N": counted((ROWS, n)).sum(-1), "p": simplex((n,))},
        lambda pm, y, d, **k: pm.Multinomial(y, d["N"], d["p"], **k),
    ),
    "DirichletMultinomial": (
        lambda n: {"value": counted((n, 3)), "N": counted((n, 3)).sum(-1), "a": values(POSITIVE, (n, 3))},
        lambda pm, y, d, **k: pm.DirichletMultinomial(y, n=d["N"], a=d["a"], **k),
    ),
    "OrderedMultinomial": (
        lambda n: {"value": counted((n, 3)), "N": counted((n, 3)).sum(-1), "eta": values(REAL, (n,)), "cutpoints": np.array([-0.5, 0.7])},
        lambda pm, y, d, **k: pm.OrderedMultinomial(y, eta=d["eta"], cutpoints=d["cutpoints"], n=d["N"], compute_p=False, **k),
    ),
    "StickBreakingWeights": (
        lambda n: {"value": simplex((n, 3)), "alpha": np.array(1.7)}, lambda pm, y, d, **k: pm.StickBreakingWeights(y, alpha=d["alpha"], K=2, **k),
    ),
    "MvNormal": (
        lambda n: {"value": values(REAL, (n,)), "mu": values(UNIT, (n,)), "cov": covariance(n)}, lambda pm, y, d, **k: pm.MvNormal(y, d["mu"], cov=d["cov"], **k),
    ),
    "MvNormal of rows": (
        lambda n: {"value": values(REAL, (n, 3)), "mu": values(UNIT, (n, 3)), "cov": covariance(3)},
        lambda pm, y, d, **k: pm.MvNormal(y, d["mu"], cov=d["cov"], **k),
    ),
    "MvNormal by chol": (
        lambda n: {"value": values(REAL, (ROWS, n)), "mu": np.array(0.2), "chol": np.linalg.cholesky(covariance(n))},
        lambda pm, y, d, **k: pm.MvNormal(y, d["mu"], chol=d["chol"], **k),
    ),
    "MvNormal by tau": (
        lambda n: {"value": values(REAL, (ROWS, n)), "mu": values(UNIT, (n,)), "tau": covariance(n)},
        lambda pm, y, d, **k: pm.MvNormal(y, d["mu"], tau=d["tau"], **k),
    ),
    "MvStudentT": (
        lambda n: {"value": values(REAL, (ROWS, n)), "nu": np.array(4.5), "mu": values(UNIT, (n,)), "scale": covariance(n)},
        lambda pm, y, d, **k: pm.MvStudentT(y, nu=d["nu"], mu=d["mu"], scale=d["scale"], **k),
    ),
    "MatrixNormal": (
        lambda n: {"value": values(REAL, (n, 3)), "mu": values(UNIT, (n, 3)), "rows": covariance(n), "columns": covariance(3)},
        lambda pm, y, d, **k: pm.MatrixNormal(y, mu=d["mu"], rowcov=d["rows"], colcov=d["columns"], **k),
    ),
    "KroneckerNormal": (
        lambda n: {"value": values(REAL, (2 * n,)), "mu": values(UNIT, (2 * n,)), "a": covariance(2), "b": covariance(n), "sigma": np.array(0.6)},
        lambda pm, y, d, **k: pm.KroneckerNormal(y, mu=d["mu"], covs=[d["a"], d["b"]], sigma=d["sigma"], **k),
    ),
    "KroneckerNormal without noise": (
        lambda n: {"value": values(REAL, (2 * n,)), "mu": values(UNIT, (2 * n,)), "a": covariance(2), "b": covariance(n)},
        lambda pm, y, d, **k: pm.KroneckerNormal(y, mu=d["mu"], covs=[d["a"], d["b"]], **k),
    ),
    "Wishart": (
        lambda n: {"value": covariance(n) * 3.0, "nu": np.array(9.0), "V": covariance(n)}, lambda pm, y, d, **k: pm.Wishart(y, nu=d["nu"], V=d["V"], **k),
    ),
    "CAR": (
        lambda n: {"value": values(REAL, (n,)), "mu": values(UNIT, (n,)), "W": ring(n), "alpha": np.array(0.6), "tau": np.array(2.0)},
        lambda pm, y, d, **k: pm.CAR(y, mu=d["mu"], W=d["W"], alpha=d["alpha"], tau=d["tau"], **k),
    ),
    "ZeroSumNormal": (
        lambda n: {"value": values(REAL, (n,)) - values(REAL, (n,)).mean(), "sigma": np.array(1.4)}, lambda pm, y, d, **k: pm.ZeroSumNormal(y, d["sigma"], **k),
    ),
    "ZeroSumNormal of rows": (
        lambda n: {"value": values(REAL, (ROWS, n)) - values(REAL, (ROWS, n)).mean(-1, keepdims=True), "sigma": spread(1.4, (ROWS, 1))},
        lambda pm, y, d, **k: pm.ZeroSumNormal(y, d["sigma"], **k),
    ),
    "GaussianRandomWalk": (
        lambda n: {"value": values(REAL, (n,)), "mu": np.array(0.2), "sigma": np.array(1.4)},
        lambda pm, y, d, **k: pm.GaussianRandomWalk(y, d["mu"], d["sigma"], init_dist=standard(pm), **k),
    ),
    "GaussianRandomWalk of rows": (
        lambda n: {"value": values(REAL, (ROWS, n)), "mu": spread(0.2, (ROWS,)), "sigma": np.array(1.4)},
        lambda pm, y, d, **k: pm.GaussianRandomWalk(y, d["mu"], d["sigma"], init_dist=standard(pm), **k),
    ),
    "RandomWalk": (
        lambda n: {"value": values(REAL, (n,)), "b": np.array(0.7)},
        lambda pm, y, d, **k: pm.RandomWalk(y, init_dist=standard(pm), innovation_dist=pm.Laplace.dist(0.0, d["b"]), **k),
    ),
    "MvGaussianRandomWalk": (
        lambda n: {"value": values(REAL, (n, 2)), "mu": np.array([0.1, -0.2]), "cov": covariance(2)},
        lambda pm, y, d, **k: pm.MvGaussianRandomWalk(y, mu=d["mu"], cov=d["cov"], init_dist=pm.MvNormal.dist(np.zeros(2), np.eye(2)), **k),
    ),
    "AR": (
        lambda n: {"value": values(REAL, (n,)), "rho": np.array([0.5, 0.2]), "sigma": np.array(1.4)},
        lambda pm, y, d, **k: pm.AR(y, d["rho"], d["sigma"], init_dist=standard(pm, 2), ar_order=2, **k),
    ),
    "AR of rows": (
        lambda n: {"value": values(REAL, (ROWS, n)), "rho": np.array([0.5, 0.2]), "sigma": spread(1.4, (ROWS,))},
        lambda pm, y, d, **k: pm.AR(y, d["rho"], d["sigma"], init_dist=standard(pm, ROWS, 2), ar_order=2, **k),
    ),
    "GARCH11": (
        lambda n: {"value": values(REAL, (n,)), "omega": np.array(1.2), "alpha": np.array(0.3), "beta": np.array(0.2), "first": np.array(2.0)},
        lambda pm, y, d, **k: pm.GARCH11(y, omega=d["omega"], alpha_1=d["alpha"], beta_1=d["beta"], initial_vol=d["first"], **k),
    ),
    "EulerMaruyama": (
        lambda n: {"value": values(REAL, (n,)), "dt": np.array(0.1), "rate": np.array(0.8)},
        lambda pm, y, d, **k: pm.EulerMaruyama(y, d["dt"], lambda x, a: (-a * x, 1.0), (d["rate"],), init_dist=standard(pm), **k),
    ),
    "Interpolated": (
        lambda n: {"value": values(REAL, (5,)), "x": np.linspace(-2.0, 3.0, n), "f": values(POSITIVE, (n,))},
        lambda pm, y, d, **k: pm.Interpolated(y, d["x"], d["f"], **k),
    ),
    "Mixture of a stack": (
        lambda n: {"value": values(REAL, (n,)), "w": simplex((n, 2)), "mu": values(REAL, (n, 2)), "sigma": values(POSITIVE, (2,))},
        lambda pm, y, d, **k: pm.Mixture(y, d["w"], pm.Normal.dist(d["mu"], d["sigma"]), **k),
    ),
    "Mixture of as many as there are": (
        lambda n: {"value": values(REAL, (5,)), "w": simplex((n,)), "mu": values(REAL, (n,))},
        lambda pm, y, d, **k: pm.Mixture(y, d["w"], pm.Normal.dist(d["mu"], 0.9), **k),
    ),
    "Mixture of vectors": (
        lambda n: {"value": simplex((n,)), "w": np.array([0.3, 0.7]), "a": values(POSITIVE, (n,)), "b": values(WIDE, (n,))},
        lambda pm, y, d, **k: pm.Mixture(y, d["w"], [pm.Dirichlet.dist(d["a"]), pm.Dirichlet.dist(d["b"])], **k),
    ),
    "NormalMixture": (
        lambda n: {"value": values(REAL, (n,)), "w": np.array([0.3, 0.7]), "mu": np.array([-1.0, 1.0]), "sigma": np.array([0.9, 1.3])},
        lambda pm, y, d, **k: pm.NormalMixture(y, d["w"], d["mu"], d["sigma"], **k),
    ),
}  # fmt: skip


def cases():
    """Every case: its name, its arrays by length, and what makes the variable from a PyMC-like module."""
    for name in NUMBERS:
        for how in HOW:
            def arrays(n, name=name, how=how):
                return arrays_of_number(name, n, how)

            def make(pm, y, d, name=name, **k):
                return of_number(name)(pm, y, {p: d[p] for p in NUMBERS[name][1]}, **k)

            yield f"{name}, {how}", arrays, make
    for name, (arrays, make) in VECTORS.items():
        yield name, arrays, make
