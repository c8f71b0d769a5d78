"""Figures of distributions: densities, probabilities, draws and paths, as SVG that is read on light and on dark pages."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import workbench as pm

COLOURS = ("#3d85c6", "#e07b39", "#3fa66b")
GREY = "#8a8f98"
Parameters = dict[str, Any]

DENSITIES: dict[str, tuple[tuple[float, float], Sequence[Parameters]]] = {
    "AsymmetricLaplace": ((-4, 4), [dict(kappa=1, mu=0, b=1), dict(kappa=2, mu=0, b=1), dict(kappa=0.5, mu=0, b=1)]),
    "Beta": ((0, 1), [dict(alpha=0.5, beta=0.5), dict(alpha=2, beta=2), dict(alpha=5, beta=2)]),
    "Cauchy": ((-6, 6), [dict(alpha=0, beta=1), dict(alpha=0, beta=2), dict(alpha=2, beta=0.5)]),
    "ChiSquared": ((0, 15), [dict(nu=2), dict(nu=4), dict(nu=8)]),
    "ExGaussian": ((-4, 10), [dict(mu=0, sigma=1, nu=0.5), dict(mu=0, sigma=1, nu=2), dict(mu=2, sigma=0.5, nu=2)]),
    "Exponential": ((0, 5), [dict(lam=0.5), dict(lam=1), dict(lam=2)]),
    "Gamma": ((0, 10), [dict(alpha=1, beta=0.5), dict(alpha=2, beta=1), dict(alpha=9, beta=2)]),
    "Gumbel": ((-4, 12), [dict(mu=0, beta=1), dict(mu=2, beta=1), dict(mu=2, beta=2)]),
    "HalfCauchy": ((0, 6), [dict(beta=0.5), dict(beta=1), dict(beta=2)]),
    "HalfNormal": ((0, 5), [dict(sigma=0.5), dict(sigma=1), dict(sigma=2)]),
    "HalfStudentT": ((0, 6), [dict(nu=1, sigma=1), dict(nu=4, sigma=1), dict(nu=30, sigma=2)]),
    "Interpolated": ((-1, 4), [dict(x_points=[0.0, 1.0, 2.0, 3.0], pdf_points=[0.0, 1.0, 0.4, 0.0])]),
    "InverseGamma": ((0, 3), [dict(alpha=1, beta=1), dict(alpha=2, beta=1), dict(alpha=5, beta=3)]),
    "Kumaraswamy": ((0, 1), [dict(a=0.5, b=0.5), dict(a=2, b=2), dict(a=5, b=2)]),
    "Laplace": ((-5, 5), [dict(mu=0, b=1), dict(mu=0, b=2), dict(mu=2, b=0.5)]),
    "Logistic": ((-8, 8), [dict(mu=0, s=1), dict(mu=0, s=2), dict(mu=3, s=0.5)]),
    "LogitNormal": ((0, 1), [dict(mu=0, sigma=0.5), dict(mu=0, sigma=2), dict(mu=1, sigma=1)]),
    "LogNormal": ((0, 6), [dict(mu=0, sigma=0.25), dict(mu=0, sigma=1), dict(mu=1, sigma=0.5)]),
    "Chi": ((0, 5), [dict(nu=1), dict(nu=2), dict(nu=4)]),
    "GenExtreme": ((-4, 10), [dict(mu=0, sigma=1, xi=-0.4), dict(mu=0, sigma=1, xi=0), dict(mu=0, sigma=1, xi=0.6)]),
    "Maxwell": ((0, 8), [dict(a=1), dict(a=2), dict(a=3)]),
    "Moyal": ((-4, 10), [dict(mu=0, sigma=1), dict(mu=2, sigma=1), dict(mu=0, sigma=2)]),
    "Normal": ((-5, 5), [dict(mu=0, sigma=1), dict(mu=0, sigma=2), dict(mu=2, sigma=0.5)]),
    "NormalMixture": ((-5, 7), [dict(w=[0.3, 0.7], mu=[-2.0, 2.0], sigma=[0.7, 1.2])]),
    "Pareto": ((0, 5), [dict(alpha=1, m=1), dict(alpha=3, m=1), dict(alpha=3, m=2)]),
    "PolyaGamma": ((0, 2), [dict(h=1, z=0), dict(h=2, z=0), dict(h=2, z=4)]),
    "Rice": ((0, 7), [dict(nu=0, sigma=1), dict(nu=2, sigma=1), dict(nu=4, sigma=1)]),
    "SkewNormal": ((-4, 4), [dict(alpha=0, mu=0, sigma=1), dict(alpha=3, mu=0, sigma=1), dict(alpha=-6, mu=0, sigma=1)]),
    "SkewStudentT": ((-6, 8), [dict(a=1, b=1, mu=0, sigma=1), dict(a=5, b=1, mu=0, sigma=1), dict(a=1, b=5, mu=0, sigma=1)]),
    "StudentT": ((-6, 6), [dict(nu=1, mu=0, sigma=1), dict(nu=4, mu=0, sigma=1), dict(nu=30, mu=2, sigma=0.5)]),
    "Triangular": ((-1, 5), [dict(lower=0, upper=4, c=2), dict(lower=0, upper=4, c=0.5), dict(lower=1, upper=2, c=1.8)]),
    "TruncatedNormal": ((-3, 4), [dict(mu=0, sigma=1, lower=-1, upper=2), dict(mu=0, sigma=2, lower=-1, upper=3), dict(mu=-1, sigma=1, lower=0, upper=3)]),
    "Uniform": ((-1, 5), [dict(lower=0, upper=1), dict(lower=0, upper=4), dict(lower=2, upper=4)]),
    "VonMises": ((-np.pi, np.pi), [dict(mu=0, kappa=0.5), dict(mu=0, kappa=4), dict(mu=1.5, kappa=2)]),
    "Wald": ((0, 4), [dict(mu=1, lam=1), dict(mu=1, lam=3), dict(mu=2, lam=8)]),
    "Weibull": ((0, 4), [dict(alpha=0.7, beta=1), dict(alpha=1.5, beta=1), dict(alpha=4, beta=2)]),
}
"""Continuous distributions of a number: the range, and parameters to compare."""

PROBABILITIES: dict[str, tuple[int, Sequence[Parameters]]] = {
    "Bernoulli": (1, [dict(p=0.3), dict(p=0.8)]),
    "BetaBinomial": (10, [dict(alpha=1, beta=1, n=10), dict(alpha=5, beta=2, n=10), dict(alpha=0.5, beta=0.5, n=10)]),
    "BetaNegativeBinomial": (20, [dict(alpha=3, beta=2, r=4), dict(alpha=10, beta=5, r=4), dict(alpha=1, beta=1, r=4)]),
    "Binomial": (12, [dict(n=10, p=0.2), dict(n=10, p=0.5), dict(n=12, p=0.9)]),
    "Categorical": (4, [dict(p=[0.1, 0.4, 0.2, 0.25, 0.05]), dict(p=[0.5, 0.1, 0.1, 0.1, 0.2])]),
    "DiracDelta": (5, [dict(c=2)]),
    "DiscreteUniform": (8, [dict(lower=0, upper=3), dict(lower=2, upper=8)]),
    "DiscreteWeibull": (12, [dict(q=0.5, beta=1), dict(q=0.9, beta=1), dict(q=0.9, beta=1.5)]),
    "GeneralizedPoisson": (16, [dict(mu=4, lam=-0.4), dict(mu=4, lam=0), dict(mu=4, lam=0.4)]),
    "Geometric": (12, [dict(p=0.2), dict(p=0.5), dict(p=0.8)]),
    "HurdleNegativeBinomial": (15, [dict(psi=0.6, mu=5, alpha=2), dict(psi=0.9, mu=5, alpha=10)]),
    "HurdlePoisson": (12, [dict(psi=0.6, mu=4), dict(psi=0.9, mu=4)]),
    "HyperGeometric": (10, [dict(N=50, k=10, n=15), dict(N=20, k=10, n=10), dict(N=20, k=3, n=10)]),
    "NegativeBinomial": (20, [dict(mu=5, alpha=0.8), dict(mu=5, alpha=4), dict(mu=10, alpha=40)]),
    "OrderedLogistic": (3, [dict(eta=0.0, cutpoints=[-1.0, 0.0, 1.0]), dict(eta=1.5, cutpoints=[-1.0, 0.0, 1.0])]),
    "OrderedProbit": (3, [dict(eta=0.0, cutpoints=[-1.0, 0.0, 1.0]), dict(eta=1.5, cutpoints=[-1.0, 0.0, 1.0])]),
    "Poisson": (16, [dict(mu=1), dict(mu=4), dict(mu=9)]),
    "ZeroInflatedBinomial": (10, [dict(psi=0.6, n=10, p=0.5), dict(psi=0.9, n=10, p=0.3)]),
    "ZeroInflatedNegativeBinomial": (15, [dict(psi=0.6, mu=5, alpha=2), dict(psi=0.9, mu=5, alpha=10)]),
    "ZeroInflatedPoisson": (12, [dict(psi=0.6, mu=4), dict(psi=0.9, mu=4)]),
}
"""Discrete distributions of a number: the largest value shown, and parameters to compare."""

HURDLES: dict[str, tuple[tuple[float, float], Sequence[Parameters]]] = {
    "HurdleGamma": ((0, 8), [dict(psi=0.6, alpha=4, beta=2), dict(psi=0.9, alpha=4, beta=1.5)]),
    "HurdleLogNormal": ((0, 8), [dict(psi=0.6, mu=0.5, sigma=0.5), dict(psi=0.9, mu=1, sigma=0.4)]),
}

SQUARE = np.array([[1.0, 0.8], [0.8, 1.5]])
DRAWN: dict[str, tuple[str, Callable[[], Sequence[tuple[str, Any]]]]] = {
    "CAR": ("paths", lambda: [(f"alpha = {a}", pm.CAR.dist(mu=np.zeros(30), W=_chain(30), alpha=a, tau=1.0)) for a in (0.5, 0.99)]),
    "ICAR": ("paths", list),
    "AR": ("paths", lambda: [(f"rho = {r}", pm.AR.dist([r], sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), steps=100)) for r in (0.3, 0.95)]),
    "GARCH11": ("paths", lambda: [("omega = 0.1, alpha_1 = 0.2, beta_1 = 0.75", pm.GARCH11.dist(omega=0.1, alpha_1=0.2, beta_1=0.75, initial_vol=1.0, steps=200))]),
    "GaussianRandomWalk": ("paths", lambda: [(f"sigma = {s}", pm.GaussianRandomWalk.dist(sigma=s, init_dist=pm.Normal.dist(0.0, 0.1), steps=100)) for s in (0.3, 1.0)]),
    "RandomWalk": ("paths", lambda: [("steps of StudentT(3)", pm.RandomWalk.dist(init_dist=pm.Normal.dist(0.0, 0.1), innovation_dist=pm.StudentT.dist(3.0), steps=100))]),
    "EulerMaruyama": ("paths", lambda: [("dx = -x dt + 0.5 dW", pm.EulerMaruyama.dist(dt=0.05, sde_fn=lambda x: (-x, 0.5), sde_pars=(), init_dist=pm.Normal.dist(2.0, 0.1), steps=100))]),
    "DiscreteMarkovChain": ("paths", lambda: [("stays with probability 0.9", pm.DiscreteMarkovChain.dist(P=np.array([[0.9, 0.1], [0.1, 0.9]]), init_dist=pm.Categorical.dist([0.5, 0.5]), steps=60))]),
    "MvGaussianRandomWalk": ("plane", lambda: [("two axes, correlated steps", pm.MvGaussianRandomWalk.dist(mu=np.zeros(2), cov=SQUARE, init_dist=pm.MvNormal.dist(np.zeros(2), 0.01 * np.eye(2)), steps=200))]),
    "MvStudentTRandomWalk": ("plane", lambda: [("two axes, steps with nu = 3", pm.MvStudentTRandomWalk.dist(nu=3.0, mu=np.zeros(2), scale=SQUARE, init_dist=pm.MvNormal.dist(np.zeros(2), 0.01 * np.eye(2)), steps=200))]),
    "MvNormal": ("scatter", lambda: [("mu = 0, cov = [[1, 0.8], [0.8, 1.5]]", pm.MvNormal.dist(np.zeros(2), cov=SQUARE))]),
    "MvStudentT": ("scatter", lambda: [("nu = 3, scale = [[1, 0.8], [0.8, 1.5]]", pm.MvStudentT.dist(nu=3.0, mu=np.zeros(2), scale=SQUARE))]),
    "ZeroSumNormal": ("scatter", lambda: [("two of three elements", pm.ZeroSumNormal.dist(sigma=1.0, shape=3))]),
    "Dirichlet": ("scatter", lambda: [(f"two shares of three, a = {a}", pm.Dirichlet.dist(np.array(a))) for a in ([1.0, 1.0, 1.0], [10.0, 5.0, 3.0])]),
    "StickBreakingWeights": ("scatter", lambda: [(f"first two weights, alpha = {a}", pm.StickBreakingWeights.dist(alpha=a, K=8)) for a in (1.0, 5.0)]),
    "Multinomial": ("scatter", lambda: [("two counts of three, n = 20, p = [0.2, 0.3, 0.5]", pm.Multinomial.dist(20, [0.2, 0.3, 0.5]))]),
    "DirichletMultinomial": ("scatter", lambda: [("two counts of three, n = 20, a = [2, 3, 5]", pm.DirichletMultinomial.dist(20, np.array([2.0, 3.0, 5.0])))]),
    "OrderedMultinomial": ("scatter", lambda: [("two counts of three, n = 20", pm.OrderedMultinomial.dist(eta=0.5, cutpoints=np.array([-0.5, 0.8]), n=20))]),
    "MatrixNormal": ("scatter", lambda: [("the first row", pm.MatrixNormal.dist(mu=np.zeros((3, 2)), rowcov=np.eye(3), colcov=SQUARE))]),
    "KroneckerNormal": ("scatter", lambda: [("the first two of four", pm.KroneckerNormal.dist(mu=np.zeros(4), covs=[np.eye(2), SQUARE]))]),
    "Skellam": ("histogram", lambda: [("mu1 = 6, mu2 = 3", pm.Skellam.dist(6.0, 3.0))]),
    "Censored": ("histogram", lambda: [("Normal(0, 1) below 1", pm.Censored.dist(pm.Normal.dist(0.0, 1.0), lower=None, upper=1.0))]),
}
"""Distributions that are seen by their draws: how, and of which."""


def correlation(eta: float, n: int) -> Callable[[Any], Any]:
    """Return the density of one correlation of an LKJ matrix: a beta density, stretched to -1 ... 1 (Lewandowski, Kurowicka and Joe, 2009)."""
    return lambda x: density_of("Beta", {"alpha": eta + (n - 2) / 2, "beta": eta + (n - 2) / 2}, (x + 1) / 2) / 2


def of(x: Any) -> Callable[[Any], Any]:
    """Return the density of a random variable."""
    return lambda points: np.exp(pm.function([], pm.logp(x, points), backend="numpy")())


FORMULAS: dict[str, Callable[[], tuple[tuple[float, float], Sequence[tuple[str, Callable[[Any], Any]]]]]] = {
    "LKJCorr": lambda: ((-1, 1), [(f"one correlation of n = 3, eta = {e}", correlation(e, 3)) for e in (0.8, 1.0, 4.0)]),
    "LKJCholeskyCov": lambda: ((-1, 1), [(f"the correlation of n = 2, eta = {e}", correlation(e, 2)) for e in (0.8, 1.0, 4.0)]),
    "Wishart": lambda: ((0, 30), [(f"a diagonal element, nu = {n}, V = 1", lambda x, n=n: density_of("ChiSquared", {"nu": n}, x)) for n in (4, 8, 12)]),
    "Mixture": lambda: ((-5, 12), [("0.3 Normal(-2, 0.7), 0.7 Gamma(4, 1)", of(pm.Mixture.dist(w=[0.3, 0.7], comp_dists=[pm.Normal.dist(-2.0, 0.7), pm.Gamma.dist(4.0, 1.0)])))]),
    "Truncated": lambda: ((-2, 4), [("Gumbel(0, 1) between -1 and 2", of(pm.Truncated.dist(pm.Gumbel.dist(0.0, 1.0), lower=-1.0, upper=2.0)))]),
}
"""Densities of parts, and of distributions made of others: the range, labels and functions."""
NOTHING = {"Flat": "It has no proper density: it is 1 everywhere.", "HalfFlat": "It has no proper density: it is 1 on the positive numbers.", "ICAR": "It has no proper density: there is nothing to draw."}


def _chain(n: int) -> Any:
    return np.eye(n, k=1) + np.eye(n, k=-1)


def figure(name: str) -> str | None:
    """Return a picture of a distribution, as SVG; ``None`` where there is nothing to see."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    if name in NOTHING:
        return None
    drawn = (name in DRAWN and DRAWN[name][0]) or ""
    made = DRAWN[name][1]() if drawn else []
    several = len(made) if drawn in ("scatter", "plane", "paths") else 1
    plt.rcParams["svg.hashsalt"] = "workbench"
    shown, axes = plt.subplots(1, several, figsize=(6.4, 2.9), squeeze=False)
    shown.patch.set_alpha(0.0)
    if name in DENSITIES:
        _densities(axes[0, 0], name, *DENSITIES[name])
    elif name in FORMULAS:
        _formulas(axes[0, 0], *FORMULAS[name]())
    elif name in HURDLES:
        _hurdle(axes[0, 0], name, *HURDLES[name])
    elif name in PROBABILITIES:
        _probabilities(axes[0, 0], name, *PROBABILITIES[name])
    else:
        for axis, part in zip(axes[0], [made] if several == 1 else [[one] for one in made]):
            _draws(axis, drawn, part)
    for axis in axes[0]:
        _plain(axis)
    out = io.StringIO()
    shown.tight_layout()
    shown.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(shown)
    text = out.getvalue()
    # A caption for those who do not see it; the size is the page's.
    text = text[text.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)
    return re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)


def _label(parameters: Parameters) -> str:
    return ", ".join(f"{k} = {v}" for k, v in parameters.items() if k not in ("x_points", "pdf_points"))


def density_of(name: str, parameters: Parameters, points: Any) -> Any:
    """Return the density at points."""
    with np.errstate(all="ignore"):
        return np.exp(pm.function([], pm.logp(getattr(pm, name).dist(**parameters), points), backend="numpy")())


def _densities(axis: Any, name: str, ends: tuple[float, float], cases: Sequence[Parameters]) -> None:
    _formulas(axis, ends, [(_label(case), lambda points, case=case: density_of(name, case, points)) for case in cases])


def _formulas(axis: Any, ends: tuple[float, float], cases: Sequence[tuple[str, Callable[[Any], Any]]]) -> None:
    points = np.linspace(*ends, 401)[1:-1]
    highest = 0.0
    for colour, (label, density) in zip(COLOURS, cases):
        values = density(points)
        axis.plot(points, values, color=colour, lw=1.8, label=label)
        axis.fill_between(points, values, color=colour, alpha=0.12, lw=0)
        highest = max(highest, np.quantile(values, 0.985))
    axis.set_ylim(0, min(axis.get_ylim()[1], highest * 1.8))
    axis.set_ylabel("density")


def _hurdle(axis: Any, name: str, ends: tuple[float, float], cases: Sequence[Parameters]) -> None:
    _densities(axis, name, ends, cases)
    for i, (colour, case) in enumerate(zip(COLOURS, cases)):
        zero = float(density_of(name, case, np.zeros(())))
        axis.plot([0.04 * i], [zero], "o", color=colour)
        axis.vlines(0.04 * i, 0, zero, color=colour)
    axis.set_ylim(0, None)


def _probabilities(axis: Any, name: str, last: int, cases: Sequence[Parameters]) -> None:
    points = np.arange(last + 1)
    width = 0.8 / len(cases)
    for i, (colour, case) in enumerate(zip(COLOURS, cases)):
        axis.bar(points + (i - (len(cases) - 1) / 2) * width, density_of(name, case, points), width * 0.92, color=colour, label=_label(case))
    axis.set_ylabel("probability")


def _draws(axis: Any, how: str, cases: Sequence[tuple[str, Any]]) -> None:
    for colour, (said, x) in zip(COLOURS, cases):
        count = {"paths": 3, "plane": 1}.get(how, 600 if how == "scatter" else 4000)
        values = np.asarray(pm.draw(x, draws=count, random_seed=8, backend="numpy"))
        if how == "paths":
            for shade, path in zip((1.0, 0.6, 0.35), values.reshape(count, -1)):
                axis.plot(path, color=colour, lw=1.1, alpha=shade)
        elif how == "plane":
            axis.plot(*values.reshape(-1, 2).T, color=colour, lw=1.0)
        elif how == "scatter":
            flat = values.reshape(count, -1)
            axis.plot(flat[:, 0], flat[:, 1], ".", color=colour, alpha=0.5, ms=4)
        else:
            axis.hist(values.reshape(count, -1)[:, 0], bins=60, density=True, color=colour, alpha=0.55, label=said)
            axis.set_ylabel("density of draws")
            continue
        axis.set_title(said, fontsize=8.5, color=GREY)


def _plain(axis: Any) -> None:
    axis.patch.set_alpha(0.0)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color(GREY)
    axis.tick_params(colors=GREY, labelsize=8)
    axis.yaxis.label.set_color(GREY)
    axis.yaxis.label.set_size(8)
    if axis.get_legend_handles_labels()[1]:
        axis.legend(frameon=False, fontsize=8, labelcolor=GREY)
