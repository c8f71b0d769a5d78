"""Threads of BLAS while chains run side by side: each chain's calls would start as many as there are cores."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_limits: list[int] = []
_limiter: Any = None


@contextlib.contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Let BLAS use at most so many threads meanwhile, in the whole process; of several limits at a time the least holds.

    Parameters
    ----------
    threads
        The limit; ``None`` for none.

    Examples
    --------
    >>> import threadpoolctl
    >>> with limited(1):
    ...     print({pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"})
    {1}
    """
    if threads is None:
        yield
        return
    _change(_limits.append, threads)
    try:
        yield
    finally:
        _change(_limits.remove, threads)


def _change(change: Any, threads: int) -> None:
    import threadpoolctl

    global _limiter
    with _lock:
        change(threads)
        if _limiter is not None:
            _limiter.restore_original_limits()
        _limiter = threadpoolctl.threadpool_limits(min(_limits), user_api="blas") if _limits else None
