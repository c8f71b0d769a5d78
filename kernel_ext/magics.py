"""The magics: ``%%model``, ``%graph``, ``%steps``, ``%sample``, ``%backend``."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Enum, observe

from kernel_ext.cell import Failures, columns_of, run_cell, say_priors
from kernel_ext.code.backends import BackendToggle
from kernel_ext.display import parts_of, sample_in_panel, show, show_subject
from kernel_ext.graphs.computation import Subject, drawn, function_in
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.stepper import RewriteStepper, samplers_by_name
from kernel_ext.widget.panel import Panel
from workbench import Model
from workbench import compile as backends
from workbench.compile import choose_backend
from workbench.errors import WorkbenchError, closest

BACKENDS = ("auto", *backends.BACKENDS)
SHOWS = {"graph": "model", "density": "density", "steps": "steps", "code": "code", "backends": "backends", "none": ""}
"""The part that each word opens."""


@magics_class
class WorkbenchMagics(Magics):  # type: ignore[misc]
    """Magics for models. ``%config WorkbenchMagics.backend = 'jax'`` sets the default backend."""

    backend: Any = Enum(BACKENDS, default_value="auto", help="where models are computed for which no other place was chosen").tag(config=True)
    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        Model.default_backend = self.backend
        self.failures = Failures()

    @observe("backend")
    def _for_all_models(self, change: Any) -> None:
        """Models that exist follow too, unless they have a backend of their own."""
        Model.default_backend = change["new"]

    @no_var_expand  # type: ignore[misc]
    @needs_local_scope  # type: ignore[misc]
    @magic_arguments()  # type: ignore[misc]
    @argument("name", help="what the model is called; the name is bound to it")
    @argument("--data", help="a DataFrame or dict whose columns are names in the cell")
    @argument("--coords", help="a dict of the dims' labels")
    @argument("--backend", choices=BACKENDS, help="where the model is computed")
    @argument("--show", default="graph", help="what is seen first: graph, density, steps, code, backends; none for no panel")
    @argument("--check-priors", action="store_true", help="say which priors are improbable given the data's scale")
    @cell_magic  # type: ignore[misc]
    def model(self, line: str, cell: str, local_ns: dict[str, Any] | None = None) -> None:
        """Write a model: each line ``name = Distribution(...)`` is a variable of that name. ``%%model radon --data homes``."""
        args = parse_argstring(self.model, line)
        if not args.name.isidentifier():
            raise UsageError(f"%%model: {args.name!r} cannot be a name; write %%model NAME")
        if args.show not in SHOWS:
            raise UsageError(f"%%model --show: {args.show!r} is none of {', '.join(SHOWS)}")
        scope = {**self.shell.user_ns, **(local_ns or {})}
        coords = self._lookup(args.coords, scope, "--coords")
        data = self._lookup(args.data, scope, "--data")
        columns = {} if data is None else columns_of(data, args.data)
        try:
            model, made = run_cell(args.name, cell, scope, coords, columns)
        except BaseException as error:
            self.failures.remember(args.name, error)
            raise
        self.failures.forget(args.name)
        model.backend = args.backend
        self.shell.user_ns.update(made)
        self.shell.user_ns[args.name] = model
        if args.check_priors:
            say_priors(model)
        if args.show != "none":
            show_subject(model, args.name, SHOWS[args.show])

    @no_var_expand  # type: ignore[misc]
    @magic_arguments()  # type: ignore[misc]
    @argument("subject", nargs="+", help="a model, an expression, or a compiled function; two, to compare them")
    @line_magic  # type: ignore[misc]
    def graph(self, line: str) -> None:
        """Show the graph of a model, an expression or a compiled function: ``%graph radon``; of two, what they have in common: ``%graph radon pooled``."""
        names = parse_argstring(self.graph, line).subject
        if len(names) == 2 and all(n.isidentifier() for n in names):
            first, second = (drawn(self._subject(n)) for n in names)
            try:
                show(Panel([GraphInspector(first, names[0], compare=second, compared_to=names[1])], title=" ".join(names)))
            except TypeError as error:
                raise UsageError(f"%graph: {error}") from None
            return
        source = " ".join(names)
        show_subject(self._subject(source), source)

    @no_var_expand  # type: ignore[misc]
    @magic_arguments()  # type: ignore[misc]
    @argument("subject", nargs="+", help="a model, an expression, or a compiled function")
    @argument("--pass", dest="only", metavar="PASS", help="show one pass only")
    @argument("--sampler", nargs="?", const="nuts", choices=sorted(samplers_by_name()), help="the steps of the sampler (nuts, if none is said) that moves the model's values")
    @line_magic  # type: ignore[misc]
    def steps(self, line: str) -> None:
        """Step through every rule that turns a model (or expression) into what is compiled: ``%steps radon``, ``%steps radon --sampler``."""
        args = parse_argstring(self.steps, line)
        source = " ".join(args.subject)
        subject = self._subject(source)
        steps = RewriteStepper.of(args.sampler or subject, args.only)
        try:
            steps.check()
        except WorkbenchError:
            raise
        except ValueError as error:
            raise UsageError(f"%steps: {error}") from None
        parts = [steps] if args.sampler else [steps if p.name == steps.name else p for p in parts_of(subject, source)]
        show(Panel(parts, steps.name, f"{args.sampler} of {source}" if args.sampler else source))

    @no_var_expand  # type: ignore[misc]
    @magic_arguments()  # type: ignore[misc]
    @argument("subject", metavar="MODEL", help="the model")
    @argument("--draws", type=int, default=1000, help="draws a chain")
    @argument("--tune", type=int, default=1000, help="warm-up draws a chain")
    @argument("--chains", type=int, default=4, help="number of chains")
    @argument("--seed", type=int, help="the same seed gives the same draws")
    @argument("--target-accept", type=float, help="acceptance the step size aims at")
    @argument("--backend", choices=BACKENDS, help="where the model is computed")
    @line_magic  # type: ignore[misc]
    def sample(self, line: str) -> Any:
        """Sample a model: ``idata = %sample radon --draws 2000``."""
        args = parse_argstring(self.sample, line)
        model = self._subject(args.subject)
        if not isinstance(model, Model):
            raise UsageError(f"%sample: {args.subject} is not a model")
        given = {"draws": args.draws, "tune": args.tune, "chains": args.chains, "random_seed": args.seed, "target_accept": args.target_accept, "backend": args.backend}
        return sample_in_panel(model, args.subject, given)

    @no_var_expand  # type: ignore[misc]
    @magic_arguments()  # type: ignore[misc]
    @argument("words", nargs="*", metavar="[MODEL] [BACKEND]", help="a model, an expression or a function; a backend to compute it on")
    @line_magic("backend")  # type: ignore[misc, arg-type]
    def choose(self, line: str) -> str | None:
        """Compare backends, or set one: ``%backend``, ``%backend radon``, ``%backend numba``, ``%backend radon numba``."""
        words = parse_argstring(self.choose, line).words
        wanted = words.pop() if words and (words[-1] in BACKENDS or len(words) > 1) else None
        if wanted is not None and wanted not in BACKENDS:
            raise UsageError(f"%backend: {wanted!r} is none of {', '.join(BACKENDS)}")
        if not words and wanted is None:
            show(Panel([BackendToggle(None, "", lambda name: setattr(self, "backend", name))]))
        elif not words:
            self.backend = wanted
            return f"{self.backend} ({choose_backend(self.backend)})" if self.backend == "auto" else str(self.backend)
        elif wanted is None:
            if words[0] not in self.shell.user_ns and words[0].isidentifier():
                near = closest(words[0], [*BACKENDS, *self.shell.user_ns])
                raise UsageError(f"%backend: {words[0]!r} is none of {', '.join(BACKENDS)}, and no model{f'; did you mean {near!r}?' if near else ''}")
            show_subject(self._subject(words[0]), words[0], BackendToggle.name)
        else:
            model = self._subject(words[0])
            if not isinstance(model, Model):
                raise UsageError(f"%backend: {words[0]} is not a model; what is compiled stays on its backend")
            model.backend = wanted
            return f"{words[0]}: {model.backend} ({choose_backend(model.backend)})" if wanted == "auto" else f"{words[0]}: {wanted}"
        return None

    def _lookup(self, name: str | None, scope: dict[str, Any], option: str) -> Any:
        if name is None:
            return None
        if name not in scope:
            near = closest(name, scope)
            raise UsageError(f"%%model {option}: there is no {name!r} in the notebook{f'; did you mean {near!r}?' if near else ''}")
        return scope[name]

    def _subject(self, source: str) -> Subject:
        try:
            found = eval(source, self.shell.user_ns)
        except NameError as error:
            raise UsageError(self.failures.why_missing(error, self.shell.user_ns)) from None
        except SyntaxError:
            raise UsageError(f"{source!r} is neither a name nor an expression") from None
        self.failures.warn_of_older(source)
        found = function_in(found)
        if not isinstance(found, Subject):
            raise UsageError(f"{source} is a {type(found).__name__}, not a model, an expression or a compiled function")
        return found
