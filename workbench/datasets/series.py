"""Data sets along time: counts, flows, populations."""

from __future__ import annotations

import datetime

import numpy as np

from workbench.datasets.dataset import Dataset
from workbench.datasets.reading import read, sources, table
from workbench.errors import ArgumentError

# The years that PyMC's introduction takes as not known, to show how what is missing is drawn; Jarrett has them: 2 and 1.
MISSING = (1890, 1934)


def coal_disasters(complete: bool = False) -> Dataset:
    """Return yearly numbers of disasters in British coal mines.

    Parameters
    ----------
    complete
        Whether 1890 and 1934 have their numbers. Else they are NaN, as in PyMC's introduction, which draws what is missing.

    Returns
    -------
    Dataset
        ``year`` (111,) from 1851 to 1961; ``disasters`` (111,), float.

    Notes
    -----
    Facts of public record: Jarrett, "A note on the intervals between coal-mining disasters", Biometrika 66 (1979); as in PyMC3 (Apache-2.0).

    Examples
    --------
    >>> data = coal_disasters()
    >>> data["year"][np.isnan(data["disasters"])], coal_disasters(complete=True)["disasters"].sum()
    (array([1890, 1934]), np.float64(191.0))
    """
    data = read("coal_disasters")
    data["disasters"] = data["disasters"].astype(float)
    if not complete:
        data["disasters"][np.isin(data["year"], MISSING)] = np.nan
    return data


def co2(every: str = "month") -> Dataset:
    """Return the carbon dioxide in the air at Mauna Loa, Hawaii.

    Parameters
    ----------
    every
        ``"week"``: averages of weeks. ``"month"``: the mean of the weeks that end in each month.

    Returns
    -------
    Dataset
        ``year`` (n,), ``month`` (n,), ``day`` (n,) of the week's end (weeks alone); ``time`` (n,) in years; ``co2`` (n,) in parts per million,
        NaN where nothing was measured. There are 2284 weeks from March 1958 to December 2001, or 526 months, of which 5 are NaN.

    Raises
    ------
    ArgumentError
        If ``every`` is neither.

    Notes
    -----
    Keeling and Whorf, "Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO network", Oak Ridge National Laboratory (2004);
    public domain, as in statsmodels.

    Examples
    --------
    >>> data = co2()
    >>> data["year"][0], data["month"][0], data["co2"][0], round(float(data["time"][1]), 3)
    (np.int64(1958), np.int64(3), np.float64(316.1), 1958.292)
    """
    if every not in ("week", "month"):
        raise ArgumentError(f"every={every!r}", "every='week' or every='month'")
    columns = table("co2")
    days = [datetime.date.fromisoformat(d) for d in columns["date"]]
    year, month, day = (np.array([getattr(d, part) for d in days]) for part in ("year", "month", "day"))
    values = np.array([float(v) if v else np.nan for v in columns["co2"]])
    if every == "week":
        lengths = np.array([366 if y % 4 == 0 else 365 for y in year])  # 2000 is one, 1900 is not among them
        time = year + np.array([d.timetuple().tm_yday - 0.5 for d in days]) / lengths
        return Dataset("co2", {"year": year, "month": month, "day": day, "time": time, "co2": values}, about=sources()["co2"])
    at = (year - year[0]) * 12 + month - month[0]
    there = ~np.isnan(values)
    sums, counts = (np.bincount(at[there], w, at[-1] + 1) for w in (values[there], None))
    with np.errstate(invalid="ignore"):
        means = sums / counts
    months = np.arange(len(means)) + month[0] - 1
    year, month = year[0] + months // 12, months % 12 + 1
    return Dataset("co2", {"year": year, "month": month, "time": year + (month - 0.5) / 12, "co2": means}, about=sources()["co2"])


def lynx_hare() -> Dataset:
    """Return yearly numbers of pelts of hares and of lynxes, who eat them.

    Returns
    -------
    Dataset
        ``year`` (21,) from 1900 to 1920; ``hare`` and ``lynx`` (21,) in thousands.

    Notes
    -----
    Facts of public record, of the Hudson's Bay Company: Hewitt, "The Conservation of the Wild Life of Canada" (1921); as in Stan's example models
    (BSD-3-Clause).

    Examples
    --------
    >>> data = lynx_hare()
    >>> data["hare"][:3], data["lynx"][:3]
    (array([30. , 47.2, 70.2]), array([4. , 6.1, 9.8]))
    """
    return read("lynx_hare")


def airline() -> Dataset:
    """Return monthly numbers of passengers of international airlines.

    Returns
    -------
    Dataset
        ``year`` (144,) from 1949 to 1960; ``month`` (144,) from 1; ``time`` (144,) in years; ``passengers`` (144,) in thousands.

    Notes
    -----
    Facts of public record: Box and Jenkins, "Time Series Analysis: Forecasting and Control" (1976), series G; as in pmdarima (MIT).

    Examples
    --------
    >>> airline()["passengers"][-3:]
    array([461, 390, 432])
    """
    data = read("airline")
    passengers = data.pop("passengers")
    data["time"] = data["year"] + (data["month"] - 0.5) / 12
    data["passengers"] = passengers
    return data


def nile() -> Dataset:
    """Return the yearly flow of the Nile at Aswan.

    Returns
    -------
    Dataset
        ``year`` (100,) from 1871 to 1970; ``volume`` (100,) in 1e8 cubic metres.

    Notes
    -----
    Cobb, "The problem of the Nile: conditional solution to a changepoint problem", Biometrika 65 (1978); public domain, as in statsmodels.

    Examples
    --------
    >>> nile()["volume"][:3], nile()["volume"].mean()
    (array([1120, 1160,  963]), np.float64(919.35))
    """
    return read("nile")


def sunspots() -> Dataset:
    """Return yearly numbers of sunspots.

    Returns
    -------
    Dataset
        ``year`` (309,) from 1700 to 2008; ``sunspots`` (309,).

    Notes
    -----
    National Geophysical Data Center, public domain; as in statsmodels.

    Examples
    --------
    >>> sunspots()["sunspots"][-3:]
    array([15.2,  7.5,  2.9])
    """
    return read("sunspots")
