"""Every step of what is computed, from what a user wrote to what is compiled: of a model, an expression, a function."""

from __future__ import annotations

from workbench.compile import CompiledFunction
from workbench.graph.derivations import derived_again
from workbench.graph.expr import Expr
from workbench.graph.rewrite import Trace
from workbench.model.model import Model
from workbench.rewrites import default_mode


def trace_of(subject: Model | Expr | CompiledFunction | Trace) -> Trace:
    """Return every step from what was written to what is compiled.

    Parameters
    ----------
    subject
        A model: how its log-density and gradient are derived, and their passes. An expression: the derivation of each gradient,
        batch and log-density in it, as of ``pm.grad``, ``pm.vectorize`` and ``pm.logp``, and the passes. A compiled function, also
        one of a sampler: the same of what it computes. A trace: itself.

    Examples
    --------
    >>> import workbench as pm
    >>> x = pm.tensor.scalar("x")
    >>> slope = pm.grad(pm.math.exp(x) * x, x)
    >>> [p.name for p in trace_of(slope).passes]
    ['gradient', 'reroll', 'unused results', 'canonicalise', 'linear algebra', 'stabilise', 'specialise']
    >>> [p.name for p in trace_of(pm.function([x], slope, backend="numpy")).passes][:2]
    ['gradient', 'reroll']
    """
    if isinstance(subject, Trace):
        return subject
    if isinstance(subject, Model):
        return subject.trace()
    if isinstance(subject, CompiledFunction):
        results, trace = derived_again(subject.written.results)
        same = all(new is old for new, old in zip(results, subject.written.results))
        # Loops made again are others than those that were compiled.
        return Trace([*trace.passes, *subject.trace.passes]) if same else subject.trace
    results, trace = derived_again([subject])
    return Trace([*trace.passes, *default_mode().run(results)[1].passes])
