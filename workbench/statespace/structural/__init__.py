"""Structural models: components, each a block of states, added with ``+`` and built into a state space.

Names, parameters and matrices are those of pymc-extras' ``statespace.structural``.
"""

from workbench.statespace.structural.component import Component, StructuralTimeSeries
from workbench.statespace.structural.cycle import Cycle
from workbench.statespace.structural.level_trend import LevelTrend
from workbench.statespace.structural.others import Autoregressive, MeasurementError, Regression
from workbench.statespace.structural.seasonality import FrequencySeasonality, TimeSeasonality

LevelTrendComponent, CycleComponent, AutoregressiveComponent, RegressionComponent = LevelTrend, Cycle, Autoregressive, Regression
"""Their older names."""

__all__ = [
    "Autoregressive", "AutoregressiveComponent", "Component", "Cycle", "CycleComponent", "FrequencySeasonality", "LevelTrend", "LevelTrendComponent",
    "MeasurementError", "Regression", "RegressionComponent", "StructuralTimeSeries", "TimeSeasonality",
]  # fmt: skip
