"""The Sample tab: a form that starts a run, and the dashboard of the run while it goes on and after."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from kernel_ext.graphs.snapshot import Keys
from kernel_ext.sampling import sampling_form
from kernel_ext.sampling.publisher import Publisher
from kernel_ext.sampling.run_drawing import run_html
from kernel_ext.widget.panel import Panel
from kernel_ext.widget.part import Part
from workbench import Model, sample
from workbench.inference.run import Run


class SamplingDashboard(Part):
    """Shows a run while it goes on, with buttons that stop, pause and resume it; of a model, a form that starts one.

    Parameters
    ----------
    subject
        A run, or a model.
    title
        The model's name in the notebook.
    """

    name, title = "sample", "Sample"

    def __init__(self, subject: Run | Model, title: str = "") -> None:
        super().__init__()
        self.model = subject if isinstance(subject, Model) else None
        self.called = title
        self.publisher: Publisher | None = None
        self.idata: Any = None
        self._starting = threading.Lock()
        self._watchers: list[Callable[[Publisher], None]] = []
        self._devices: list[dict[str, Any]] | None = None
        if isinstance(subject, Run):
            self.watch(subject)

    @property
    def run(self) -> Run | None:
        """The run that is shown."""
        return None if self.publisher is None else self.publisher.run

    def joined(self, panel: Panel, numbers: Keys) -> None:
        super().joined(panel, numbers)
        if self.publisher is not None:
            self.publisher.status, self.publisher.offer = self._status, panel.offer

    def watch(self, run: Run, **about: Any) -> Publisher:
        """Show a run from now on."""
        about["keys"] = self.keys()
        publisher = Publisher(run, lambda kind, columns=None, **content: self.push(kind, columns, **content), about)
        before, self.publisher = self.publisher, publisher
        publisher.status = self._status
        publisher.offer = None if self.panel is None else self.panel.offer
        publisher.finished = self._finished
        if before is not None and before.heard:
            publisher.hello()
        publisher.start()
        for watcher in self._watchers:
            watcher(publisher)
        return publisher

    def keys(self) -> dict[str, int]:
        """Return the numbers by which the other tabs know the model's variables."""
        return {} if self.model is None else {name: self.numbers.of(x) for name, x in self.model.named_vars.items()}

    def on_watch(self, watcher: Callable[[Publisher], None]) -> None:
        """Call with what tells of a run, of each run that is shown from now on."""
        self._watchers.append(watcher)

    def _status(self, text: str) -> None:
        if self.panel is not None:
            self.panel.status = text

    def _finished(self) -> None:
        """Let what lasts of the panel be what it was, and the run below it."""
        panel = self.panel
        if panel is None or panel.replace is None or self.publisher is None or not self.publisher.ready.is_set():
            return
        own, before = self.static(), panel.lasting if panel.first != self.name else {}
        html = before.get("text/html", "") + own.get("text/html", "")
        panel.replace({"text/plain": own["text/plain"], **({"text/html": html} if html else {})})

    # Handlers only set flags, or hand work to a thread: they may run while C code or a cell is busy.

    def on_hello(self, content: Mapping[str, Any]) -> None:
        if self.model is not None:
            self._send_form()
        if self.publisher is not None:
            self.publisher.hello()

    def on_stop(self, content: Mapping[str, Any]) -> None:
        if self.run is not None:
            self.run.stop()

    def on_pause(self, content: Mapping[str, Any]) -> None:
        if self.run is not None:
            self.run.pause()

    def on_resume(self, content: Mapping[str, Any]) -> None:
        if self.run is not None:
            self.run.resume()

    def on_show(self, content: Mapping[str, Any]) -> None:
        if self.publisher is not None:
            elements = content.get("elements")
            self.publisher.show(elements if isinstance(elements, list) else [])

    def on_code(self, content: Mapping[str, Any]) -> None:
        """Answer with the line of code for what is filled in, or with what is wrong with it."""
        try:
            self.push("code", rid=content.get("rid"), text=sampling_form.code(self._model_name, self._options(content)))
        except Exception as error:
            self.push("code", rid=content.get("rid"), wrong=said(error))

    def on_start(self, content: Mapping[str, Any]) -> None:
        threading.Thread(target=self.begin, args=(dict(content),), name="workbench-start", daemon=True).start()

    # --------------------------------------------------------------------------------------------

    @property
    def _model_name(self) -> str:
        return self.called or "model"

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        assert self.model is not None
        return sampling_form.options(self.model, given)

    def _send_form(self) -> None:
        model = self.model
        assert model is not None
        if not model.free_RVs:
            self.push("form", why_not="The model has no free variable: there is nothing to sample.")
            return
        self.push(
            "form", methods=sampling_form.methods(model), places=sampling_form.places(), defaults=sampling_form.defaults(model),
            bound=sampling_form.bound(self._model_name), devices=self._devices,
            given={} if self.publisher is None else self.publisher.about.get("given", {}),
        )  # fmt: skip
        if self._devices is None:
            threading.Thread(target=self._find_devices, name="workbench-devices", daemon=True).start()

    def _find_devices(self) -> None:
        # JAX takes seconds to import: a run that goes on keeps its processors.
        while self.publisher is not None and not self.publisher.over.wait(0.5):
            pass
        try:
            self._devices = sampling_form.devices()
        except Exception as error:
            self._devices = [{"name": "device:", "title": "JAX's devices", "why_not": said(error)}]
        self.push("devices", devices=self._devices)

    def begin(self, given: Mapping[str, Any]) -> None:
        """Start the run that was filled in, wait for it, and bind its draws; called in a thread."""
        with self._starting:
            going = self.publisher is not None and not self.publisher.run.wait_quietly(0.0)
            if self.model is None or going:
                self.push("refused", message="A run of this panel is going on: stop it first." if going else "There is no model to sample.")
                return
            try:
                chosen = self._options(given)
                run = sample(**chosen, model=self.model, blocking=False, progressbar=False)
            except Exception as error:
                self.push("refused", message=said(error))
                return
            name = sampling_form.bound(self._model_name)
            publisher = self.watch(run, code=sampling_form.code(self._model_name, chosen), bound=name, given=_plain(given))
            publisher.hello()
        try:
            run.wait()
            self.idata = run.idata
        except Exception as error:
            publisher.note = said(error)
            return
        shell = get_ipython()
        if shell is not None:
            shell.user_ns[name] = self.idata
            publisher.note = f"the draws are {name} in the notebook"
        publisher.over.wait()
        self._finished()
        publisher.hello()

    def static(self) -> dict[str, str]:
        publisher = self.publisher
        if publisher is None:
            return {"text/plain": f"no draws of {self._model_name} yet: sample it here, or with {sampling_form.code(self._model_name, {})}"}
        if not publisher.ready.is_set():
            return {"text/plain": "sampling ..."}
        text = {"text/plain": "\n".join([repr(publisher.run), *publisher.findings])}
        if publisher.table is None:
            return text
        return {"text/html": run_html(publisher.run, publisher.table, publisher.findings), **text}


def said(error: BaseException) -> str:
    """An error in words, with what to do."""
    message, hint = str(getattr(error, "message", error)), str(getattr(error, "hint", "") or "")
    return f"{message}. {hint[:1].upper()}{hint[1:]}." if hint else f"{message}."


def _plain(given: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(given[k]) for k in ("method", "place", "draws", "tune", "chains", "random_seed", "target_accept") if k in given}
