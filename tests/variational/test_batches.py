"""Batches made ready on a thread: order, bounds, exceptions with their traceback, the end of the thread."""

import gc
import threading
import time
import traceback

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ShapeError


def waits(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_no_more_are_fetched_than_are_kept_ready():
    made = []

    def batches():
        for i in range(10):
            made.append(i)
            yield i

    ready = pm.prefetch(batches(), size=2)
    assert waits(lambda: len(made) == 3)  # Two that are ready, and one that waits for room.
    time.sleep(0.15)
    assert len(made) == 3
    assert [next(ready), next(ready)] == [0, 1] and waits(lambda: len(made) == 5)
    assert list(ready) == list(range(2, 10)) and list(ready) == []


def test_an_exception_comes_in_the_place_of_its_batch_with_its_traceback():
    def broken_batches():
        yield 1
        raise OSError("the disk is gone")

    ready = pm.prefetch(broken_batches())
    assert next(ready) == 1
    with pytest.raises(OSError, match="the disk is gone") as caught:
        next(ready)
    assert "broken_batches" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert list(ready) == []


@pytest.mark.parametrize("how", ["close", "with", "forgotten"])
def test_the_thread_ends_and_the_generator_is_closed(how):
    closed, before = threading.Event(), threading.active_count()

    def endless():
        try:
            while True:
                yield np.zeros(3)
        finally:
            closed.set()

    ready = pm.prefetch(endless())
    next(ready)
    if how == "with":
        with ready:
            pass
    elif how == "close":
        ready.close()
    else:
        del ready
        gc.collect()
    assert closed.wait(10.0) and waits(lambda: threading.active_count() <= before)


def test_the_next_batch_is_made_while_code_runs():
    now = []

    def slow():
        for _ in range(3):
            time.sleep(0.05)
            now.append(time.monotonic())
            yield 0

    ready = pm.prefetch(slow(), size=3)
    began = time.monotonic()
    time.sleep(0.3)
    list(ready)
    assert len(now) == 3 and all(t - began < 0.29 for t in now)


def test_a_loader_gives_each_row_once_in_another_order_each_time():
    x = np.arange(10)
    loader = pm.DataLoader(x, x * 2, batch_size=4, shuffle=True, random_seed=1)
    first, second = ([(a.tolist(), b.tolist()) for a, b in loader] for _ in range(2))
    for epoch in (first, second):
        assert sorted(i for a, _ in epoch for i in a) == x.tolist() and all(b == [2 * i for i in a] for a, b in epoch)
        assert [len(a) for a, _ in epoch] == [4, 4, 2]
    again = [(a.tolist(), b.tolist()) for a, b in pm.DataLoader(x, x * 2, batch_size=4, shuffle=True, random_seed=1)]
    assert first != second and again == first
    short = pm.DataLoader(x, batch_size=4, drop_last=True, prefetch=0)
    assert [a.tolist() for a in short] == [[0, 1, 2, 3], [4, 5, 6, 7]] and len(short) == 2


def test_an_array_on_disk_is_read_batch_by_batch(tmp_path):
    written = np.memmap(tmp_path / "rows", "float32", "w+", shape=(1000, 8))
    written[:] = np.arange(8000).reshape(1000, 8)
    written.flush()
    on_disk = np.memmap(tmp_path / "rows", "float32", "r", shape=(1000, 8))
    found = list(pm.DataLoader(on_disk, batch_size=300, shuffle=True, random_seed=2))
    assert [type(x) for x in found] == [np.ndarray] * 4 and all(x.base is None for x in found)
    rows = np.concatenate(found)
    np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], written)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: pm.prefetch(3), ArgumentError, "what can be iterated over, not 3"),
        (lambda: pm.prefetch([], size=0), ArgumentError, "size must be at least 1, got 0"),
        (lambda: pm.DataLoader(np.zeros(3), batch_size=1.5), ArgumentError, "batch_size must be a whole number"),
        (lambda: pm.DataLoader(np.zeros(3), np.zeros(4)), ShapeError, "equally many rows, one or more; these have 3, 4"),
        (lambda: pm.DataLoader(np.zeros(0)), ShapeError, "these have 0"),
        (lambda: pm.DataLoader(), ShapeError, "batches are of rows"),
        (lambda: pm.DataLoader(1.0), ShapeError, "batches are of rows"),
    ],
)
def test_bad_input_is_an_error(make, error, words):
    with pytest.raises(error, match=words):
        make()
