"""Draws in a Zarr group on disk, which xarray and ArviZ open; a run that is killed goes on from there."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, StoreError, warn_user
from workbench.inference.stores import checkpoint, manifest
from workbench.inference.stores.checkpoint import Checkpoint
from workbench.inference.stores.lock import Lock
from workbench.inference.stores.memory import MemoryRows
from workbench.inference.stores.store import Array, Column, Contents, State
from workbench.inference.stores.zarr_format import (
    CHUNK_BYTES,
    RowFiles,
    array_description,
    group_description,
    sync_file,
    write_description,
    write_file,
    write_whole,
)

FOLDER = ".workbench"
"""Of what a run needs to go on. Its name keeps it out of Zarr's sight."""

SYNC_SECONDS = 2.0
"""How often what is written is made to outlast the machine. It outlasts the program at once."""

SYNCING = 8
"""Files that are waited for side by side."""

MEMORY = 1 << 30
"""Draws that take no more bytes than this are held in memory, too."""

BLOCK, BLOCK_BYTES = 4096, 1 << 26
"""Rows that are checked at a time, and bytes of a column that they may take."""


class ZarrStore:
    """Draws in a Zarr group on disk, for :func:`workbench.sample` as `trace`.

    Draws are written as they are made, a chunk at a time, into groups ``posterior``, ``sample_stats``,
    ``unconstrained_posterior`` and those of warm-up, as ArviZ has them, and the chain's state after them. A program that
    is killed loses at most the chunk that each chain is at, a machine that fails some seconds;
    :func:`workbench.resume_run` goes on from there, to the draws that there would have been.

    Parameters
    ----------
    path
        A folder: one that is not there, or is empty.
    memory
        Draws that take no more bytes than this are held in memory, too. Those of longer runs are read from disk.

    Examples
    --------
    >>> import tempfile, workbench as pm
    >>> with tempfile.TemporaryDirectory() as folder, pm.Model() as model:
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     run = pm.sample(200, chains=2, random_seed=1, progressbar=False, trace=f"{folder}/x.zarr", return_inferencedata=False)
    ...     longer = pm.resume_run(f"{folder}/x.zarr", model, draws=300, progressbar=False, return_inferencedata=False)
    >>> longer.draws["x"].shape, bool((longer.draws["x"][:, :200] == run.draws["x"]).all())
    ((2, 300), True)
    """

    keeps_together = True

    def __init__(self, path: str | os.PathLike[str], memory: int = MEMORY) -> None:
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
            raise ArgumentError(f"a store is a folder, given by its path: {path!r}")
        # The program may go to another folder meanwhile.
        self.path = Path(path).absolute()
        self.memory = memory
        self.rows: list[ZarrRows] = []
        self.contents: Contents
        self._folder = self.path / FOLDER
        self._lock = Lock(self._folder / "lock", self.path)
        self._about: Mapping[str, Any] = {}
        self._attributes: dict[str, Any] = {}
        self._members: dict[str, Any] = {}
        self._lengths: list[int] = []
        self._over = threading.Event()
        self._syncing: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"ZarrStore({str(self.path)!r})"

    @property
    def seconds(self) -> float:
        """How long the run took that is in it, as far as it came to an end."""
        return float(self._attributes.get("sampling_time", 0.0))

    # A new run ---------------------------------------------------------------------------------

    def claim(self) -> None:
        """Make the folder, and take its lock.

        Raises
        ------
        StoreError
            If there is a run in it already, or something else; if it cannot be written; if another run writes to it.
        """
        with told(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise StoreError(f"{self.path}: this is a file; draws need a folder", "give the path of a folder that is not there")
            if self.path.is_dir() and not self._folder.is_dir() and (others := sorted(x.name for x in self.path.iterdir())):
                shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
                raise StoreError(
                    f"{self.path}: this folder is no store of draws (it has {shown})", "give the path of a folder that is not there, or is empty"
                )
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.take()
        try:
            with told(self.path):
                if manifest.is_there(self._folder):
                    raise StoreError(
                        f"{self.path}: there is a run in it already: {self._progress()}",
                        "pm.resume_run(path, model) goes on with it; for another run give another path, or delete this folder",
                    )
                if any(c.count for _, c in self._checkpoints("*")):
                    raise StoreError(
                        f"{self.path}: there are draws in it of a run that cannot be told: {' and '.join(manifest.NAMES)} are missing in {self._folder}",
                        "the draws can be read: xarray.open_datatree(path, engine='zarr'); give another path",
                    )
                # What a run has left that ended before it began.
                for entry in self.path.iterdir():
                    if entry.name != FOLDER:
                        _remove(entry)
        except BaseException:
            self._lock.release()
            raise

    def _progress(self) -> str:
        try:
            told = manifest.read(self._folder, self.path)
            lanes = 1 if told.get("together") else told["chains"]
            made = [max((c.count for _, c in self._checkpoints(i)), default=0) * told["chains"] // lanes for i in range(lanes)]
            return f"{sum(made)} of {told['chains'] * (told['tune'] + told['draws'])} draws, warm-up included"
        except StoreError:
            return "what it says of itself is damaged"

    def begin(self, contents: Contents, states: Sequence[State]) -> list[ZarrRows]:
        """Write what is known before the first draw; return the rows of each lane."""
        import workbench

        self.contents, self._about = contents, contents.about()
        self._check_names()
        rows = max(contents.tune, contents.draws)
        self._lengths = [max(1, min(rows, CHUNK_BYTES // max(1, c.row_bytes))) for c in contents.row_columns]
        self._attributes = {
            "created_at": datetime.datetime.now(datetime.UTC).isoformat(), "inference_library": "workbench",
            "inference_library_version": workbench.__version__, "tuning_steps": contents.tune if contents.tuning_steps is None else contents.tuning_steps,
        }  # fmt: skip
        with told(self.path):
            self._write_labels_and_data()
            self._write_descriptions(contents.tune, contents.draws)
            self.rows = [self._rows(i) for i in range(contents.lanes)]
            for chain, state in zip(self.rows, states):
                chain.begin(state)
            self._write_manifest()
        self._start_syncing()
        return self.rows

    def _check_names(self) -> None:
        """Raise if variables cannot have a folder each."""
        taken: dict[str, str] = {}
        same = self._folder.with_name(FOLDER.upper()).exists()
        for c in self.contents.columns:
            other = taken.setdefault(f"{c.group}/{c.name.casefold() if same else c.name}", c.name)
            if other != c.name or "/" in c.name or c.name in (".", "..", "zarr.json"):
                why = f"the disk cannot tell it from {other!r}" if other != c.name else "its name is no name of a folder"
                raise StoreError(f"{self.path}: {c.name!r} cannot be stored: {why}", "give it another name")

    def _rows(self, number: int) -> ZarrRows:
        contents = self.contents
        files = [
            tuple(RowFiles(self.path / f"{before}{c.group}" / c.name, number, c.dtype, c.shape, n, contents.chains if contents.together else 0) for before in ("warmup_", ""))
            for c, n in zip(contents.columns, self._lengths)
        ]
        held = contents.bytes <= self.memory
        return ZarrRows(self.path, self._folder, number, contents, files, held)

    def _write_labels_and_data(self) -> None:
        for group, arrays in self.contents.data.items():
            self._members[group] = group_description(self._attributes)
            for name, (own, content) in arrays.items():
                self._members[f"{group}/{name}"] = write_whole(self.path / group / name, own, content)
        for group in (*self.contents.data, *self._groups()):
            for d, labels in self.contents.labels.get(group.removeprefix("warmup_"), {}).items():
                self._members[f"{group}/{d}"] = write_whole(self.path / group / d, [d], labels)

    def _groups(self) -> list[str]:
        groups = list(dict.fromkeys(c.group for c in self.contents.columns))
        return [*groups, *(f"warmup_{g}" for g in groups)] if self.contents.tune else groups

    def _write_descriptions(self, tune: int, draws: int) -> None:
        """Write what every group and array says of itself, and all of it into the root."""
        contents, members = self.contents, dict(self._members)
        for group in self._groups():
            n = tune if group.startswith("warmup_") else draws
            members[group] = group_description(self._attributes)
            for c, length in zip(contents.columns, self._lengths):
                if c.group == group.removeprefix("warmup_"):
                    shape, chunk = (contents.chains, n, *c.shape), (contents.chains // contents.lanes, length, *c.shape)
                    members[f"{group}/{c.name}"] = array_description(shape, chunk, c.dtype, ("chain", "draw", *c.dims), turned=contents.together)
            for name, count in (("chain", contents.chains), ("draw", n)):
                members[f"{group}/{name}"] = write_whole(self.path / group / name, [name], np.arange(count))
        for name, description in members.items():
            write_description(self.path / name, description)
        # zarr 3.1 loses members of a group that do not stand together, and after it.
        members = dict(sorted(members.items(), key=lambda member: (member[0].count("/"), member[0])))
        write_description(self.path, group_description(self._attributes, members))

    def _write_manifest(self) -> None:
        contents = self.contents
        columns = [[*c[:3], list(c.shape), list(c.dims), n] for c, n in zip(contents.columns, self._lengths)]
        told = {"columns": columns, "chains": contents.chains, "tune": contents.tune, "draws": contents.draws, "together": contents.together, "about": self._about}
        manifest.write(self._folder, {**told, "attributes": self._attributes, "members": self._members})

    # A run that is there -----------------------------------------------------------------------

    def open(self) -> Contents:
        """Take the lock of a store that has a run; return what it has.

        Raises
        ------
        StoreError
            If there is none, or it cannot be read or written.
        """
        with told(self.path):
            if not self._folder.is_dir():
                there = "there is no such folder" if not self.path.exists() else "this is no store of draws"
                raise StoreError(f"{self.path}: {there}", "give the path that was given to pm.sample(..., trace=path)")
            self._lock.take()
            try:
                if not manifest.is_there(self._folder):
                    raise StoreError(
                        f"{self.path}: its run ended before its first draw: there is nothing to go on with", "begin it again: pm.sample(..., trace=path)"
                    )
                told_of = manifest.read(self._folder, self.path)
                columns = [Column(group, name, dtype, tuple(shape), tuple(dims)) for group, name, dtype, shape, dims, _ in told_of["columns"]]
                self._lengths = [c[-1] for c in told_of["columns"]]
                self._attributes, self._members = told_of["attributes"], told_of["members"]
                self._about = told_of["about"]
                self.contents = Contents(columns, told_of["chains"], told_of["tune"], told_of["draws"], about=lambda: self._about, together=told_of.get("together", False))
            except BaseException:
                self._lock.release()
                raise
        return self.contents

    def go_on(self, draws: int | None = None) -> list[ZarrRows]:
        """Return the rows of each chain, with those that are there. A torn tail is dropped.

        Parameters
        ----------
        draws
            Rows after warm-up that there are to be; as many as before, if not given.

        Raises
        ------
        StoreError
            If a chain has no state that can be relied on, or more draws than that.
        """
        with told(self.path):
            found = [self._reliable(i) for i in range(self.contents.lanes)]
            most = max(c.count for c in found) - self.contents.tune
            if draws is not None and draws < most:
                raise StoreError(f"{self.path}: draws={draws}, but {most} are there", f"ask for {most} or more")
            if draws is not None:
                self.contents = dataclasses.replace(self.contents, draws=draws)
            self.rows = [self._rows(i) for i in range(self.contents.lanes)]
            for chain, c in zip(self.rows, found):
                chain.go_on(c)
            self._write_manifest()
            self._write_descriptions(self.contents.tune, self.contents.draws)
        self._start_syncing()
        return self.rows

    def change_warmup(self, tune: int, about: Callable[[], Mapping[str, Any]]) -> None:
        """Let there be fewer draws of warm-up than were planned, but all that are there; or more, to which those after it belong then.

        What is `about` the run now is told anew. Rows are where the manifest says at every moment: copied and durable before, and removed after it.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        self.contents = dataclasses.replace(self.contents, tune=tune)
        self._about = about()
        self._attributes["tuning_steps"] = tune
        with told(self.path):
            copied = {path for rows in self.rows for path in rows.copy_to_warmup()}
            sync_all(copied)
            self._write_manifest()
            if copied:
                sync_all({self._folder / name for name in manifest.NAMES})
            for rows in self.rows:
                rows.change_warmup(tune)
            self._write_descriptions(tune, self.contents.draws)

    def _checkpoints(self, number: int | str) -> list[tuple[Path, Checkpoint]]:
        """The states of a chain, or of all, that are whole, the latest first."""
        return checkpoint.read([path for kind in KINDS for path in self._folder.glob(f"chain-{number}.{kind}")])

    def _reliable(self, number: int) -> Checkpoint:
        """The latest state of a chain before which every row is as it was written."""
        rows, found = self._rows(number), self._checkpoints(number)
        for path, c in found:
            damaged = rows.damaged(c)
            if not damaged:
                if not path.name.endswith(KINDS[0]):
                    lost = "rows are" if any(p.name.endswith(KINDS[0]) for p, _ in found) else "state is"
                    warn_user(f"{self.path}: chain {number}: its last {lost} not what was written: it goes on from draw {c.count}, and draws again what came after")
                return c
        raise StoreError(
            f"{self.path}: chain {number} cannot go on: " + (f"{damaged} is not what was written" if found else "its states are damaged"),
            "the other draws can be read: xarray.open_datatree(path, engine='zarr'); begin another run at another path",
        )

    # The end -----------------------------------------------------------------------------------

    def close(self, about: Mapping[str, Any]) -> None:
        """Write what is left, and give the lock back. Arrays are as long as the longest chain from now on.

        Raises
        ------
        StoreError
            If it cannot be written. What was written before is there.
        """
        self._over.set()
        if self._syncing is not None:
            self._syncing.join()
        try:
            if self.rows:
                with told(self.path):
                    for rows in self.rows:
                        rows.save()
                    sync(self.rows)
                    most = max(rows.count for rows in self.rows)
                    self._attributes |= about
                    self._write_manifest()
                    self._write_descriptions(min(most, self.contents.tune), max(0, most - self.contents.tune))
        finally:
            self.release()

    def release(self) -> None:
        """Give the lock back, and leave no folder behind in which nothing was begun."""
        self._over.set()
        self._lock.release()
        with contextlib.suppress(OSError):
            self._folder.rmdir()
            self.path.rmdir()

    def _start_syncing(self) -> None:
        self._over.clear()
        self._syncing = threading.Thread(target=self._sync, name="workbench-store", daemon=True)
        self._syncing.start()

    def _sync(self) -> None:
        # What the disk refuses here it refuses again at the end, where it is said.
        with contextlib.suppress(OSError):
            for path in (*self._folder.iterdir(), self._folder, self.path):
                sync_file(path)
        while not self._over.wait(SYNC_SECONDS):
            # A RuntimeError: the program ends, and starts no threads any more.
            with contextlib.suppress(OSError, RuntimeError):
                sync(self.rows)


KINDS = "state", "synced", "start"
"""States of a chain: the last, the last that outlasts the machine, and the one that it began with."""


def sync(chains: Sequence[ZarrRows]) -> None:
    """Make sure that what is written outlasts the machine, then a state of each chain that relies on it."""
    taken = [(rows, *rows.unsynced()) for rows in chains]
    taken = [(rows, touched, content) for rows, touched, content in taken if touched]
    try:
        sync_all({path for _, touched, _ in taken for path in touched})
        with ThreadPoolExecutor(SYNCING) as pool:
            list(pool.map(lambda one: one[0].synced(*one[1:]), taken))
    except OSError:
        for rows, touched, _ in taken:
            rows.synced(touched, b"")
        raise


def sync_all(files: Set[Path]) -> None:
    """Make sure that files, and that they are there, outlast the machine."""
    # Side by side: the disk writes what several wait for at once.
    with ThreadPoolExecutor(SYNCING) as pool:
        list(pool.map(sync_file, files))
        list(pool.map(sync_file, {path.parent for path in files}))


class ZarrRows:
    """The draws of one chain, on disk; in memory those that could not be written, and all if they are `held`."""

    def __init__(self, path: Path, folder: Path, number: int, contents: Contents, files: Sequence[Sequence[RowFiles]], held: bool) -> None:
        self.path, self.number, self.columns, self.tune = path, number, contents.row_columns, contents.tune
        self.count = 0
        self.state: State = []
        self._saved_state = self.state
        self.memory = MemoryRows(contents.row_columns, contents.total, []) if held else None
        self._files = files
        self._block = max(1, min(BLOCK, BLOCK_BYTES // max([c.row_bytes for c in self.columns] or [1])))
        # How many rows are on disk, and those after them: one value, so that a reader sees both of one moment.
        self._pending: tuple[int, tuple[Sequence[Array], ...]] = (0, ())
        self._checks = (0,) * len(files)
        self._paths = {kind: folder / f"chain-{number}.{kind}" for kind in KINDS}
        self._content = b""
        self._touched: set[Path] = set()
        self._lock, self._saving = threading.Lock(), threading.Lock()

    def begin(self, state: State) -> None:
        """Write the state that the chain begins with."""
        self.state = self._saved_state = state
        self._content = checkpoint.encode(Checkpoint(0, self._checks, state))
        for kind in ("start", "state"):
            write_file(self._paths[kind], self._content)

    def go_on(self, at: Checkpoint) -> None:
        """Begin at a state, with the rows before it, and none after them."""
        self._checks = at.checks
        self._content = checkpoint.encode(at)
        for warm_up, after in self._files:
            self._touched |= {*warm_up.cut(min(at.count, self.tune)), *after.cut(max(0, at.count - self.tune))}
        write_file(self._paths["state"], self._content)
        if self.memory is not None:
            for start in range(0, at.count, self._block):
                stop = min(start + self._block, at.count)
                self.memory.append([self._read(i, start, stop) for i in range(len(self.columns))], [])
        self.state = self._saved_state = at.state
        self.count, self._pending = at.count, (at.count, ())

    def damaged(self, at: Checkpoint) -> str:
        """Return the name of a column whose rows before a state are not those that were written; none, if all are."""
        for i, c in enumerate(self.columns):
            found = 0
            for start in range(0, at.count, self._block):
                found = zlib.crc32(self._read(i, start, min(start + self._block, at.count)).tobytes(), found)
            if i >= len(at.checks) or found != at.checks[i]:
                return f"{c.group}/{c.name}"
        return ""

    def append(self, columns: Sequence[Array], state: State) -> None:
        """Add rows, or none, and write them and the state after them. If that fails, they are in memory.

        Raises
        ------
        StoreError
            If they cannot be written.
        """
        saved, unsaved = self._pending
        if self.memory is not None:
            self.memory.append(columns, [])
        else:
            # Copies: the caller may use its arrays for the next rows.
            self._pending = saved, (*unsaved, [np.array(new, c.dtype) for c, new in zip(self.columns, columns)])
        self.state = state
        self.count += len(columns[0])
        with told(self.path, f"chain {self.number}: draws from {saved} on could not be written"):
            self.save()

    def save(self) -> None:
        """Write rows that are not written yet, then the state."""
        # A run that is given up is closed while a chunk of it may still be on its way here.
        with self._saving:
            self._save()

    def _save(self) -> None:
        saved, count, state = self._pending[0], self.count, self.state
        if saved == count and state is self._saved_state:
            return
        touched: set[Path] = set()
        checks = []
        for i, (warm_up, after) in enumerate(self._files):
            new = np.ascontiguousarray(self.read(i, saved, count))
            checks.append(zlib.crc32(new.tobytes(), self._checks[i]))
            before = max(0, min(count, self.tune) - saved)
            touched.update(warm_up.write(saved, new[:before]) if before else ())
            touched.update(after.write(saved + before - self.tune, new[before:]) if before < len(new) else ())
        content = checkpoint.encode(Checkpoint(count, tuple(checks), state))
        write_file(self._paths["state"], content)
        with self._lock:
            self._touched |= touched
            self._content = content
        self._checks, self._pending, self._saved_state = tuple(checks), (count, ()), state

    def copy_to_warmup(self) -> set[Path]:
        """Write the rows after warm-up behind those of it, too; return the files that have them."""
        touched: set[Path] = set()
        with self._saving:
            self._save()
            for warm_up, after in self._files:
                for start in range(0, self.count - self.tune, self._block):
                    touched.update(warm_up.write(self.tune + start, after.read(start, min(start + self._block, self.count - self.tune))))
        return touched

    def change_warmup(self, tune: int) -> None:
        """Let there be so many rows of warm-up, and no others but those after them beside it."""
        with self._saving:
            longer, self.tune = self.count > self.tune, tune
            if longer:
                changed = {path for _, after in self._files for path in after.cut(max(0, self.count - tune))}
                with self._lock:
                    self._touched |= changed

    def unsynced(self) -> tuple[set[Path], bytes]:
        """Return the files written since this was called last, and the state that relies on them."""
        with self._lock:
            touched, self._touched = self._touched, set()
            return touched, self._content

    def synced(self, touched: set[Path], content: bytes) -> None:
        """Write a state whose rows outlast the machine; without one, these files are still to be made to."""
        if content:
            write_file(self._paths["synced"], content, sync=True)
            return
        with self._lock:
            self._touched |= touched

    def read(self, column: int, start: int, stop: int) -> Array:
        """Return rows of a column."""
        if self.memory is not None:
            return self.memory.read(column, start, stop)
        stop = min(stop, self.count)
        saved, unsaved = self._pending
        if stop <= saved:
            return self._read(column, start, stop)
        late = np.concatenate([rows[column] for rows in unsaved])
        return np.concatenate([self._read(column, min(start, saved), saved), late])[max(0, start - saved) : stop - min(start, saved)]

    def _read(self, column: int, start: int, stop: int) -> Array:
        """Rows on disk."""
        warm_up, after = self._files[column]
        while True:
            tune = self.tune
            middle = max(start, min(stop, tune))
            found = np.concatenate([warm_up.read(start, middle), after.read(max(0, middle - tune), max(0, stop - tune))])
            # Rows may have moved meanwhile.
            if tune == self.tune:
                return found


@contextlib.contextmanager
def told(path: Path, what: str = "") -> Iterator[None]:
    """Turn what the operating system says of a store into an error that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        meaning, hint = MEANINGS.get(error.errno or 0, (error.strerror or str(error), "look at the disk that it is on"))
        where = error.filename if error.filename is not None and str(error.filename) != str(path) else ""
        raise StoreError(f"{path}: {what + ': ' if what else ''}{meaning}{f' ({where})' if where else ''}", f"{hint}. {GO_ON}" if what else hint) from error


GO_ON = "What was written is whole: pm.resume_run(path, model) goes on from there"
NO_SPACE = "no space is left on the disk", "make space, or give a path on another disk"
NO_PERMISSION = "this process may not write there", "give it permission, or give another path"
MEANINGS = {
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EROFS: ("the disk can only be read", "give a path on another disk"),
    errno.ENOENT: ("the folder is gone", "do not delete it while a run writes to it"),
    errno.ENOTDIR: ("a part of this path is a file", "give another path"),
    errno.EMFILE: ("too many files are open in this process", "raise the limit: ulimit -n"),
}
"""What error numbers mean for a store, and what to do."""


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
