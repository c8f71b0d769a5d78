"""Differential equations, as in PyMC, and compiled with the model.

>>> import workbench as pm
>>> with pm.Model() as model:
...     rate = pm.HalfNormal("rate")
...     y = pm.ode.ode_solve(lambda t, y: rate * y * (1.0 - y), y0=0.1, ts=[0.0, 1.0, 2.0])
...     seen = pm.Normal("seen", y, 0.1, observed=[0.1, 0.2, 0.4])

`ode_solve` gives the states at given times; `DifferentialEquation` is PyMC's form of it. The methods are explicit Runge-Kutta methods, and a
Rosenbrock method for stiff equations (`tableaus`).
"""

from workbench.names import answers
from workbench.ode.equations import DifferentialEquation
from workbench.ode.operation import SolverWarning
from workbench.ode.solving import Steps, ode_solve

__getattr__ = answers(__name__)

__all__ = ["DifferentialEquation", "SolverWarning", "Steps", "ode_solve"]
