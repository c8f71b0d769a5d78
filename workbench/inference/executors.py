"""Where the chunks of chains are computed: by the run's own threads, or by Dask's workers, on this machine or others.

A chunk is a function of a chain's state alone, so it does not matter where, or how often, it is computed: a worker that is lost
loses nothing, and draws are those of threads, bit for bit, on processors of one kind.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np

from workbench.errors import ArgumentError, MissingPackageError
from workbench.inference.blas_threads import limited
from workbench.inference.linked import LinkedSampler, State, Step
from workbench.model.model import Model

if TYPE_CHECKING:
    from workbench.inference.external.sampler import External

Array = np.ndarray[Any, Any]

CHUNK_SECONDS = 0.1
"""What a chunk should last: short enough for live plots and a prompt stop."""


class Chunk(NamedTuple):
    """What a chain did next: its state then, ticks spent, its draws, and what they cost."""

    state: State
    ticks: int
    q: Array
    z: Array
    stats: Array
    values: Sequence[Array]
    seconds: float
    cpu_seconds: float


class Executor(Protocol):
    """Computes chunks; several threads may call it at once."""

    seconds: float
    """What a chunk should last."""

    def chunk(self, state: State, wanted: int, budget: int, tune: int) -> Chunk:
        """Return what a chain does next."""

    def close(self) -> None:
        """Give back what was taken for the run."""


def computed(linked: LinkedSampler | External, state: State, wanted: int, budget: int, tune: int) -> Chunk:
    """Return what a chain does next, computed in this thread."""
    begun, cpu = time.perf_counter(), time.thread_time()
    state, ticks, q, z, stats = linked.advance(state, wanted, budget, tune)
    values = linked.values(q, z) if len(q) else []
    return Chunk(state, ticks, q, z, stats, values, time.perf_counter() - begun, time.thread_time() - cpu)


class Threads:
    """The threads that ask compute."""

    seconds = CHUNK_SECONDS

    def __init__(self, linked: LinkedSampler | External) -> None:
        self.linked = linked

    def chunk(self, state: State, wanted: int, budget: int, tune: int) -> Chunk:
        return computed(self.linked, state, wanted, budget, tune)

    def close(self) -> None:
        pass


class Dask:
    """Dask's workers: those of a client, or of a cluster on this machine that ends with the run.

    Parameters
    ----------
    client
        A ``distributed.Client``; that of the surrounding code, else a cluster of its own, if there is none.
    wanted
        How many workers a cluster of its own should have.
    """

    seconds = 0.5
    """Longer than the way to a worker and back takes."""
    PATIENCE: ClassVar[float] = 0.2

    def __init__(self, client: Any, wanted: int) -> None:
        distributed = importlib.import_module("distributed")
        self._own: list[Any] = []
        if client is None:
            try:
                client = distributed.get_client()
            except ValueError:
                cluster = distributed.LocalCluster(n_workers=min(wanted, os.cpu_count() or 1), threads_per_worker=1, dashboard_address=None)
                client = distributed.Client(cluster)
                self._own = [client, cluster]
        self.client = client
        self.stopping = threading.Event()
        self._job: Any = None

    @property
    def workers(self) -> int:
        """How many chunks are computed at once."""
        return max(1, sum(self.client.nthreads().values()))

    def send(self, make: Callable[..., Any], *given: Any) -> None:
        """Tell the workers what to work with: each calls ``make(*given)`` when it is first asked."""
        packed = importlib.import_module("cloudpickle").dumps((make, given))
        # Not scattered: what the scheduler knows how to make outlives every worker.
        self._job = self.client.submit(_packed, packed, key=f"workbench-{hash(packed) & (2**64 - 1):x}-{os.getpid()}", pure=False)

    def call(self, function: Callable[..., Any], *given: Any) -> Any:
        """Return what a function returns on a worker, that is given what the worker works with, and the rest.

        Raises
        ------
        KeyboardInterrupt
            If it was stopped while no worker was there.
        """
        future = self.client.submit(_on_worker, self._job, function, given, pure=False)
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        try:
            while not done.wait(self.PATIENCE):
                if self.stopping.is_set() and not self.client.nthreads():
                    raise KeyboardInterrupt
            # Without a time-out: that would cancel what brings the results, also those that other threads wait for.
            return future.result()
        finally:
            future.release()

    def chunk(self, state: State, wanted: int, budget: int, tune: int) -> Chunk:
        found: Chunk = self.call(computed_on_worker, state, wanted, budget, tune)
        return found

    def close(self) -> None:
        if self._job is not None:
            self._job.release()
        for one in self._own:
            one.close()


def executor_named(executor: Any) -> Callable[[int], Dask] | None:
    """Return what makes the executor that a user asks for, given how many workers it should have; ``None`` for threads.

    Raises
    ------
    ArgumentError
        If it is none.
    MissingPackageError
        If Dask is not installed.
    """
    if executor is None or executor == "threads":
        return None
    client = None if executor == "dask" else executor
    if client is not None and not (hasattr(client, "submit") and hasattr(client, "nthreads")):
        raise ArgumentError(f'executor must be "threads", "dask" or a distributed.Client, got {executor!r}')
    try:
        importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise MissingPackageError("executor needs the package distributed, which is not installed", 'pip install "bayes-workbench[distributed]"') from None
    return lambda wanted: Dask(client, wanted)


# On a worker -----------------------------------------------------------------------------------

_made: dict[bytes, Future[Any]] = {}
_making = threading.Lock()
KEPT = 4
"""Of so many runs a worker keeps what it compiled."""


def linked_sampler(model: Model, steps: Sequence[Step], backend: str, blas_threads: int | None) -> tuple[LinkedSampler, int | None]:
    """Return what computes chunks."""
    return LinkedSampler(model, steps, backend), blas_threads


def computed_on_worker(made: tuple[LinkedSampler, int | None], state: State, wanted: int, budget: int, tune: int) -> Chunk:
    """Return what a chain does next."""
    linked, blas_threads = made
    # Arrays that came by the net may not be writable, nor aligned.
    state = [np.array(x) for x in state]
    with limited(blas_threads):
        return computed(linked, state, wanted, budget, tune)


def _packed(packed: bytes) -> bytes:
    return packed


def _on_worker(packed: bytes, function: Callable[..., Any], given: Sequence[Any]) -> Any:
    with _making:
        future, mine = _made.get(packed), False
        if future is None:
            while len(_made) >= KEPT:
                _made.pop(next(iter(_made)))
            future, mine = _made.setdefault(packed, Future()), True
    if mine:
        try:
            make, args = importlib.import_module("cloudpickle").loads(packed)
            future.set_result(make(*args))
        except BaseException as error:
            _made.pop(packed, None)
            future.set_exception(error)
    return function(future.result(), *given)
