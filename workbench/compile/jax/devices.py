"""What JAX can compute on: devices by name and memory, and why one is not usable."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import ArgumentError, CompileError

KINDS = ("cpu", "gpu", "tpu")


@dataclass(frozen=True)
class Device:
    """A device, by what people call it.

    Attributes
    ----------
    name
        Its model's name, such as "NVIDIA H200".
    kind
        "cpu", "gpu" or "tpu".
    memory
        Bytes that programs may use, if that is known.
    why_not
        Why it cannot be used; empty if it can.
    jax
        JAX's device, if there is one: ``sample(..., device=...)`` takes either.
    """

    name: str
    kind: str
    memory: int | None = None
    why_not: str = ""
    jax: Any = field(default=None, repr=False)

    def __str__(self) -> str:
        size = "" if self.memory is None else f", {self.memory / 2**30:.1f} GiB"
        return f"{self.kind}: {self.name}{size}{f' (not usable: {self.why_not})' if self.why_not else ''}"


def devices() -> list[Device]:
    """Return the devices that chains can be advanced on, and those that are there and cannot be used, with the reason.

    Examples
    --------
    >>> import workbench as pm
    >>> [d.kind for d in pm.devices() if not d.why_not][-1]
    'cpu'
    """
    try:
        jax: Any = importlib.import_module("jax")
    except ImportError as error:
        return [Device(_processor(), "cpu", free_memory(), f"JAX cannot be imported ({error}): install jax")]
    found: list[Device] = []
    for kind in ("tpu", "gpu", "cpu"):
        found += [_described(d, kind) for d in _of_kind(jax, kind)]
    if not any(d.kind == "gpu" for d in found):
        found[:0] = [Device(name, "gpu", None, why) for name, why in _gpus_without_jax(jax)]
    return found


def chosen_devices(device: Any, chains: int) -> list[Any]:
    """Return JAX's devices for an option of `sample`: chains are shared out to them evenly.

    Parameters
    ----------
    device
        "cpu", "gpu" or "tpu", for all devices of that kind, as many as the chains can be shared out to; a device, or a list
        of them; ``None`` for the first device that JAX has.
    chains
        Number of chains.

    Raises
    ------
    CompileError
        If there is no such device, or the chains cannot be shared out to those that are given.
    ArgumentError
        If it is something else.
    """
    try:
        jax: Any = importlib.import_module("jax")
    except ImportError as error:
        raise CompileError(f"JAX cannot be imported: {error}", "install jax, or use backend='c'") from error
    if device is None:
        return [jax.devices()[0]]
    if isinstance(device, str):
        kind = device.lower()
        if kind not in KINDS:
            raise ArgumentError(f"device={device!r} is none", f"give one of {', '.join(map(repr, KINDS))}, or a device of pm.devices()")
        there = _of_kind(jax, kind)
        if not there:
            others = [str(d) for d in devices()]
            raise CompileError(f"there is no {kind.upper()} that JAX can use", f"there is {'; '.join(others)}")
        return there[: max(k for k in range(1, len(there) + 1) if chains % k == 0)]
    several = list(device) if isinstance(device, Sequence) else [device]
    found = [d.jax if isinstance(d, Device) else d for d in several]
    for d, given in zip(found, several):
        if d is None or not hasattr(d, "platform"):
            why = given.why_not if isinstance(given, Device) else "it is no device"
            raise ArgumentError(f"device={given!r} cannot be used: {why}", "pm.devices() lists those that can")
    if not found:
        raise ArgumentError("device is an empty list", "pm.devices() lists devices")
    if chains % len(found):
        near = -(-chains // len(found)) * len(found)
        raise CompileError(f"{chains} chains cannot be shared out evenly to {len(found)} devices", f"give chains={near}, or fewer devices")
    return found


def memory_of(device: Any) -> int | None:
    """Return how many bytes programs may use on a device of JAX; ``None`` if that is not known."""
    stats = getattr(device, "memory_stats", lambda: None)() or {}
    limit = stats.get("bytes_limit")
    if limit:
        return int(limit) - int(stats.get("bytes_in_use", 0))
    return free_memory() if device.platform == "cpu" else None


def _of_kind(jax: Any, kind: str) -> list[Any]:
    try:
        return list(jax.devices(kind))
    except RuntimeError:
        # JAX's way to say that there are none.
        return []


def _described(device: Any, kind: str) -> Device:
    name = _processor() if kind == "cpu" else str(device.device_kind)
    return Device(name if device.id == 0 else f"{name}, number {device.id}", kind, memory_of(device), "", device)


def _gpus_without_jax(jax: Any) -> list[tuple[str, str]]:
    """GPUs that the system has and JAX does not see, with the reason."""
    names = [_model(p) for p in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))]
    if not names and Path("/dev/nvidia0").exists():
        names = ["NVIDIA GPU"]
    if not names:
        return []
    if os.environ.get("JAX_PLATFORMS", "").lower() in ("cpu", "tpu"):
        why = f"JAX_PLATFORMS is {os.environ['JAX_PLATFORMS']!r}: unset it"
    elif os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        why = "CUDA_VISIBLE_DEVICES hides it: unset it"
    else:
        why = f"JAX {jax.__version__} is installed without CUDA, or its driver does not fit: install jax[cuda12]"
    return [(name, why) for name in names]


def _model(information: Path) -> str:
    for line in information.read_text().splitlines():
        if line.startswith("Model:"):
            return line.partition(":")[2].strip()
    return "NVIDIA GPU"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    import platform

    return platform.processor() or platform.machine() or "processor"


def free_memory() -> int | None:
    """Bytes of memory that are free, as far as the system says."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


