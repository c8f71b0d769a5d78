"""The tutorials' data: from a folder of real data sets, else simulated with the same structure."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def data_folder() -> Path | None:
    """Return the folder of data sets: ``WORKBENCH_DATA``, else ``shared/data`` beside a parent folder."""
    given = os.environ.get("WORKBENCH_DATA")
    if given:
        return Path(given) if Path(given).is_dir() else None
    here = Path.cwd().resolve()
    for parent in (here, *here.parents):
        if (parent / "shared" / "data").is_dir():
            return parent / "shared" / "data"
    return None


def _load(name: str) -> dict[str, Any] | None:
    folder = data_folder()
    path = folder / f"{name}.json" if folder else None
    if path is not None and path.exists():
        return dict(json.loads(path.read_text()))
    warnings.warn(
        f"the data set {name!r} is not at hand (set WORKBENCH_DATA to its folder): using simulated data instead",
        stacklevel=3,
    )
    return None


def radon() -> dict[str, np.ndarray[Any, Any]]:
    """Return radon measurements in Minnesota homes.

    Returns
    -------
    dict
        ``log_radon`` (919,) logarithm of the measurement in pCi/L; ``floor`` (919,) 0 for the
        basement, 1 for the first floor; ``county`` (919,) int, from 0; ``names`` (85,) labels of
        the counties; ``simulated`` () bool.

    References
    ----------
    Gelman and Hill, "Data analysis using regression and multilevel/hierarchical models" (2007).
    """
    d = _load("radon_mn")
    if d is None:
        return simulate_radon()
    county = np.array(d["county_idx"]) - 1
    return {
        "log_radon": np.array(d["log_radon"], float), "floor": np.array(d["floor_measure"], float), "county": county,
        "names": _county_names(int(d["J"])), "simulated": np.array(False),
    }  # fmt: skip


def simulate_radon(homes: int = 919, counties: int = 85, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Return simulated data of the structure of :func:`radon`, from its model."""
    rng = np.random.default_rng(seed)
    county = np.sort(np.concatenate([np.arange(counties), rng.choice(counties, homes - counties, p=rng.dirichlet(np.ones(counties)))]))
    floor = (rng.random(homes) < 0.17).astype(float)
    a, b = rng.normal(1.5, 0.32, counties), rng.normal(-0.65, 0.25, counties)
    log_radon = rng.normal(a[county] + b[county] * floor, 0.72)
    return {"log_radon": log_radon, "floor": floor, "county": county, "names": _county_names(counties), "simulated": np.array(True)}


def _county_names(n: int) -> np.ndarray[Any, Any]:
    return np.array([f"county {i + 1:02d}" for i in range(n)])


def eight_schools() -> dict[str, np.ndarray[Any, Any]]:
    """Return the effects of coaching in eight schools: ``y`` (8,) and standard errors ``sigma`` (8,).

    References
    ----------
    Rubin, "Estimation in parallel randomized experiments" (1981).
    """
    d = _load("eight_schools")
    if d is not None:
        return {"y": np.array(d["y"], float), "sigma": np.array(d["sigma"], float)}
    rng = np.random.default_rng(0)
    sigma = rng.uniform(9, 18, 8)
    return {"y": rng.normal(rng.normal(4.4, 3.6, 8), sigma), "sigma": sigma}
