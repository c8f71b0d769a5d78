"""Make tests/reference/attention.npz: what PyTorch says of scaled_dot_product_attention, its gradients and a long one.

    pip install torch
    python tests/reference/make_attention.py

Each case has the operands, the result, and the gradients of the sum of the result times weights. In double precision, but
the last, which is single.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention as attention

WHERE = Path(__file__).with_name("attention.npz")
# Name: batch, heads, queries, keys, width, width of values, of the mask, of the bias, causal, scale.
CASES = {
    "plain": (2, 3, 7, 9, 5, 5, None, None, False, None),
    "other_widths": (1, 2, 11, 6, 3, 8, None, None, False, 0.7),
    "causal": (1, 2, 9, 9, 4, 4, None, None, True, None),
    "causal_long": (1, 1, 5, 12, 4, 4, None, None, True, None),
    "padding": (2, 2, 6, 8, 4, 3, (2, 1, 1, 8), None, False, None),
    "mask": (2, 2, 6, 8, 4, 3, (6, 8), None, False, 1.3),
    "bias": (2, 2, 6, 8, 4, 4, None, (1, 2, 6, 8), False, None),
    "one_query": (2, 2, 1, 70, 4, 4, None, None, False, None),
    "many_blocks": (1, 1, 150, 140, 6, 5, None, None, False, None),
    "single": (1, 2, 40, 90, 16, 16, None, None, False, None),
}


def main():
    rng = np.random.default_rng(17)
    kept = {}
    for name, (b, h, n, m, d, v, mask, bias, causal, scale) in CASES.items():
        dtype = np.float32 if name == "single" else np.float64
        q, k, x, w = (rng.normal(size=s).astype(dtype) for s in ((b, h, n, d), (b, h, m, d), (b, h, m, v), (b, h, n, v)))
        given = {"q": q, "k": k, "v": x}
        if mask is not None:
            given["mask"] = rng.random(mask) < 0.6
            given["mask"][..., 0] = True
        if bias is not None:
            given["bias"] = rng.normal(size=bias)
        tensors = {key: torch.tensor(value, requires_grad=value.dtype != bool) for key, value in given.items()}
        extra = tensors.get("mask", tensors.get("bias"))
        out = attention(tensors["q"], tensors["k"], tensors["v"], attn_mask=extra, is_causal=causal, scale=scale)
        (out * torch.tensor(w)).sum().backward()
        kept.update({f"{name}.{key}": value for key, value in given.items()})
        kept[f"{name}.weights"], kept[f"{name}.out"] = w, out.detach().numpy()
        kept.update({f"{name}.grad_{key}": x.grad.numpy() for key, x in tensors.items() if x.requires_grad})
        kept[f"{name}.options"] = np.array([causal, np.nan if scale is None else scale])
    np.savez_compressed(WHERE, **kept)


if __name__ == "__main__":
    main()
