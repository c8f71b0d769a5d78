"""Counter-based random numbers: Threefry2x32-20, the same bits on every backend.

A key is a 64-bit word. One elementwise operation, ``threefry(key, counter)``, gives the 64-bit word
at a counter; splitting a key, folding in a number and drawing bits are all that operation, as in
JAX (``jax_threefry_partitionable``). Source: Salmon et al., "Parallel random numbers: as easy as
1, 2, 3" (2011); JAX's key and counter layout.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.domain import Words
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.elementwise import ScalarOp, elementwise
from workbench.tensor.tensor import Tensor, as_tensor, constant

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def _rounds(x0: Any, x1: Any, k0: Any, k1: Any, word: Any) -> tuple[Any, Any]:
    """Twenty rounds on 32-bit words of any array library; `word` makes a 32-bit constant."""
    keys = (k0, k1, k0 ^ k1 ^ word(0x1BD11BDA))
    x0, x1 = x0 + k0, x1 + k1
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << word(r)) | (x1 >> word(32 - r))) ^ x0
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + word(group + 1)
    return x0, x1


def _split_word(x: Any, uint32: Any, uint64: Any) -> tuple[Any, Any]:
    return (x >> uint64(32)).astype(uint32), x.astype(uint32)


def _numpy_threefry(key: Any, counter: Any) -> Any:
    key, counter = np.asarray(key, np.uint64), np.asarray(counter, np.uint64)
    k0, k1 = _split_word(key, np.uint32, np.uint64)
    c0, c1 = _split_word(counter, np.uint32, np.uint64)
    with np.errstate(over="ignore"):
        x0, x1 = _rounds(c0, c1, k0, k1, np.uint32)
    return (x0.astype(np.uint64) << np.uint64(32)) | x1.astype(np.uint64)


def _jax_threefry(key: Any, counter: Any) -> Any:
    import jax
    import jax.numpy as jnp

    def whole(x0: Any, x1: Any, k0: Any, k1: Any) -> Any:
        return _rounds(x0, x1, k0, k1, jnp.uint32)

    def looped(x0: Any, x1: Any, k0: Any, k1: Any) -> Any:
        """XLA copies straight code into all that reads it: on a CPU a sampler took three times as long to compile."""
        keys = jnp.stack([k0, k1, k0 ^ k1 ^ jnp.uint32(0x1BD11BDA)])
        turns = jnp.asarray(ROTATIONS, jnp.uint32)

        def group(i: Any, words: Any) -> Any:
            x0, x1 = words
            for r in turns[i % 2]:
                x0 = x0 + x1
                x1 = ((x1 << r) | (x1 >> (jnp.uint32(32) - r))) ^ x0
            return x0 + keys[(i + 1) % 3], x1 + keys[(i + 2) % 3] + (i + 1).astype(jnp.uint32)

        return jax.lax.fori_loop(0, 5, group, (x0 + k0, x1 + k1))

    k0, k1 = _split_word(key, jnp.uint32, jnp.uint64)
    c0, c1 = _split_word(counter, jnp.uint32, jnp.uint64)
    x0, x1 = jax.lax.platform_dependent(*jnp.broadcast_arrays(c0, c1, k0, k1), cpu=looped, default=whole)
    return (x0.astype(jnp.uint64) << jnp.uint64(32)) | x1.astype(jnp.uint64)


def _c_threefry() -> str:
    lines = [
        "static WB_INLINE uint64_t wb_threefry(uint64_t key, uint64_t counter) {",
        "    const uint32_t k0 = (uint32_t)(key >> 32), k1 = (uint32_t)key, k2 = k0 ^ k1 ^ 0x1BD11BDAu;",
        "    uint32_t x0 = (uint32_t)(counter >> 32) + k0, x1 = (uint32_t)counter + k1;",
    ]
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            lines.append(f"    x0 += x1; x1 = ((x1 << {r}) | (x1 >> {32 - r})) ^ x0;")
        a, b = (group + 1) % 3, (group + 2) % 3
        lines.append(f"    x0 += k{a}; x1 += k{b} + {group + 1}u;")
    lines += ["    return ((uint64_t)x0 << 32) | x1;", "}"]
    called = "static __attribute__((noinline)) uint64_t wb_threefry_called(uint64_t key, uint64_t counter) { return wb_threefry(key, counter); }"
    return "\n".join([*lines, called])


def _py_threefry() -> str:
    # 64-bit arithmetic, masked: Numba promotes uint32 + uint32 to 64 bits.
    mask = "np.uint64(0xFFFFFFFF)"
    lines = [
        "def wb_threefry(key, counter):",
        f"    k0 = key >> np.uint64(32); k1 = key & {mask}; k2 = k0 ^ k1 ^ np.uint64(0x1BD11BDA)",
        f"    x0 = ((counter >> np.uint64(32)) + k0) & {mask}; x1 = ((counter & {mask}) + k1) & {mask}",
    ]
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            lines.append(
                f"    x0 = (x0 + x1) & {mask}; "
                f"x1 = (((x1 << np.uint64({r})) | (x1 >> np.uint64({32 - r}))) & {mask}) ^ x0"
            )
        a, b = (group + 1) % 3, (group + 2) % 3
        lines.append(f"    x0 = (x0 + k{a}) & {mask}; x1 = (x1 + k{b} + np.uint64({group + 1})) & {mask}")
    return "\n".join([*lines, "    return (x0 << np.uint64(32)) | x1"])


threefry: ScalarOp = elementwise(
    "threefry", _numpy_threefry, c="wb_threefry({x}, {y})", c_once="wb_threefry_called({x}, {y})", jax=_jax_threefry, result="integer",
    domain=(Words(), Words()), support={"c": _c_threefry(), "py": _py_threefry()}, cost=80,
    doc="The 64-bit word at a counter, under a key.",
)  # fmt: skip


def _jax_bits_to_unit(x: Any) -> Any:
    import jax
    import jax.numpy as jnp

    ones = (x >> jnp.uint64(12)) | jnp.uint64(0x3FF0000000000000)
    return jax.lax.bitcast_convert_type(ones, jnp.float64) - 1.0


# The 52 high bits as a number in [0, 1): exact, so a product does what JAX's bit cast does.
word_to_unit: ScalarOp = elementwise(
    "word_to_unit", lambda x: (np.asarray(x, np.uint64) >> np.uint64(12)) * 2.0**-52,
    c="((double)(int64_t)({x} >> 12) * 0x1p-52)", py="(np.float64(np.int64({x} >> np.uint64(12))) * 2.220446049250313e-16)",
    jax=_jax_bits_to_unit, result="float64", domain=Words(), doc="A 64-bit word as a number in [0, 1).",
)  # fmt: skip


def key(seed: int) -> Tensor:
    """Return the key of a seed, an integer; of one beyond 64 bits, the lowest count.

    Examples
    --------
    >>> hex(int(bits(key(42), (3,)).eval()[0]))
    '0x6d3e048f1022172d'
    """
    if not isinstance(seed, (int, np.integer)):
        raise DTypeError(f"the seed of a key is an integer, not {seed!r}")
    return constant(np.uint64(int(seed) & 0xFFFFFFFFFFFFFFFF))


def fold_in(key: Tensor, number: Any) -> Tensor:
    """Return the key that `number` (one, or an array of them) makes of `key`.

    Examples
    --------
    >>> pt.random.fold_in(pt.random.key(1), 7) is pt.random.fold_in(pt.random.key(1), 7)
    True
    """
    return threefry(key, _e.cast(as_tensor(number), "uint64"))


def split(key: Tensor, n: int = 2) -> Tensor:
    """Return `n` keys, a vector.

    Examples
    --------
    >>> len(pt.random.split(pt.random.key(1), 3))
    3
    """
    return threefry(key, _s.arange(n, dtype="uint64"))


def bits(key: Tensor, shape: tuple[int, ...] = ()) -> Tensor:
    """Return random 64-bit words.

    Raises
    ------
    DTypeError
        If `key` is no key.

    Examples
    --------
    >>> pt.random.bits(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    key = as_tensor(key)
    if key.dtype != "uint64":
        raise DTypeError(f"the first argument of a sampler is a key, not {key.type}", "pt.random.key(seed) makes one, split and fold_in more of it")
    shape = _s.lengths(shape, "the shape of what is drawn")
    if any(isinstance(n, int) and n < 0 for n in shape):
        raise ShapeError(f"the shape of what is drawn has a negative length: {shape}")
    n = math.prod(shape)
    return _s.reshape(threefry(key, _s.arange(n, dtype="uint64")), shape)


def uniform(key: Tensor, shape: tuple[int, ...] = (), low: Any = 0.0, high: Any = 1.0) -> Tensor:
    """Return uniform numbers in [`low`, `high`).

    Examples
    --------
    >>> pt.random.uniform(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    unit = word_to_unit(bits(key, shape))
    return unit * (as_tensor(high) - low) + low


def erfinv(x: Any) -> Tensor:
    """Return the inverse error function, relative error about 1e-15.

    A graph of additions and multiplications, so that every backend computes the same. Source: Giles,
    "Approximating the erfinv function" (2010), double precision.

    Examples
    --------
    >>> pt.random.erfinv(0.5).eval().round(4).tolist()
    0.4769
    """
    x = as_tensor(x)
    w = -_e.log((1.0 - x) * (1.0 + x))
    root = _e.sqrt(w)
    near = horner(w - 3.125, _NEAR)
    middle = horner(root - 3.25, _MIDDLE)
    far = horner(root - 5.0, _FAR)
    return x * _e.where(w < 6.25, near, _e.where(w < 16.0, middle, far))


def horner(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """Return a polynomial at `x`; coefficients from the highest power down."""
    total = as_tensor(coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


_NEAR = (
    -3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18,
    1.115787767802518096e-17, -1.333171662854620906e-16, 2.0972767875968561637e-17,
    6.6376381343583238325e-15, -4.0545662729752068639e-14, -8.1519341976054721522e-14,
    2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11,
    1.051212273321532285e-09, -4.1126339803469836976e-09, -2.9070369957882005086e-08,
    4.2347877827932403518e-07, -1.3654692000834678645e-06, -1.3882523362786468719e-05,
    0.0001867342080340571352, -0.00074070253416626697512, -0.0060336708714301490533,
    0.24015818242558961693, 1.6536545626831027356,
)  # fmt: skip
_MIDDLE = (
    2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07,
    1.8239629214389227755e-08, 1.5027403968909827627e-06, -4.013867526981545969e-06,
    2.9234449089955446044e-06, 1.2475304481671778723e-05, -4.7318229009055733981e-05,
    6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
    0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066,
    -0.0037512085075692412107, 0.005370914553590063617, 1.0052589676941592334,
    3.0838856104922207635,
)  # fmt: skip
_FAR = (
    -2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09,
    -3.7894654401267369937e-09, 7.6157012080783393804e-09, -1.4960026627149240478e-08,
    2.9147953450901080826e-08, -6.7711997758452339498e-08, 2.2900482228026654717e-07,
    -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
    7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026,
    1.0103004648645343977, 4.8499064014085844221,
)  # fmt: skip


def normal(key: Tensor, shape: tuple[int, ...] = (), mean: Any = 0.0, sd: Any = 1.0) -> Tensor:
    """Return normal numbers, by inversion of a uniform on (-1, 1).

    Examples
    --------
    >>> pt.random.normal(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    # The middle of each of 2**52 cells: never -1 or 1, where the inverse is infinite.
    u = word_to_unit(bits(key, shape)) * 2.0 + (2.0**-52 - 1.0)
    return erfinv(u) * (math.sqrt(2.0) * as_tensor(sd)) + mean


def exponential(key: Tensor, shape: tuple[int, ...] = (), scale: Any = 1.0) -> Tensor:
    """Return exponential numbers, by inversion.

    Examples
    --------
    >>> pt.random.exponential(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    return -_e.log1p(-word_to_unit(bits(key, shape))) * scale
