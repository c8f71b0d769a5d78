"""Data sets of the package beside numbers that others published of them, and simulated ones beside their own parameters."""

import doctest
import inspect
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special

import workbench as pm
from kernel_ext.cell.columns import columns_of
from workbench import datasets
from workbench.datasets.reading import sources, table
from workbench.errors import ArgumentError

DATA = Path(datasets.__file__).parent / "data"


def least_squares(y, *columns):
    x = np.column_stack([np.ones(len(y)), *columns])
    beta, rest, *_ = np.linalg.lstsq(x, y, rcond=None)
    return beta, np.sqrt(rest[0] / (len(y) - x.shape[1]))


def logistic(y, *columns):
    x = np.column_stack([np.ones(len(y)), *columns])
    return optimize.minimize(lambda b: -np.sum(y * (x @ b) - np.logaddexp(0, x @ b)), np.zeros(x.shape[1]), jac=lambda b: x.T @ (special.expit(x @ b) - y), tol=1e-10).x


@pytest.mark.parametrize("name", datasets.names())
def test_a_data_set_says_where_it_is_from_and_has_an_example(name):
    function = getattr(datasets, name)
    about = sources()[name]
    assert set(about) == {"title", "source", "licence"} and all(about.values())
    assert function().about.count("\n") == 2
    # The docstring says the source's name (its first word), and the terms.
    said = " ".join(inspect.getdoc(function).split())
    assert about["source"].split()[0].strip(",") in said or "as in" in said
    assert any(terms in said.lower() for terms in ("public", "published", "apache-2.0", "cc0"))
    assert doctest.DocTestParser().get_examples(inspect.getdoc(function)), "no example"
    assert name in datasets.__all__ and len(table(name)) >= 2


def test_there_is_a_table_for_each_name_and_no_other():
    assert sorted(p.stem for p in DATA.glob("*.csv")) == datasets.names()
    assert sum(p.stat().st_size for p in DATA.iterdir()) < 250_000


@pytest.mark.parametrize("name", datasets.names())
def test_labels_are_numbered_from_zero(name):
    data = getattr(datasets, name)()
    for column, dim in data.dims.items():
        assert np.array_equal(np.unique(data[column]), np.arange(len(data.coords[dim]))), "each label is some row's"
        assert len(set(data.coords[dim].tolist())) == len(data.coords[dim])
    assert list(data.frame().columns) == data.columns and len(data.frame()) == data.rows


@pytest.mark.parametrize("name", datasets.names())
def test_simulated_data_have_the_columns_and_depend_on_the_seed(name):
    real, first, same, other = getattr(datasets, name)(), datasets.simulate(name, 1), datasets.simulate(name, 1), datasets.simulate(name, 2)
    assert list(first) == list(real) and first.rows == real.rows and first.dims == real.dims and first.truth
    assert {k: x.dtype.kind for k, x in first.items() if k in first.dims} == {k: x.dtype.kind for k, x in real.items() if k in real.dims}
    assert all(np.array_equal(first[k], same[k], equal_nan=first[k].dtype.kind == "f") for k in first)
    assert any(not np.array_equal(first[k], other[k], equal_nan=first[k].dtype.kind == "f") for k in first)


def test_radon_is_that_of_gelman_and_hill():
    data = datasets.radon()
    assert data.rows == 919 and (data["floor"] == 1).sum() == 153 and np.bincount(data["county"]).max() == 116
    assert data.coords["county"][np.bincount(data["county"]).argmax()] == "St. Louis"
    assert list(data.coords["county"]) == sorted(data.coords["county"])
    # Gelman and Hill (2007), section 12.3: complete pooling 1.33 - 0.61 floor. Their logarithm is of the measurement without 0.1, and 0.1 where that is 0.
    activity = np.exp(data["log_radon"]) - 0.1
    beta, _ = least_squares(np.log(np.where(activity < 0.05, 0.1, activity)), data["floor"])
    np.testing.assert_allclose(beta, [1.33, -0.61], atol=0.005)
    # Figure 12.5's regression of counties on uranium goes up.
    assert 0.5 < least_squares(data["log_radon"], data["floor"], data["log_uranium"])[0][2] < 0.9


def test_kidiq_gives_the_regressions_of_gelman_and_hill():
    data = datasets.kidiq()
    y, hs, iq = data["kid_score"], data["mom_hs"], data["mom_iq"]
    np.testing.assert_allclose(least_squares(y, hs)[0], [78, 12], atol=0.5)  # (3.1)
    np.testing.assert_allclose(least_squares(y, iq)[0], [26, 0.6], atol=0.5)  # (3.2)
    beta, sigma = least_squares(y, hs, iq)  # their table: 25.7, 5.95, 0.56, 18.1
    np.testing.assert_allclose([*beta, sigma], [25.7, 5.95, 0.56, 18.1], atol=0.05)


def test_wells_give_the_regressions_of_gelman_and_hill():
    data = datasets.wells()
    assert data.rows == 3020 and data["switched"].sum() == 1737
    np.testing.assert_allclose(logistic(data["switched"], data["dist"] / 100), [0.61, -0.62], atol=0.005)
    np.testing.assert_allclose(logistic(data["switched"], data["dist"] / 100, data["arsenic"]), [0.002, -0.90, 0.46], atol=0.005)


def test_short_tables_add_up_to_what_was_published():
    coal = datasets.coal_disasters(complete=True)
    assert coal["disasters"].sum() == 191  # Jarrett
    given = datasets.coal_disasters()
    assert np.array_equal(given["year"][np.isnan(given["disasters"])], [1890, 1934]) and np.nansum(given["disasters"]) == 191 - 2 - 1
    nile = datasets.nile()["volume"]
    # Durbin and Koopman: mean 919.35; Cobb: 1097.75 to 1898, 849.97 after it.
    np.testing.assert_allclose([nile.mean(), nile[:28].mean(), nile[28:].mean()], [919.35, 1097.75, 849.97], atol=0.005)
    assert datasets.airline()["passengers"].sum() == 40363 and datasets.airline()["passengers"].max() == 622
    players = datasets.baseball()
    np.testing.assert_allclose(players["hits"].sum() / players["at_bats"].sum(), 0.265, atol=5e-4)  # Efron and Morris
    assert (players["season_hits"] > players["hits"]).all()
    assert datasets.eight_schools()["sigma"].tolist() == [15, 10, 16, 11, 9, 11, 10, 18]
    assert datasets.sunspots()["year"].tolist() == list(range(1700, 2009)) and datasets.sunspots()["sunspots"].max() == 190.2  # in 1957


def test_rugby_is_four_championships():
    data = datasets.rugby()
    for year in range(2014, 2018):
        pairs = {frozenset(p) for p in zip(data["home_team"][data["year"] == year].tolist(), data["away_team"][data["year"] == year].tolist())}
        assert len(pairs) == 15
    # England won at home against Scotland by 61 to 21 in 2017.
    row = (data["year"] == 2017) & (data.labels("home_team") == "England") & (data.labels("away_team") == "Scotland")
    assert (data["home_score"][row], data["away_score"][row]) == (61, 21)


def test_penguins_are_those_of_the_paper():
    data = datasets.penguins(complete=False)
    assert np.bincount(data["species"]).tolist() == [152, 68, 124] and np.bincount(data["island"]).tolist() == [168, 124, 52]
    assert np.isnan(data["body_mass_g"]).sum() == 2 and (data.labels("sex") == "unknown").sum() == 11
    assert not any(np.isnan(x).any() for x in datasets.penguins().values())


def test_raters_give_the_estimates_of_dawid_and_skene():
    data = datasets.anaesthetists()
    counts = np.zeros((45, 5, 4))
    np.add.at(counts, (data["patient"], data["rater"], data["rating"]), 1)
    # Their EM, from averages, to their tables 2 and 4.
    z = counts.sum(1) / 7
    for _ in range(200):
        p, pi = z.mean(0), np.einsum("ij,ikl->kjl", z, counts)
        pi /= pi.sum(-1, keepdims=True)
        z = np.exp(np.log(p) + np.einsum("ikl,kjl->ij", counts, np.log(pi + 1e-300)))
        z /= z.sum(1, keepdims=True)
    np.testing.assert_allclose(p, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    np.testing.assert_allclose(pi[0][0], [0.89, 0.11, 0, 0], atol=0.005)


def test_co2_is_in_weeks_and_in_months():
    weeks, months = datasets.co2("week"), datasets.co2()
    assert weeks.rows == 2284 and np.isnan(weeks["co2"]).sum() == 59 and months.rows == 526 and np.isnan(months["co2"]).sum() == 5
    first = (weeks["year"] == 1958) & (weeks["month"] == 4)
    at = (months["year"] == 1958) & (months["month"] == 4)
    np.testing.assert_allclose(months["co2"][at][0], np.nanmean(weeks["co2"][first]))
    assert (np.diff(weeks["time"]) > 0).all() and (np.diff(months["time"]) > 0).all()
    # Scripps' monthly means of May 1960, 1980 and 2000 (in situ, scale 08A): 320.04, 341.47 and 371.83.
    for year, theirs in ((1960, 320.04), (1980, 341.47), (2000, 371.83)):
        assert abs(months["co2"][(months["year"] == year) & (months["month"] == 5)][0] - theirs) < 0.5
    with pytest.raises(ArgumentError, match="every='day'"):
        datasets.co2("day")


@pytest.mark.skipif("WORKBENCH_DATA" not in os.environ, reason="posteriordb's files are not at hand: set WORKBENCH_DATA")
def test_tables_have_the_values_of_posteriordb():
    def theirs(name):
        return {k: np.array(v) for k, v in json.loads((Path(os.environ["WORKBENCH_DATA"]) / f"{name}.json").read_text()).items()}

    radon, schools, kids, wells = datasets.radon(), datasets.eight_schools(), datasets.kidiq(), datasets.wells()
    given = theirs("radon_mn")
    assert np.array_equal(radon["county"] + 1, given["county_idx"]) and np.array_equal(radon["floor"], given["floor_measure"])
    np.testing.assert_allclose(radon["log_radon"], given["log_radon"], rtol=1e-14)
    np.testing.assert_allclose(np.log(np.exp(radon["log_uranium"]) + 0.1), given["log_uppm"], rtol=0, atol=1e-12)
    assert all(np.array_equal(schools[k], theirs("eight_schools")[k]) for k in ("y", "sigma"))
    assert all(np.array_equal(kids[k], theirs("kidiq")[k]) for k in kids)
    for k in wells:
        np.testing.assert_allclose(wells[k], theirs("wells_data")[k], rtol=1e-7)


def test_a_simulation_recovers_its_parameters():
    data = datasets.simulate("kidiq", 3, children=20_000)
    beta, sigma = least_squares(data["kid_score"], data["mom_hs"], data["mom_iq"])
    np.testing.assert_allclose([*beta, sigma], [data.truth[k] for k in ("alpha", "beta_hs", "beta_iq", "sigma")], rtol=0.05)
    data = datasets.simulate("wells", 3, households=60_000)
    found = logistic(data["switched"], data["dist"] / 100, data["arsenic"], data["assoc"], data["educ"] / 4)
    np.testing.assert_allclose(found, list(data.truth.values()), atol=0.06)
    data = datasets.simulate("anaesthetists", 3, patients=4000)
    seen = np.array([[(data["rating"][(data["rater"] == 0) & (data.truth["z"][data["patient"]] == k)] == j).mean() for j in range(4)] for k in range(4)])
    np.testing.assert_allclose(seen, data.truth["confusion"][0], atol=0.05)


def test_what_cannot_be_simulated_is_said():
    with pytest.raises(ArgumentError, match="did you mean 'radon'"):
        datasets.simulate("radn")
    with pytest.raises(ArgumentError, match="it takes homes, counties"):
        datasets.simulate("radon", houses=3)
    with pytest.raises(KeyError, match="did you mean 'county'"):
        datasets.radon()["countys"]


@pytest.mark.parametrize("form", ["data set", "frame"])
def test_a_model_cell_takes_a_data_set(form):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "kernel_ext")
    radon, rugby = datasets.radon(), datasets.rugby()
    shell.user_ns.update(homes=radon if form == "data set" else radon.frame(), games=rugby)
    shell.run_cell_magic("model", "m --data homes --show none", 'a = Normal(1, 1, dims="county")\ny = Normal(a[county] - 0.6 * floor, 0.7, observed=log_radon)')
    model = shell.user_ns["m"]
    assert list(model.coords["county"]) == radon.coords["county"].tolist()
    point = {"a": np.linspace(0, 2, 85)}
    with pm.Model() as plain:
        a = pm.Normal("a", 1, 1, shape=85)
        pm.Normal("y", a[radon["county"]] - 0.6 * radon["floor"], 0.7, observed=radon["log_radon"])
    np.testing.assert_allclose(model.point_logps(point)["y"], plain.point_logps(point)["y"])
    # Two columns that number one dim.
    shell.run_cell_magic("model", "r --data games --show none", 'attack = Normal(0, 1, dims="team")\ny = Poisson(pm.math.exp(3 + attack[home_team] - attack[away_team]), observed=home_score)')
    assert list(shell.user_ns["r"].coords["team"]) == rugby.coords["team"].tolist()
    assert columns_of(rugby, "games")["home_team"].dims == {"team": tuple(rugby.coords["team"].tolist())}
