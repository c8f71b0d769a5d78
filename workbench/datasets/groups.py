"""Data sets of people, homes, teams and birds: rows that belong to groups."""

from __future__ import annotations

import numpy as np

from workbench.datasets.dataset import Dataset
from workbench.datasets.reading import column, number, read, table


def radon() -> Dataset:
    """Return radon measurements in Minnesota homes.

    Returns
    -------
    Dataset
        ``county`` (919,) int, from 0, with labels in ``coords["county"]`` (85,); ``floor`` (919,) 0 for the basement, 1 for the first
        floor; ``log_radon`` (919,) logarithm of the measurement in pCi/L, plus 0.1; ``log_uranium`` (919,) logarithm of the uranium in the
        county's soil, in parts per million; ``names`` (85,) the counties' labels once more.

    Notes
    -----
    State Residential Radon Survey of the US Environmental Protection Agency, in the public domain, as in Gelman and Hill, "Data Analysis
    Using Regression and Multilevel/Hierarchical Models" (2007), chapter 12. The homes are in posteriordb's order; posteriordb's
    ``log_uppm`` has 0.1 added to the uranium.

    Examples
    --------
    >>> data = radon()
    >>> data["log_radon"].shape, data.coords["county"][:2].tolist(), round(float(data["log_radon"].mean()), 3)
    ((919,), ['Aitkin', 'Anoka'], 1.265)
    """
    data = read("radon")
    data["floor"] = data["floor"].astype(float)
    data["log_uranium"] = np.log(data.pop("uranium"))
    data["names"] = data.coords["county"]
    return data


def eight_schools() -> Dataset:
    """Return the effects of coaching in eight schools.

    Returns
    -------
    Dataset
        ``school`` (8,) int, with labels; ``y`` (8,) the effect in points; ``sigma`` (8,) its standard error.

    Notes
    -----
    Published facts: Rubin, "Estimation in parallel randomized experiments", Journal of Educational Statistics 6 (1981); as in posteriordb (BSD-3-Clause).

    Examples
    --------
    >>> eight_schools()["y"]
    array([28.,  8., -3.,  7., -1.,  1., 18., 12.])
    """
    data = read("eight_schools")
    data.update(y=data["y"].astype(float), sigma=data["sigma"].astype(float))
    return data


def kidiq() -> Dataset:
    """Return children's test scores and what is known of their mothers.

    Returns
    -------
    Dataset
        ``kid_score`` (434,) the score; ``mom_hs`` (434,) 1 where the mother finished high school; ``mom_iq`` (434,) her IQ.

    Notes
    -----
    National Longitudinal Survey of Youth, a public survey, as in Gelman and Hill (2007), chapter 3, and posteriordb (BSD-3-Clause).

    Examples
    --------
    >>> kidiq()["kid_score"][:3]
    array([65, 98, 85])
    """
    return read("kidiq")


def wells() -> Dataset:
    """Return which households changed to a safe well, in Araihazar, Bangladesh.

    Returns
    -------
    Dataset
        ``switched`` (3020,) 0 or 1; ``arsenic`` (3020,) in the household's well, in 100 micrograms per litre; ``dist`` (3020,) to the next safe well,
        in metres; ``assoc`` (3020,) 1 where a member is in a community organisation; ``educ`` (3020,) years of schooling of the head.

    Notes
    -----
    Gelman and Hill (2007), chapter 5; as in PyMC3 (Apache-2.0) and posteriordb (BSD-3-Clause).

    Examples
    --------
    >>> round(float(wells()["switched"].mean()), 3)
    0.575
    """
    return read("wells")


def rugby() -> Dataset:
    """Return the scores of the Six Nations rugby championships of 2014 to 2017.

    Returns
    -------
    Dataset
        ``year`` (60,); ``home_team`` and ``away_team`` (60,) int, both with the labels of ``coords["team"]`` (6,); ``home_score`` and ``away_score`` (60,).

    Notes
    -----
    Facts of public record, as in PyMC3 (Apache-2.0). A model: Baio and Blangiardo, "Bayesian hierarchical model for the prediction of
    football results", Journal of Applied Statistics 37 (2010).

    Examples
    --------
    >>> rugby().coords["team"].tolist()
    ['England', 'France', 'Ireland', 'Italy', 'Scotland', 'Wales']
    """
    return read("rugby", {"home_team": "team", "away_team": "team"})


def baseball() -> Dataset:
    """Return the hits of 18 baseball players early in the season of 1970, and in all of it.

    Returns
    -------
    Dataset
        ``player`` (18,) int, with labels; ``at_bats`` (18,) 45 for each; ``hits`` (18,); ``season_at_bats`` and ``season_hits`` (18,) of the whole season.

    Notes
    -----
    Facts of public record: Efron and Morris, "Data analysis using Stein's estimator and its generalizations", JASA 70 (1975); as in PyMC3 (Apache-2.0).

    Examples
    --------
    >>> data = baseball()
    >>> data.labels("player")[0], data["hits"][0]
    (np.str_('Roberto Clemente'), np.int64(18))
    """
    return read("baseball", sort=False)


def penguins(complete: bool = True) -> Dataset:
    """Return sizes of penguins on the islands of the Palmer Archipelago.

    Parameters
    ----------
    complete
        Whether to leave out eleven birds of which something is not known. Else sizes may be NaN and a sex is ``"unknown"``.

    Returns
    -------
    Dataset
        ``species``, ``island``, ``sex`` (n,) int, each with labels; ``bill_length_mm``, ``bill_depth_mm``, ``flipper_length_mm``,
        ``body_mass_g`` (n,); ``year`` (n,), with n = 333, or 344.

    Notes
    -----
    Gorman, Williams and Fraser, "Ecological sexual dimorphism and environmental variability within a community of Antarctic penguins",
    PLoS ONE 9(3) (2014); CC0-1.0, as in palmerpenguins.

    Examples
    --------
    >>> data = penguins()
    >>> data.rows, data.coords["species"].tolist(), penguins(complete=False).rows
    (333, ['Adelie', 'Chinstrap', 'Gentoo'], 344)
    """
    columns = {k: column(v) for k, v in table("penguins").items()}
    if complete:
        known = (columns["sex"] != "") & ~np.isnan(columns["body_mass_g"])
        columns = {k: x[known] for k, x in columns.items()}
    else:
        columns["sex"] = np.where(columns["sex"] == "", "unknown", columns["sex"])
    return number("penguins", columns)


def anaesthetists() -> Dataset:
    """Return judgements of patients' fitness for surgery by anaesthetists who do not always agree: the raters of Dawid and Skene.

    Returns
    -------
    Dataset
        ``patient`` (315,) int from 0, of 45; ``rater`` (315,) int from 0, of 5, the first of whom judged thrice; ``rating`` (315,) int from 0,
        of 4 classes. ``coords`` has the numbers that the paper gives them, from 1.

    Notes
    -----
    Published facts: Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied Statistics 28
    (1979), table 1.

    Examples
    --------
    >>> data = anaesthetists()
    >>> data["rating"][data["patient"] == 1] + 1
    array([3, 3, 3, 4, 3, 3, 4])
    """
    data = read("anaesthetists")
    for name in data:
        data.coords[name] = np.unique(data[name])
        data.dims[name] = name
        data[name] = data[name] - 1
    return data
