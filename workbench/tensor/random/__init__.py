"""Random numbers as graphs over keys: the same numbers on every backend.

A key is a 64-bit word (`key`); `split` and `fold_in` make keys of a key, and each sampler takes one.
"""

from workbench.names import answers
from workbench.tensor.random.continuous import (
    beta,
    cauchy,
    chi_square,
    dirichlet,
    gamma,
    gumbel,
    laplace,
    log_gamma,
    logistic,
    polya_gamma,
    student_t,
    truncated_normal,
    von_mises,
    wald,
)  # fmt: skip
from workbench.tensor.random.discrete import (
    bernoulli,
    binomial,
    categorical,
    geometric,
    hypergeometric,
    negative_binomial,
    permutation,
    poisson,
    randint,
)  # fmt: skip
from workbench.tensor.random.random_bits import (
    bits,
    erfinv,
    exponential,
    fold_in,
    key,
    normal,
    split,
    threefry,
    uniform,
    word_to_unit,
)  # fmt: skip

__all__ = [
    "bernoulli", "beta", "binomial", "bits", "categorical", "cauchy", "chi_square", "dirichlet", "erfinv", "exponential",
    "fold_in", "gamma", "geometric", "gumbel", "hypergeometric", "key", "laplace", "log_gamma", "logistic", "negative_binomial", "normal",
    "permutation", "poisson", "polya_gamma", "randint", "split", "student_t", "threefry", "truncated_normal", "uniform",
    "von_mises", "wald", "word_to_unit",
]  # fmt: skip


__getattr__ = answers(__name__)
