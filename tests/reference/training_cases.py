"""A small network, its data and its first weights, for PyTorch and for workbench; settings of optimizers and schedules."""

import numpy as np

SIZES = (8, 16, 12, 4)
STEPS = 20
TRAININGS = {
    "sgd": {"learning_rate": 0.1},
    "momentum": {"learning_rate": 0.02, "momentum": 0.9},
    "adamw": {"learning_rate": 0.01, "weight_decay": 0.1},
}
"""Optimizers by their names here."""
SCHEDULES = {
    "linear_schedule": {"init_value": 0.5, "end_value": 0.1, "transition_steps": 7},
    "exponential_decay": {"init_value": 0.3, "transition_steps": 4, "decay_rate": 0.7},
    "cosine_decay_schedule": {"init_value": 0.2, "decay_steps": 9, "alpha": 0.1},
    "warmup_cosine_decay_schedule": {"init_value": 0.01, "peak_value": 0.4, "warmup_steps": 3, "decay_steps": 10, "end_value": 0.05},
}
AT = (0, 1, 2, 3, 5, 8, 10, 15)
"""Steps at which schedules are looked at."""
START, WEIGHTS, TARGET = [1.0, -2.0, 0.5], [1.0, 10.0, 0.3], [0.3, 0.7, -4.0]
"""A quadratic: the sum of weights times squared distances from the target."""


def data():
    """Inputs (32, 8) and classes (32,)."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(32, SIZES[0]))
    return x, (x @ rng.normal(size=(SIZES[0], SIZES[-1]))).argmax(1)


def layers():
    """Weights (inputs, outputs) and biases of each layer."""
    rng = np.random.default_rng(34)
    return [(rng.normal(size=(a, b)) / np.sqrt(a), 0.1 * rng.normal(size=b)) for a, b in zip(SIZES, SIZES[1:])]
