"""Make tests/reference/training.json: losses of a small network by PyTorch, steps of AdamW and schedules by optax.

    pip install torch optax
    python tests/reference/make_training.py
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from training_cases import AT, SCHEDULES, START, STEPS, TARGET, TRAININGS, WEIGHTS, data, layers  # noqa: E402

jax.config.update("jax_enable_x64", True)


def optimizer(name, params):
    given = TRAININGS[name]
    if name == "adamw":
        return torch.optim.AdamW(params, lr=given["learning_rate"], weight_decay=given["weight_decay"])
    return torch.optim.SGD(params, lr=given["learning_rate"], momentum=given.get("momentum", 0.0))


def losses(name, dtype):
    x, y = data()
    x, y = torch.tensor(x, dtype=dtype), torch.tensor(y)
    params = [torch.tensor(p, dtype=dtype, requires_grad=True) for layer in layers() for p in layer]
    steps = optimizer(name, params)
    found = []
    for _ in range(STEPS):
        h = x
        for i in range(0, len(params), 2):
            h = h @ params[i] + params[i + 1]
            h = torch.relu(h) if i + 2 < len(params) else h
        loss = torch.nn.functional.cross_entropy(h, y)
        found.append(loss.item())
        steps.zero_grad()
        loss.backward()
        steps.step()
    return found


def quadratic():
    """Seven steps of optax's AdamW down the quadratic, by a schedule, with gradients clipped to a norm of 5."""
    w, target, p = np.array(WEIGHTS), np.array(TARGET), jax.numpy.array(START)
    rate = optax.warmup_cosine_decay_schedule(**SCHEDULES["warmup_cosine_decay_schedule"])
    steps = optax.chain(optax.clip_by_global_norm(5.0), optax.adamw(lambda count: rate(count.astype("float64")), weight_decay=0.2))
    state, found = steps.init(p), []
    for _ in range(7):
        change, state = steps.update(2.0 * w * (p - target), state, p)
        p = optax.apply_updates(p, change)
        found.append(p.tolist())
    return found


found = {
    "versions": f"PyTorch {torch.__version__}, optax {optax.__version__}",
    "losses": {name: {"float64": losses(name, torch.float64), "float32": losses(name, torch.float32)} for name in TRAININGS},
    "quadratic": quadratic(),
    "schedules": {name: [float(getattr(optax, name)(**given)(np.float64(i))) for i in AT] for name, given in SCHEDULES.items()},
}
(HERE / "training.json").write_text(json.dumps(found, indent=1) + "\n")
