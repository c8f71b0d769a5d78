"""What docs/adding-a-distribution.md and docs/widgets.md say can be done, done: their code runs as it stands there.

The other pages are followed beside what they are about: tests/graph, tests/samplers, tests/variational and tests/compile have a test of each.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import POSITIVE, Distribution

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.S | re.M)


@pytest.fixture(scope="module")
def rayleigh():
    from workbench.distributions import formulas

    names = {"Distribution": Distribution, "POSITIVE": POSITIVE, "positive": positive, "pt": pt, "pm": pm}
    names |= {n: getattr(formulas, n) for n in ("where_valid", "quantile")}
    exec(blocks("adding-a-distribution.md")[0], names)
    return names["Rayleigh"]


def test_the_pages_distribution_has_its_density_and_quantiles(rayleigh):
    x, at = rayleigh.dist(sigma=1.7), np.array([-1.0, 0.3, 2.0, 9.0])
    theirs = stats.rayleigh(scale=1.7)
    np.testing.assert_allclose(pm.logp(x, at).eval(), theirs.logpdf(at), rtol=1e-12)
    np.testing.assert_allclose(pm.logcdf(x, at).eval(), theirs.logcdf(at), rtol=1e-12)
    np.testing.assert_allclose(pm.icdf(x, np.array([0.1, 0.5, 0.9])).eval(), theirs.ppf([0.1, 0.5, 0.9]), rtol=1e-12)
    assert float(pm.logp(rayleigh.dist(variance=4.0), 1.0).eval()) == pytest.approx(stats.rayleigh(scale=2.0).logpdf(1.0))
    with pytest.raises(ValueError, match="sigma must be positive"):
        rayleigh.dist(sigma=-1.0)


def test_the_pages_distribution_is_drawn_and_moved_in_unconstrained_space(rayleigh):
    draws = pm.draw(rayleigh.dist(sigma=1.7), draws=20_000, random_seed=1, backend="numpy")
    assert stats.kstest(draws, stats.rayleigh(scale=1.7).cdf).pvalue > 1e-3
    with pm.Model() as model:
        rayleigh("x", sigma=2.0)
    assert list(model.initial_point()) == ["x_log__"]
    assert model.initial_point()["x_log__"] == pytest.approx(np.log(2.0 * np.sqrt(np.pi / 2.0)))


def test_the_pages_part_answers_messages_and_leaves_something(monkeypatch):
    from kernel_ext.widget.panel import Panel
    from kernel_ext.widget.part import Part

    names = {"Part": Part, "Counter": Counter, "np": np}
    exec(blocks("widgets.md")[0], names)
    panel = Panel([names["WordCount"]("a rose is a rose")])
    sent = []
    monkeypatch.setattr(panel, "send", lambda message, buffers=None: sent.append(message))
    panel._receive(None, {"t": "hello", "p": "words"}, [])
    panel._receive(None, {"t": "ask", "p": "words", "word": "rose", "rid": 7}, [])
    assert sent[0]["t"] == "words" and sent[0]["words"] == ["a", "is", "rose"]
    assert sent[1]["count"] == 2 and sent[1]["rid"] == 7
    assert panel.members["words"].static()["text/plain"] == "5 words, 3 different ones"


def test_every_page_is_followed_by_a_test():
    """A page of `docs/` that shows how to add something is named by a test that takes its code."""
    root = Path(__file__).resolve().parents[1]
    tests = "\n".join(path.read_text() for path in root.rglob("test_*.py"))
    assert [p.name for p in [*DOCS.glob("adding-*.md"), DOCS / "widgets.md"] if f'"{p.name}"' not in tests] == []
