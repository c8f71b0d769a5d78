"""Models written once, for PyMC and for workbench: each is a function of the two modules' places.

`pm` is the modelling module and `pt` its tensor functions. Numbers are NumPy float64: PyTensor keeps a
Python number in single precision where that loses nothing, and computes with it in single precision.
"""

import numpy as np

F = np.float64
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
X = np.linspace(-1.0, 1.5, 12)
GROUP = np.array([0, 0, 1, 1, 2, 2, 2, 0, 1, 2, 0, 1])
Y = np.array([0.3, -0.2, 0.7, 1.1, 0.4, 2.0, 1.6, 1.2, 0.9, 2.5, 1.4, 2.2])


def schools(pm, pt):
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        sigma = pm.Data("sigma", SIGMA, dims="school")
        mu = pm.Normal("mu", F(0.0), F(5.0))
        tau = pm.HalfNormal("tau", F(5.0))
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("y", theta, sigma, observed=EFFECT, dims="school")
    return model


def varying_slopes(pm, pt):
    with pm.Model(coords={"group": ["a", "b", "c"], "obs": range(12)}) as model:
        x = pm.Data("x", X, dims="obs")
        group = pm.Data("group_idx", GROUP, dims="obs")
        mu = pm.Normal("mu", F(0.0), F(2.0), shape=2)
        sd = pm.Exponential("sd", F(1.5), shape=2)
        z = pm.Normal("z", F(0.0), F(1.0), shape=(2, 3))
        a = pm.Deterministic("a", mu[0] + sd[0] * z[0], dims="group")
        b = pm.Deterministic("b", mu[1] + sd[1] * z[1], dims="group")
        eps = pm.HalfNormal("eps", F(1.0))
        pm.Normal("y", a[group] + b[group] * x, eps, observed=Y, dims="obs")
    return model


def imputed(pm, pt):
    y = Y.copy()
    y[[2, 7]] = np.nan
    with pm.Model() as model:
        slope = pm.Normal("slope", F(0.0), F(1.0))
        sd = pm.HalfNormal("sd", F(1.0))
        pm.Normal("y", slope * X, sd, observed=y)
    return model


def imputed_positive(pm, pt):
    data = np.ma.masked_array([[1.5, 2.5, 0.2], [0.7, 1.0, 3.0]], mask=[[0, 1, 0], [1, 0, 0]])
    with pm.Model() as model:
        rate = pm.Exponential("rate", F(1.0), shape=3)
        pm.Exponential("y", rate, observed=data)
    return model


def imputed_counts(pm, pt):
    with pm.Model() as model:
        p = pm.Uniform("p", F(0.0), F(1.0))
        pm.Bernoulli("y", p, observed=np.ma.masked_array([1, 0, 1, 1], mask=[0, 0, 1, 0]))
    return model


def imputed_vectors(pm, pt):
    y = np.array([[0.3, np.nan], [1.0, -0.5], [np.nan, 0.8]])
    with pm.Model() as model:
        mu = pm.Normal("mu", F(0.0), F(1.0), shape=2)
        pm.MvNormal("y", mu, np.array([[1.0, 0.4], [0.4, 2.0]]), observed=y)
    return model


def nested(pm, pt):
    with pm.Model(name="outer") as model:
        scale = pm.HalfNormal("scale", F(2.0))
        with pm.Model(name="inner"):
            x = pm.Exponential("x", F(1.0) / scale)
            pm.Deterministic("double", 2.0 * x)
        pm.Normal("y", x, scale, observed=F(0.7))
    return model


def potentials(pm, pt):
    with pm.Model() as model:
        a = pm.Normal("a", F(0.0), F(1.0), shape=3)
        pm.Potential("close", -pt.sum((a[1:] - a[:-1]) ** 2))
        pm.Potential("small", -pt.abs(a))
    return model


def transforms(pm, pt):
    kinds = pm.distributions.transforms
    with pm.Model() as model:
        pm.HalfNormal("plain", F(1.5), transform=None)
        pm.HalfNormal("also_plain", F(1.5), default_transform=None)
        pm.Normal("ordered", F(0.0), F(1.0), shape=3, transform=kinds.ordered, initval=np.array([-1.0, 0.5, 2.0]))
        pm.Normal("log", F(0.0), F(1.0), transform=kinds.log, initval=F(1.5))
        pm.Exponential("chain", F(1.0), shape=3, transform=kinds.ordered, initval=np.array([0.5, 1.0, 3.0]))
        lower = pm.Normal("lower", F(-1.0), F(0.5))
        pm.Uniform("between", lower, lower + F(3.0), shape=2)
    return model


def custom_density(pm, pt):
    with pm.Model() as model:
        rate = pm.HalfNormal("rate", F(2.0))
        pm.CustomDist("wait", rate, logp=lambda value, rate: pt.log(rate) - rate * value, observed=np.array([0.4, 1.3]))
        pm.CustomDist("free", F(1.0), logp=lambda value, mu: -((value - mu) ** 2), shape=(2,))
    return model


def custom_expression(pm, pt):
    with pm.Model() as model:
        mu = pm.Normal("mu", F(0.0), F(1.0))
        sigma = pm.HalfNormal("sigma", F(1.0))
        pm.CustomDist(
            "limited", mu, sigma, dist=lambda mu, sigma, size: pt.clip(pm.Normal.dist(mu, sigma, size=size), F(-1.0), F(1.0)),
            observed=np.array([-1.0, 0.2, 1.0, 0.9]),
        )  # fmt: skip
        pm.CustomDist("growth", mu, dist=lambda mu, size: pt.exp(pm.Normal.dist(mu, F(0.5), size=size)), shape=(2,))
        pm.CustomDist(
            "shifted", mu, dist=lambda mu, size: F(2.0) * pm.Exponential.dist(F(1.0), size=size) + mu,
            observed=np.array([4.0, 3.5]),
        )  # fmt: skip
    return model


def logistic(pm, pt):
    with pm.Model() as model:
        x = pm.Data("x", X)
        beta = pm.Normal("beta", F(0.0), F(2.5), shape=2)
        pm.Bernoulli("y", logit_p=beta[0] + beta[1] * x, observed=(Y > 1.0).astype(int))
    return model


def discrete_parent(pm, pt):
    with pm.Model() as model:
        p = pm.Uniform("p", F(0.2), F(0.9))
        which = pm.Bernoulli("which", p, shape=4)
        mean = pm.Normal("mean", np.array([-1.0, 1.5]), F(1.0))
        pm.Normal("y", mean[which], F(0.7), observed=np.array([-0.5, 1.0, 2.0, -1.5]))
    return model


def intervened(pm, pt):
    with pm.Model() as model:
        z = pm.Normal("z", F(0.0), F(1.0))
        x = pm.Normal("x", z, F(0.5))
        pm.Normal("y", F(2.0) * x + z, F(1.0))
    return pm.observe(pm.do(model, {"x": F(1.5)}), {"y": F(2.5)})


def started(pm, pt):
    with pm.Model() as model:
        a = pm.Normal("a", F(0.0), F(1.0), initval=F(0.3))
        b = pm.HalfNormal("b", F(1.0), initval=np.array([2.0, 0.5]), shape=2)
        pm.Normal("c", a, b, shape=(3, 2), initval="support_point")
        pm.Uniform("d", F(-1.0), F(3.0), initval=F(0.5))
    return model


MODELS = [
    schools, varying_slopes, imputed, imputed_positive, imputed_counts, imputed_vectors, nested, potentials, transforms,
    custom_density, custom_expression, logistic, discrete_parent, intervened, started,
]  # fmt: skip


def derived(pm, pt):
    """Random expressions by name, each with values at which to ask for its log-density."""
    normal = lambda *shape: pm.Normal.dist(F(0.3), F(1.2), shape=shape)
    positive = lambda *shape: pm.Exponential.dist(F(0.8), shape=shape)
    points, above = np.array([-2.0, -0.3, 0.4, 1.7]), np.array([0.2, 0.9, 1.5, 4.0])
    unit = np.array([0.05, 0.4, 0.77, 0.99])
    whole = np.array([-1.0, 0.0, 1.0, 2.0])
    three = np.array([0.4, -1.0, 2.2])
    return {
        "exp": (pt.exp(normal()), above), "log": (pt.log(positive()), points), "expm1": (pt.expm1(normal()), above - 0.5),
        "log1p": (pt.log1p(positive()), above), "affine": (F(-2.0) * normal() + F(0.7), points),
        "quotient": (normal() / F(4.0), points), "reciprocal": (F(3.0) / normal(), points), "negative": (-positive(), -above),
        "cube": (normal() ** 3, points), "square": (normal() ** 2, above), "root": (pt.sqrt(positive()), above),
        "power": (positive() ** F(1.5), above), "abs": (pt.abs(normal()), above), "sigmoid": (pt.sigmoid(normal()), unit),
        "softplus": (pt.softplus(normal()), above), "tanh": (pt.tanh(normal()), unit - 0.5), "erf": (pt.erf(normal()), unit - 0.5),
        "sinh": (pt.sinh(normal()), points), "arcsinh": (pt.arcsinh(normal()), points), "erfc": (pt.erfc(normal()), unit),
        "base": (F(3.0) ** normal(), above), "chain": (pt.exp(F(2.0) * pt.log(positive()) - F(1.0)), above),
        "clip": (pt.clip(normal(), F(-0.5), F(1.5)), np.array([-0.5, 0.2, 1.5, 2.0])), "round": (pt.round(normal()), whole),
        "floor": (pt.floor(normal()), whole), "ceil": (pt.ceil(normal()), whole),
        "switch": (pt.switch(np.array([True, False, True]), normal(3), F(2.0) * normal(3)), three),
        "greater": (normal() > F(0.5), np.array([True, False])), "less": (normal() < F(0.5), np.array([True, False])),
        "stack": (pt.stack([normal(), pt.exp(normal()), positive()]), np.abs(three)),
        "join": (pt.concatenate([normal(2), positive(3)]), np.array([0.3, -1.0, 0.5, 2.0, 1.0])),
        "transpose": (pt.transpose(pt.exp(normal(2, 3))), np.abs(np.stack([three[:2], three[1:], three[::2]]))),
        "max": (pt.max(normal(3)), F(0.8)), "min": (pt.min(normal(3)), F(0.8)),
        "cumsum": (pt.cumsum(normal(3)), three),
        "matrix": (pt.dot(np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [1.0, 0.0, 1.0]]), normal(3)), three),
        "shifted_count": (pm.Poisson.dist(F(2.5)) + 3, np.array([3, 4, 8])),
        "part": (normal(5)[1:4], three),
    }  # fmt: skip
