"""What PyTorch was asked, and what is asked here: names, arguments, options. Values follow from the names by NumPy's generator."""

import zlib

import numpy as np


def values(name, *shapes):
    """Arguments of a case."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [rng.normal(size=s) * 1.5 for s in shapes]


def weights(shape):
    """What results are multiplied by, before they are summed and differentiated."""
    return np.cos(1.0 + np.arange(int(np.prod(shape)))).reshape(shape)


LABELS = np.array([2, 0, 1, 4])
MASK = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1]], bool)
CLASS_WEIGHTS = np.array([0.5, 1.0, 2.0, 1.5, 0.25])
RUNNING = (np.array([0.3, -0.2, 0.1]), np.array([1.5, 0.7, 2.0]))

# By name: shapes of what is differentiated in.
CASES = {
    "relu": [(3, 4)], "leaky_relu": [(3, 4)], "elu": [(3, 4)], "gelu": [(3, 4)], "gelu tanh": [(3, 4)], "silu": [(3, 4)], "softplus": [(3, 4)],
    "log_sigmoid": [(3, 4)], "softmax": [(4, 5)], "log_softmax": [(4, 5)], "softmax masked": [(4, 5)],
    "layer_norm": [(4, 5), (5,), (5,)], "layer_norm two axes": [(2, 3, 4), (3, 4), (3, 4)], "rms_norm": [(4, 5), (5,)],
    "batch_norm": [(4, 3), (3,), (3,)], "batch_norm of images": [(2, 3, 4, 2), (3,), (3,)], "batch_norm predicts": [(4, 3), (3,), (3,)],
    "embedding": [(6, 3)],
    "cross_entropy": [(4, 5)], "cross_entropy weighed": [(4, 5)], "cross_entropy smoothed": [(4, 5)], "cross_entropy smoothed and weighed": [(4, 5)],
    "cross_entropy of some": [(4, 5)], "cross_entropy of probabilities": [(4, 5)], "cross_entropy sum": [(4, 5)],
    "binary": [(4, 5)], "binary weighed": [(4, 5)], "mse": [(4, 5), (4, 5)], "huber": [(4, 5), (4, 5)],
    "conv1d": [(2, 4, 9), (6, 2, 3), (6,)], "conv2d": [(2, 3, 6, 7), (4, 3, 3, 3), (4,)], "conv2d same": [(2, 4, 7, 6), (6, 2, 3, 2)],
    "conv2d depthwise": [(2, 4, 7, 9), (4, 1, 3, 3)], "conv2d of one": [(3, 5, 6), (9, 3, 2, 2)],
    "conv_transpose1d": [(2, 4, 5), (4, 3, 4)], "conv_transpose2d": [(2, 4, 4, 3), (4, 3, 3, 2), (6,)],
    "max_pool1d": [(2, 3, 9)], "max_pool2d": [(2, 3, 7, 8)], "avg_pool1d": [(2, 3, 9)], "avg_pool2d": [(2, 3, 6, 8)],
    "avg_pool2d of what is met": [(3, 7, 8)],
}  # fmt: skip
