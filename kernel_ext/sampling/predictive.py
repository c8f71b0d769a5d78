"""Predictions beside data: densities of some replicates and of what was observed, and a few numbers of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernel_ext.sampling.run_drawing import density

Array = np.ndarray[Any, Any]

REPLICATES, POINTS, VALUES = 40, 81, 4000
WHOLE = 60
"""Most whole numbers that are drawn one by one."""
NUMBERS: dict[str, Callable[..., Any]] = {"mean": np.mean, "sd": np.std, "least": np.min, "greatest": np.max}


def compared(observed: Array, predicted: Array) -> dict[str, Any] | None:
    """Return what is drawn of a variable's predictions, (draw, *shape), beside its observed values, which may be none.

    Returns
    -------
    Densities on a grid, or the share of each whole number where there are few; and for numbers such as the mean that of the data
    with the interval of 90 % of the predictions.
    """
    flat = predicted.reshape(len(predicted), -1)
    flat = flat[:, :: max(1, -(-flat.shape[1] // VALUES))].astype(np.float64)
    data = np.asarray(observed, np.float64).reshape(-1)
    data = data[np.isfinite(data)]
    kept = flat[np.isfinite(flat).all(axis=1)]
    if not kept.size:
        return None
    some = kept[:: max(1, -(-len(kept) // REPLICATES))][:REPLICATES]
    whole = predicted.dtype.kind in "iub"
    everything = np.concatenate([some.ravel(), data])
    found: dict[str, Any] = {"replicates": len(kept), "values": flat.shape[1], "numbers": _numbers(data, kept)}
    low, high = everything.min(), everything.max()
    if whole and high - low < WHOLE:
        grid = np.arange(low, high + 1)
        shares = np.stack([[(row == g).mean() for g in grid] for row in some])
        q5, q95 = np.quantile(shares, (0.05, 0.95), axis=0)
        of_data = [(data == g).mean() for g in grid] if len(data) else []
        return {**found, "whole": True, "grid": grid.tolist(), "low": q5.tolist(), "high": q95.tolist(), "data": [float(x) for x in of_data]}
    # Few predictions far out would leave nothing to see of the others.
    near = np.quantile(some, (0.005, 0.995))
    low = min(near[0], data.min()) if len(data) else near[0]
    high = max(near[1], data.max()) if len(data) else near[1]
    if not high > low:
        return None
    curves = [density(row[(row >= low) & (row <= high)], low, high, POINTS).round(6).tolist() for row in some]
    return {**found, "whole": False, "grid": [float(low), float(high), POINTS], "curves": curves,
            "data": density(data, low, high, POINTS).round(6).tolist() if len(data) > 1 else []}  # fmt: skip


def _numbers(data: Array, predicted: Array) -> list[list[Any]]:
    found: list[list[Any]] = []
    for name, of in NUMBERS.items():
        each = of(predicted, axis=1)
        low, high = (float(x) for x in np.quantile(each, (0.05, 0.95)))
        value = float(of(data)) if len(data) else None
        share = None if value is None else float((each >= value).mean())
        found.append([name, value, low, high, share])
    return found
