"""k-hat of weights whose tail is known, and its words."""

import numpy as np
import pytest

from workbench.errors import SamplingError
from workbench.inference.approximations.pareto_k import ParetoK, smoothed_weights


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_k_hat_of_pareto_weights_is_their_shape(k):
    rng = np.random.default_rng(1)
    found = [smoothed_weights(-k * np.log(rng.uniform(size=20_000)))[1].value for _ in range(20)]
    # The estimate shrinks towards 0.5 by a prior worth 10 of about 420 tail draws.
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - k) < 4 * error + 0.012


def test_weights_of_a_wider_normal_give_the_moments_of_the_target():
    rng = np.random.default_rng(2)
    x = 1.5 * rng.normal(size=50_000)
    log_weights, k = smoothed_weights(-0.5 * x**2 + 0.5 * (x / 1.5) ** 2)
    weights = np.exp(log_weights)
    assert np.isclose(weights.sum(), 1.0) and k.good
    # E of w**2 is 1.5**2 / sqrt(2 * 1.5**2 - 1), which is the loss of draws.
    assert np.isclose(k.ess / len(x), np.sqrt(2 * 1.5**2 - 1) / 1.5**2, rtol=0.02)
    assert abs(weights @ x) < 0.02 and np.isclose(weights @ x**2, 1.0, atol=0.02)


def test_the_threshold_is_that_of_vehtari_and_others_for_so_many_draws():
    assert np.isclose(ParetoK(0.0, 100, 1.0).threshold, 0.5) and np.isclose(ParetoK(0.0, 1000, 1.0).threshold, 2 / 3)
    assert ParetoK(0.0, 4000, 1.0).threshold == 0.7


def test_equal_weights_are_exact_and_few_cannot_be_judged():
    log_weights, k = smoothed_weights(np.full(50, -3.0) + 1e-9 * np.arange(50))
    np.testing.assert_allclose(np.exp(log_weights), 1 / 50, rtol=1e-6)
    assert k.value == -np.inf and k.good and "exact" in k.words
    few = smoothed_weights(np.arange(10.0))[1]
    assert np.isnan(few.value) and not few.good and "too few" in few.words


@pytest.mark.parametrize(("k", "said"), [(0.3, "close to the posterior"), (0.8, "tails and intervals"), (1.4, "do not trust it")])
def test_words_say_whether_to_trust(k, said):
    assert said in ParetoK(k, 4000, 100.0).words


def test_draws_without_density_have_no_weight():
    ratios = np.random.default_rng(3).normal(size=100)
    ratios[[3, 7]] = np.nan, -np.inf
    log_weights, _ = smoothed_weights(ratios)
    assert log_weights[3] == log_weights[7] == -np.inf and np.isclose(np.exp(log_weights).sum(), 1.0)
    with pytest.raises(SamplingError, match="nothing in common"):
        smoothed_weights(np.full(30, -np.inf))
    with pytest.raises(SamplingError, match="is infinite"):
        smoothed_weights(np.array([0.0, np.inf]))
