"""Equations in PyMC's form, for PyMC and for workbench; and the data of the hares and lynxes."""

import csv
from pathlib import Path

import numpy as np

YEARS = np.arange(21.0).tolist()
START = [0.5, 0.8, 0.03, 0.03, 30.0, 5.0, 0.3, 0.3]
"""Rates of birth and death, what is eaten and what is gained, first numbers, scales."""


def pelts():
    """Thousands of hares and lynxes, (21, 2)."""
    with open(Path(__file__).parents[2] / "workbench" / "datasets" / "data" / "lynx_hare.csv", encoding="utf-8") as file:
        return np.array([[float(row["hare"]), float(row["lynx"])] for row in csv.DictReader(file)])


def growth(pt, y, t, p):
    return p[0] * y[0] * (1 - y[0])


def freefall(pt, y, t, p):
    return 2.0 * p[1] - p[0] * y[0]


def infection(pt, y, t, p):
    return [-p[0] * y[0] * y[1], p[0] * y[0] * y[1] - p[1] * y[1]]


def predation(pt, y, t, p):
    return [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]]


def pushed_pendulum(pt, y, t, p):
    return [y[1], -p[0] * pt.sin(y[0]) - p[1] * y[1] + p[2] * pt.cos(2.0 * t)]


def two_compartments(pt, y, t, p):
    """A dose that is taken up, spreads and is cleared."""
    return [-p[0] * y[0], p[0] * y[0] - (p[1] + p[2]) * y[1] + p[3] * y[2], p[2] * y[1] - p[3] * y[2]]


EQUATIONS = {
    "growth": (growth, np.arange(0.5, 5, 0.5), [0.1], [1.3], 0.0),
    "freefall": (freefall, np.arange(0, 10, 0.5)[1:], [0.5], [0.4, 9.8], 0.0),
    "infection": (infection, np.arange(0.25, 5, 0.25), [0.99, 0.01], [4.0, 1.0], 0.0),
    "predation": (predation, np.arange(1.0, 21.0), [33.0, 6.0], [0.55, 0.028, 0.8, 0.024], 0.0),
    "pushed pendulum": (pushed_pendulum, np.linspace(1.5, 9.0, 6), [1.0, -0.5], [1.2, 0.1, 0.4], 1.0),
    "two compartments": (two_compartments, np.array([0.25, 0.5, 1.0, 2.0, 5.0, 12.0]), [5.0, 0.0, 0.0], [1.5, 0.3, 0.6, 0.4], 0.0),
}
"""The function, the times, y0, theta, t0."""
