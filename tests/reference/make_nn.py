"""Make tests/reference/nn.npz: values and gradients of PyTorch's functions in double precision.

    pip install torch
    python tests/reference/make_nn.py
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from nn_cases import CASES, CLASS_WEIGHTS, LABELS, MASK, RUNNING, values, weights  # noqa: E402

labels, mask, by_class = torch.tensor(LABELS), torch.tensor(MASK), torch.tensor(CLASS_WEIGHTS)
soft = torch.softmax(torch.tensor(values("probabilities", (4, 5))[0]), -1)
some = labels.masked_fill(torch.tensor([False, True, False, False]), -100)


def batch_norm(training, x, w, b):
    mean, var = (torch.tensor(r) for r in RUNNING)
    y = F.batch_norm(x, mean, var, w, b, training, 0.1, 1e-5)
    return (y, mean, var) if training else y


THEIRS = {
    "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu, "gelu": F.gelu, "gelu tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
    "softplus": F.softplus, "log_sigmoid": F.logsigmoid, "softmax": lambda x: F.softmax(x, -1), "log_softmax": lambda x: F.log_softmax(x, -1),
    "softmax masked": lambda x: F.softmax(x.masked_fill(~mask, -torch.inf), -1),
    "layer_norm": lambda x, w, b: F.layer_norm(x, (5,), w, b), "layer_norm two axes": lambda x, w, b: F.layer_norm(x, (3, 4), w, b),
    "rms_norm": lambda x, w: F.rms_norm(x, (5,), w),
    "batch_norm": lambda x, w, b: batch_norm(True, x, w, b), "batch_norm of images": lambda x, w, b: batch_norm(True, x, w, b),
    "batch_norm predicts": lambda x, w, b: batch_norm(False, x, w, b),
    "embedding": lambda t: F.embedding(torch.tensor([[1, 5], [0, 1]]), t),
    "cross_entropy": lambda x: F.cross_entropy(x, labels), "cross_entropy weighed": lambda x: F.cross_entropy(x, labels, by_class),
    "cross_entropy smoothed": lambda x: F.cross_entropy(x, labels, label_smoothing=0.1),
    "cross_entropy smoothed and weighed": lambda x: F.cross_entropy(x, labels, by_class, label_smoothing=0.1),
    "cross_entropy of some": lambda x: F.cross_entropy(x, some, by_class),
    "cross_entropy of probabilities": lambda x: F.cross_entropy(x, soft, by_class, label_smoothing=0.2),
    "cross_entropy sum": lambda x: F.cross_entropy(x, labels, reduction="sum"),
    "binary": lambda x: F.binary_cross_entropy_with_logits(x, mask.double()),
    "binary weighed": lambda x: F.binary_cross_entropy_with_logits(x, mask.double(), pos_weight=by_class),
    "conv1d": lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2, groups=2), "conv2d": lambda x, w, b: F.conv2d(x, w, b, padding=1),
    "conv2d same": lambda x, w: F.conv2d(x, w, padding="same", dilation=2, groups=2),
    "conv2d depthwise": lambda x, w: F.conv2d(x, w, stride=(2, 3), padding=(1, 0), groups=4), "conv2d of one": F.conv2d,
    "conv_transpose1d": lambda x, w: F.conv_transpose1d(x, w, stride=3, padding=1, output_padding=1, groups=2),
    "conv_transpose2d": lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), 1, (1, 0), 2, 2),
    "max_pool1d": lambda x: F.max_pool1d(x, 3, 2), "max_pool2d": lambda x: F.max_pool2d(x, (3, 2), (2, 1), 1, (1, 2)),
    "avg_pool1d": lambda x: F.avg_pool1d(x, 4), "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "avg_pool2d of what is met": lambda x: F.avg_pool2d(x, 2, 1, 1, count_include_pad=False),
    "mse": F.mse_loss, "huber": lambda x, y: F.huber_loss(x, y, delta=0.7),
}  # fmt: skip


def made(name, shapes):
    arguments = [torch.tensor(v, requires_grad=True) for v in values(name, *shapes)]
    results = THEIRS[name](*arguments)
    results = results if isinstance(results, tuple) else (results,)
    (results[0] * torch.tensor(weights(tuple(results[0].shape)))).sum().backward()
    found = {f"{name}/{i}": r.detach().numpy() for i, r in enumerate(results)}
    return found | {f"{name}/grad {i}": a.grad.numpy() for i, a in enumerate(arguments)}


if __name__ == "__main__":
    found = {"versions": np.array(f"PyTorch {torch.__version__}")}
    for name, shapes in CASES.items():
        found |= made(name, shapes)
    np.savez_compressed(HERE / "nn.npz", **found)
    print(len(found), (HERE / "nn.npz").stat().st_size)
