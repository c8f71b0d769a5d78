"""Batches of data for steps of training: the next ones are made ready on a thread, while the code of the last one runs.

Compiled code lets other threads run, so that reading from disk, augmenting and shuffling cost no time as long as they are faster
than a step.
"""

from __future__ import annotations

import math
import operator
import queue
import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, ShapeError

LOOK_UP = 0.05
"""Seconds after which a thread that waits for room looks whether it is still wanted."""


class prefetch:
    """An iterator of what another one gives, a few ahead: a thread fetches them.

    Parameters
    ----------
    batches
        A generator, or anything that can be iterated over.
    size
        How many are kept ready at most.

    Raises
    ------
    ArgumentError
        If `batches` cannot be iterated over, or `size` is not 1 or more.

    Notes
    -----
    An exception of the generator is raised where its batch would have come, with its own traceback. `close`, the end of a ``with``,
    or that nobody has the iterator any more, end the thread and close the generator.

    Examples
    --------
    >>> def batches():
    ...     for i in range(3):
    ...         yield np.full(2, i)
    >>> with pm.prefetch(batches(), size=2) as ready:
    ...     [x.tolist() for x in ready]
    [[0, 0], [1, 1], [2, 2]]
    """

    def __init__(self, batches: Iterable[Any], size: int = 2) -> None:
        size = _whole("size", size)
        try:
            source = iter(batches)
        except TypeError:
            raise ArgumentError(f"prefetch takes what can be iterated over, not {batches!r}", "a generator is called first: prefetch(batches())", argument="batches") from None
        self._ready: queue.Queue[tuple[Any, BaseException | None, bool]] = queue.Queue(size)
        self._stop = threading.Event()
        # The thread knows nothing of this object, which can go while it waits.
        self._thread = threading.Thread(target=_fetch, args=(source, self._ready, self._stop), name="prefetch", daemon=True)
        self._ended = False
        self._at_end = weakref.finalize(self, self._stop.set)
        self._thread.start()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._ended:
            raise StopIteration
        batch, error, more = self._ready.get()
        if more:
            return batch
        self._ended = True
        self._thread.join()
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """End the thread, and close the generator; batches that are ready are dropped."""
        self._ended = True
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> prefetch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _fetch(source: Iterator[Any], ready: queue.Queue[Any], stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for batch in source:
            if not _put(ready, (batch, None, True), stop):
                break
            del batch
    except BaseException as raised:  # Whatever it is, it belongs to who waits for the batch.
        error = raised
    finally:
        close = getattr(source, "close", None)
        if close is not None and stop.is_set():
            close()
    _put(ready, (None, error, False), stop)


def _put(ready: queue.Queue[Any], made: Any, stop: threading.Event) -> bool:
    """Put something where it is asked for, once there is room; whether it was still wanted."""
    while not stop.is_set():
        try:
            ready.put(made, timeout=LOOK_UP)
            return True
        except queue.Full:
            continue
    return False


class DataLoader:
    """Batches of rows of arrays: each time it is iterated over all rows once, made ready on a thread.

    Parameters
    ----------
    arrays
        Arrays with equally many rows. Those of `numpy.memmap`, or of anything else with ``shape`` and rows that a list of numbers
        takes, are read row by row as they are needed: they may be larger than memory.
    batch_size
        Rows of a batch.
    shuffle
        Whether the rows come in another order each time.
    drop_last
        Whether rows at the end that do not fill a batch are left out. Code takes their number as an argument, but on JAX, which
        compiles for it.
    random_seed
        Of which the orders follow.
    prefetch
        Batches that are kept ready at most; 0 for no thread.

    Raises
    ------
    ShapeError
        If the arrays have no rows, or not equally many.

    Examples
    --------
    >>> loader = pm.DataLoader(np.arange(5), np.arange(5) * 10, batch_size=2)
    >>> [(x.tolist(), y.tolist()) for x, y in loader], len(loader)
    ([([0, 1], [0, 10]), ([2, 3], [20, 30]), ([4], [40])], 3)
    """

    def __init__(
        self, *arrays: Any, batch_size: int = 32, shuffle: bool = False, drop_last: bool = False, random_seed: Any = None, prefetch: int = 2
    ) -> None:
        self.arrays = [x if hasattr(x, "shape") else np.asarray(x) for x in arrays]
        if not arrays or any(len(x.shape) == 0 for x in self.arrays):
            raise ShapeError("batches are of rows: give one array or more, each with an axis")
        counts = [int(x.shape[0]) for x in self.arrays]
        if len(set(counts)) > 1 or counts[0] == 0:
            raise ShapeError(f"the arrays of a DataLoader have equally many rows, one or more; these have {', '.join(map(str, counts))}")
        self.rows, self.batch_size = counts[0], _whole("batch_size", batch_size)
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        self.prefetch = _whole("prefetch", prefetch, 0)
        self._rng = np.random.default_rng(random_seed)

    def __len__(self) -> int:
        whole = self.rows / self.batch_size
        return math.floor(whole) if self.drop_last else math.ceil(whole)

    def __iter__(self) -> Iterator[Any]:
        made = self._batches(self._rng.permutation(self.rows) if self.shuffle else None)
        return prefetch(made, self.prefetch) if self.prefetch else made

    def _batches(self, order: np.ndarray[Any, Any] | None) -> Iterator[Any]:
        for i in range(len(self)):
            at = slice(i * self.batch_size, (i + 1) * self.batch_size)
            # Which row of a batch is which makes no difference: read in their order on disk.
            rows = at if order is None else np.sort(order[at])
            found = tuple(np.array(x[rows]) for x in self.arrays)
            yield found if len(found) > 1 else found[0]

    def __repr__(self) -> str:
        return f"<DataLoader: {len(self)} batches of {self.batch_size} of {self.rows} rows>"


def _whole(name: str, given: Any, least: int = 1) -> int:
    try:
        number = operator.index(given)
    except TypeError:
        raise ArgumentError(f"{name} must be a whole number, got {given!r}", argument=name) from None
    if number < least:
        raise ArgumentError(f"{name} must be at least {least}, got {number}", argument=name)
    return number
