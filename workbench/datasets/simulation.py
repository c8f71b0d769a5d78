"""Simulated data of the same columns as the measured ones, from models whose parameters are given beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.datasets.dataset import Array, Dataset
from workbench.errors import ArgumentError, closest

SIMULATORS: dict[str, Callable[..., Dataset]] = {}


def simulate(name: str, seed: int = 0, **sizes: int) -> Dataset:
    """Return simulated data of a data set's columns, with the parameters that they were made with.

    Parameters
    ----------
    name
        A data set of ``datasets.names()``.
    seed
        The same seed gives the same data.
    sizes
        How many of what, where the simulator has a choice: ``simulate("radon", homes=60, counties=7)``.

    Returns
    -------
    Dataset
        Columns as the measured data have them; ``truth`` has the parameters by name.

    Raises
    ------
    ArgumentError
        If there is no such data set, or its simulator does not take such a size.

    Examples
    --------
    >>> from workbench import datasets
    >>> data = datasets.simulate("eight_schools", seed=1, schools=5)
    >>> data, list(data.truth)
    (eight_schools: 5 rows of school, y, sigma (simulated), ['mu', 'tau', 'theta'])
    """
    if name not in SIMULATORS:
        near = closest(name, SIMULATORS)
        raise ArgumentError(f"there is no data set {name!r}", f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(SIMULATORS))}")
    simulator = SIMULATORS[name]
    taken = simulator.__code__.co_varnames[1 : simulator.__code__.co_argcount]
    for size, n in sizes.items():
        if size not in taken:
            raise ArgumentError(f"simulate({name!r}) does not take {size!r}", f"it takes {', '.join(taken)}" if taken else "it takes a seed alone")
        if n < 1:
            raise ArgumentError(f"{size}={n}", "one or more")
    return simulator(np.random.default_rng(seed), **sizes)


def _simulator(function: Callable[..., Dataset]) -> Callable[..., Dataset]:
    SIMULATORS[function.__name__] = function
    return function


def _made(name: str, columns: dict[str, Array], truth: dict[str, Any], coords: dict[str, Any] | None = None, dims: dict[str, str] | None = None) -> Dataset:
    coords = coords or {}
    about = {"title": f"Simulated data of the structure of datasets.{name}()"}
    return Dataset(name, columns, coords, dims if dims is not None else {d: d for d in coords}, about, truth)


def _numbered(word: str, n: int) -> Array:
    return np.array([f"{word} {i + 1:02d}" for i in range(n)])


def simulate_radon(homes: int = 919, counties: int = 85, seed: int = 0) -> Dataset:
    """Return simulated data of the structure of ``radon()``, from its model: ``simulate("radon", seed, homes=homes, counties=counties)``.

    Examples
    --------
    >>> simulate_radon(homes=60, counties=7)["names"].shape
    (7,)
    """
    return simulate("radon", seed, homes=homes, counties=counties)


@_simulator
def radon(rng: np.random.Generator, homes: int = 919, counties: int = 85) -> Dataset:
    """Levels and effects of the floor that differ between counties."""
    county = np.sort(np.concatenate([np.arange(counties), rng.choice(counties, homes - counties, p=rng.dirichlet(np.ones(counties)))]))
    floor = (rng.random(homes) < 0.17).astype(float)
    truth: dict[str, Any] = {"mu_a": 1.5, "sigma_a": 0.32, "mu_b": -0.65, "sigma_b": 0.25, "eps": 0.72}
    a, b = rng.normal(truth["mu_a"], truth["sigma_a"], counties), rng.normal(truth["mu_b"], truth["sigma_b"], counties)
    y = rng.normal(a[county] + b[county] * floor, truth["eps"])
    # Uranium as it would be where counties with more of it have more radon: 0.7 more for each unit of its logarithm.
    uranium = ((a - truth["mu_a"]) / 0.7 + rng.normal(0, 0.15, counties))[county]
    names = _numbered("county", counties)
    columns = {"county": county, "floor": floor, "log_radon": y, "log_uranium": uranium, "names": names}
    return _made("radon", columns, truth | {"a": a, "b": b}, {"county": names})


@_simulator
def eight_schools(rng: np.random.Generator, schools: int = 8) -> Dataset:
    """Normal effects around a common mean, measured with errors of known size."""
    sigma = rng.uniform(9, 18, schools)
    theta = rng.normal(4.4, 3.6, schools)
    labels = np.array(list("ABCDEFGH")) if schools == 8 else _numbered("school", schools)
    columns = {"school": np.arange(schools), "y": rng.normal(theta, sigma), "sigma": sigma}
    return _made("eight_schools", columns, {"mu": 4.4, "tau": 3.6, "theta": theta}, {"school": labels})


@_simulator
def kidiq(rng: np.random.Generator, children: int = 434) -> Dataset:
    """A linear regression of the score on the mother's IQ and schooling."""
    hs = (rng.random(children) < 0.79).astype(int)
    iq = rng.normal(92 + 10 * hs, 14)
    truth: dict[str, Any] = {"alpha": 26.0, "beta_hs": 6.0, "beta_iq": 0.56, "sigma": 18.0}
    score = rng.normal(truth["alpha"] + truth["beta_hs"] * hs + truth["beta_iq"] * iq, truth["sigma"])
    return _made("kidiq", {"kid_score": score, "mom_hs": hs, "mom_iq": iq}, truth)


@_simulator
def wells(rng: np.random.Generator, households: int = 3020) -> Dataset:
    """A logistic regression on distance in 100 m, arsenic, and schooling in 4 years."""
    dist, arsenic = rng.gamma(1.5, 32, households), 0.5 + rng.gamma(1.0, 1.15, households)
    assoc, educ = (rng.random(households) < 0.42).astype(int), rng.integers(0, 17, households)
    truth: dict[str, Any] = {"alpha": -0.2, "beta_dist": -0.9, "beta_arsenic": 0.47, "beta_assoc": -0.12, "beta_educ": 0.17}
    eta = truth["alpha"] + truth["beta_dist"] * dist / 100 + truth["beta_arsenic"] * arsenic + truth["beta_assoc"] * assoc + truth["beta_educ"] * educ / 4
    switched = (rng.random(households) < 1 / (1 + np.exp(-eta))).astype(int)
    return _made("wells", {"switched": switched, "arsenic": arsenic, "dist": dist, "assoc": assoc, "educ": educ}, truth)


@_simulator
def rugby(rng: np.random.Generator, seasons: int = 4) -> Dataset:
    """Poisson scores, of attack less the other's defence, and something for playing at home. Each pair plays once a year, at either's home in turn."""
    teams = np.array(["England", "France", "Ireland", "Italy", "Scotland", "Wales"])
    attack, defence = rng.normal(0, 0.3, 6), rng.normal(0, 0.3, 6)
    attack, defence = attack - attack.mean(), defence - defence.mean()
    truth: dict[str, Any] = {"intercept": 2.85, "home": 0.2, "attack": attack, "defence": defence}
    pairs = [(i, j) for i in range(6) for j in range(i)]
    games = [(2014 + s, *(pair if (k + s) % 2 else pair[::-1])) for s in range(seasons) for k, pair in enumerate(pairs)]
    year, home, away = np.array(games).T
    home_score = rng.poisson(np.exp(truth["intercept"] + truth["home"] + attack[home] - defence[away]))
    away_score = rng.poisson(np.exp(truth["intercept"] + attack[away] - defence[home]))
    columns = {"year": year, "home_team": home, "away_team": away, "home_score": home_score, "away_score": away_score}
    return _made("rugby", columns, truth, {"team": teams}, {"home_team": "team", "away_team": "team"})


@_simulator
def baseball(rng: np.random.Generator, players: int = 18) -> Dataset:
    """Binomial hits; each player's chance is drawn from one beta distribution."""
    kappa, mu = 180.0, 0.265
    theta = rng.beta(mu * kappa, (1 - mu) * kappa, players)
    early, whole = np.full(players, 45), rng.integers(120, 640, players)
    hits = rng.binomial(early, theta)
    columns = {"player": np.arange(players), "at_bats": early, "hits": hits, "season_at_bats": whole, "season_hits": hits + rng.binomial(whole - early, theta)}
    return _made("baseball", columns, {"mu": mu, "kappa": kappa, "theta": theta}, {"player": _numbered("player", players)})


@_simulator
def penguins(rng: np.random.Generator, birds: int = 333) -> Dataset:
    """Normal sizes that are correlated, with a mean for each species and sex."""
    species, sex = rng.choice(3, birds, p=[0.44, 0.2, 0.36]), rng.integers(0, 2, birds)
    island = np.where(species == 0, rng.integers(0, 3, birds), np.where(species == 1, 1, 0))
    mean = np.array([[38.8, 18.3, 190.0, 3706.0], [48.8, 18.4, 195.8, 3733.0], [47.6, 15.0, 217.2, 5092.0]])
    male, sd = np.array([3.6, 1.4, 7.0, 670.0]), np.array([2.3, 0.8, 5.7, 310.0])
    correlation = 0.3 + 0.7 * np.eye(4)
    sizes = mean[species] + (sex[:, None] - 0.5) * male + rng.multivariate_normal(np.zeros(4), correlation, birds) * sd
    keys = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    columns = {"species": species, "island": island, **dict(zip(keys, sizes.T)), "sex": sex, "year": rng.integers(2007, 2010, birds)}
    coords = {"species": ["Adelie", "Chinstrap", "Gentoo"], "island": ["Biscoe", "Dream", "Torgersen"], "sex": ["female", "male"]}
    return _made("penguins", columns, {"mean": mean, "male": male, "sd": sd, "correlation": correlation}, coords)


@_simulator
def anaesthetists(rng: np.random.Generator, patients: int = 45) -> Dataset:
    """Each patient has a class; each rater a matrix of chances of what is said of it."""
    prevalence = np.array([0.4, 0.42, 0.11, 0.07])
    confusion = np.array([[rng.dirichlet(0.5 + 10 * (np.arange(4) == k) + 1.2 * (abs(np.arange(4) - k) == 1)) for k in range(4)] for _ in range(5)])
    z = rng.choice(4, patients, p=prevalence)
    rater = np.tile([0, 0, 0, 1, 2, 3, 4], patients)
    patient = np.repeat(np.arange(patients), 7)
    rating = np.array([rng.choice(4, p=confusion[r, z[i]]) for r, i in zip(rater, patient)])
    coords = {"patient": np.arange(1, patients + 1), "rater": np.arange(1, 6), "rating": np.arange(1, 5)}
    return _made("anaesthetists", {"patient": patient, "rater": rater, "rating": rating}, {"prevalence": prevalence, "confusion": confusion, "z": z}, coords)


@_simulator
def coal_disasters(rng: np.random.Generator, years: int = 111) -> Dataset:
    """Poisson counts whose rate changes once."""
    year = 1851 + np.arange(years)
    truth: dict[str, Any] = {"switchpoint": int(year[0] + rng.integers(years // 4, 3 * years // 4 + 1)), "early_rate": 3.1, "late_rate": 0.9}
    disasters = rng.poisson(np.where(year <= truth["switchpoint"], truth["early_rate"], truth["late_rate"])).astype(float)
    disasters[np.isin(year, (1890, 1934))] = np.nan
    return _made("coal_disasters", {"year": year, "disasters": disasters}, truth)


@_simulator
def co2(rng: np.random.Generator, months: int = 526) -> Dataset:
    """A trend that bends, two waves a year, and an autoregression of order one."""
    at = np.arange(months) + 2
    year, month = 1958 + at // 12, at % 12 + 1
    time = year + (month - 0.5) / 12
    t = time - 1958.0
    truth: dict[str, Any] = {"level": 314.6, "slope": 0.75, "bend": 0.0125, "amplitude": np.array([2.8, 0.8]), "rho": 0.7, "sigma": 0.3}
    noise = np.empty(months)
    noise[0] = rng.normal(0, truth["sigma"] / np.sqrt(1 - truth["rho"] ** 2))
    for i in range(1, months):
        noise[i] = truth["rho"] * noise[i - 1] + rng.normal(0, truth["sigma"])
    waves = truth["amplitude"][0] * np.sin(2 * np.pi * (t - 0.12)) + truth["amplitude"][1] * np.sin(4 * np.pi * (t - 0.55))
    values = truth["level"] + truth["slope"] * t + truth["bend"] * t**2 + waves + noise
    return _made("co2", {"year": year, "month": month, "time": time, "co2": values}, truth)


@_simulator
def lynx_hare(rng: np.random.Generator, years: int = 21) -> Dataset:
    """The equations of Lotka and Volterra, solved by SciPy, measured with log-normal errors."""
    from scipy.integrate import solve_ivp

    truth: dict[str, Any] = {"alpha": 0.55, "beta": 0.028, "gamma": 0.8, "delta": 0.024, "sigma": 0.25, "start": np.array([34.0, 5.9])}

    def slope(_: float, z: Array) -> list[float]:
        hare, lynx = z
        return [(truth["alpha"] - truth["beta"] * lynx) * hare, (truth["delta"] * hare - truth["gamma"]) * lynx]

    at = np.arange(float(years))
    solved = solve_ivp(slope, (0.0, max(at[-1], 1.0)), truth["start"], t_eval=at, rtol=1e-9, atol=1e-9).y
    hare, lynx = rng.lognormal(np.log(solved), truth["sigma"])
    return _made("lynx_hare", {"year": 1900 + np.arange(years), "hare": hare, "lynx": lynx}, truth)


@_simulator
def airline(rng: np.random.Generator, months: int = 144) -> Dataset:
    """Growth, a factor for each month of the year, and log-normal noise."""
    i = np.arange(months)
    season = np.array([-0.09, -0.11, 0.02, -0.01, -0.01, 0.11, 0.21, 0.21, 0.06, -0.08, -0.22, -0.1])
    truth: dict[str, Any] = {"level": np.log(117.0), "growth": 0.0101, "season": season - season.mean(), "sigma": 0.04}
    passengers = np.exp(truth["level"] + truth["growth"] * i + truth["season"][i % 12] + rng.normal(0, truth["sigma"], months)).round().astype(int)
    year, month = 1949 + i // 12, i % 12 + 1
    return _made("airline", {"year": year, "month": month, "time": year + (month - 0.5) / 12, "passengers": passengers}, truth)


@_simulator
def nile(rng: np.random.Generator, years: int = 100) -> Dataset:
    """A level that walks, measured with noise: the local level model, at Durbin and Koopman's estimates."""
    truth: dict[str, Any] = {"sigma_level": np.sqrt(1469.1), "sigma": np.sqrt(15099.0)}
    truth["level"] = 1120.0 + np.cumsum(rng.normal(0, truth["sigma_level"], years))
    return _made("nile", {"year": 1871 + np.arange(years), "volume": rng.normal(truth["level"], truth["sigma"])}, truth)


@_simulator
def sunspots(rng: np.random.Generator, years: int = 309) -> Dataset:
    """The square of an autoregression of order two around a level, which goes round in eleven years."""
    truth: dict[str, Any] = {"level": 6.5, "rho": np.array([1.6, -0.92]), "sigma": 0.9}
    x = np.zeros(years + 50)
    for i in range(2, years + 50):
        x[i] = truth["rho"] @ x[[i - 1, i - 2]] + rng.normal(0, truth["sigma"])
    return _made("sunspots", {"year": 1700 + np.arange(years), "sunspots": np.maximum(truth["level"] + x[50:], 0) ** 2}, truth)
