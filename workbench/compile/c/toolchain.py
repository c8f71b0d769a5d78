"""The C compiler: found at run time, asked once what it can do."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from workbench.compile import cache
from workbench.compile.c.vector_math import FUNCTIONS, REPLACED
from workbench.config import compiler_command, compiler_flags, own_math
from workbench.errors import CompileError

# The processor's own instructions. On ARM, clang takes -mcpu=native alone, and gcc both.
NATIVE = "-mcpu=native" if platform.machine().lower() in ("arm64", "aarch64") else "-march=native"
# The widest registers, where a compiler's default depends on the model: functions are computed in them in any case (`vector_math`).
WIDEST = ("-mprefer-vector-width=512",) if platform.machine().lower() in ("x86_64", "amd64") else ()
FLAGS = (
    "-std=gnu11", "-O3", NATIVE, *WIDEST, "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math",
    "-fopenmp-simd", "-fno-builtin-malloc", "-fwrapv", "-w",  # Integers wrap around, as NumPy's do.
    # A formula has one value, in a vector loop, in the loop's rest and elsewhere: no rounding is left out, and no call
    # replaced (sin and cos by sincos, pow by products). Of others gcc must know that they have no effect: a loop with a
    # branch becomes a vector loop only then.
    "-ffp-contract=off", *(f"-fno-builtin-{name}" for name in REPLACED),
)  # fmt: skip


LONG, LINES_TO_A_LOOP = 6000, 40
"""Code of more lines, with so many or more to each of its loops, is compiled with fewer optimisations: in a third of the time."""
LONG_CALLER, CALL = 1000, "region->run("
"""So is code of more lines that calls what is compiled by itself, as a sampler does a density. Its time is in that, and in loops, which say
themselves that they are loops of vectors."""
FEWER = ("-O1", "-ftree-vectorize")
WITHOUT = (
    "-fno-gcse", "-fno-gcse-after-reload", "-fno-tree-pre", "-fno-split-paths",
    # Choices by one condition joined over what stands between them are choices between masks, of which gcc makes no vector loop.
    "--param=max-jump-thread-duplication-stmts=0",
)  # fmt: skip
"""What gcc is not to look for: values that are computed twice. Rules have found them, and it takes a fifth of its time. And ways around long code."""
SELDOM = ("-fira-region=one", "-fno-ivopts")
"""How gcc is to choose registers and steps of loops where code is called a few times in a run: in less time. No result depends on it."""


_building: dict[str, threading.Lock] = {}


@dataclass(frozen=True)
class Compiler:
    """A C compiler and what decides whether its output can be reused."""

    path: str
    identity: str
    vector_math: tuple[str, ...]

    def flags(self, code: str = "", seldom: bool = False) -> tuple[str, ...]:
        """The options for some code, that may be called `seldom`: loops are vector loops in any, and a formula has one value."""
        libraries = ("-lmvec", "-lm") if self.vector_math else ("-lm",)
        without = (*WITHOUT, *(SELDOM if seldom else ())) if "gcc" in self.identity.lower() else ()
        chosen = (*_optimisation(code, seldom), *without, *(f for f in FLAGS if f != "-O3"))
        return (*chosen, *compiler_flags(), *libraries)

    def build(self, code: str, seldom: bool = False) -> tuple[Path, bool]:
        """Return the shared library of `code`, and whether it was in the cache already."""
        flags = self.flags(code, seldom)
        name = cache.digest(self.identity, " ".join(flags), code)
        # One build at a time of the same code within this process; others wait for its result.
        with _building.setdefault(name, threading.Lock()):
            return cache.fetch(name, ".so", lambda target: self._run(code, target, flags))

    def library(self, code: str, seldom: bool = False) -> tuple[ctypes.CDLL, bool]:
        """Return the loaded library of `code`, and whether it was in the cache already.

        Raises
        ------
        CompileError
            If the code cannot be compiled, or the system does not run code from the cache folder.
        """
        path, hit = self.build(code, seldom)
        try:
            return ctypes.CDLL(str(path)), hit
        except OSError:
            # Damaged before its checksum was made, or dropped since: made anew, it may load.
            cache.discard(path)
        path, hit = self.build(code, seldom)
        try:
            return ctypes.CDLL(str(path)), hit
        except OSError as error:
            hint = "set WORKBENCH_CACHE_DIR to a folder that is not mounted noexec; or WORKBENCH_CC names a compiler for another C library than Python's"
            raise CompileError(f"compiled code cannot be run from {path.parent}: {error}", hint) from None

    def _run(self, code: str, target: Path, flags: tuple[str, ...]) -> None:
        source = target.with_suffix(".c")
        source.write_text(code)
        compile_flags = [f for f in flags if not f.startswith("-l")]
        libraries = [f for f in flags if f.startswith("-l")]
        command = [self.path, *compile_flags, "-o", str(target), str(source), *libraries]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if done.returncode:
            extra = compiler_flags()
            raise CompileError(
                f"{self.path} could not compile the generated code:\n{done.stderr[-2000:]}",
                f"WORKBENCH_CFLAGS adds {' '.join(extra)!r}: try without" if extra else "please report it with the model; backend='numba' may work meanwhile",
            )


def _optimisation(code: str, seldom: bool) -> tuple[str, ...]:
    """How much a compiler is to do for some code."""
    lines, loops = code.count("\n"), code.count("for (")
    calls = lines > LONG_CALLER and CALL in code
    return FEWER if seldom or calls or (lines > LONG and lines >= LINES_TO_A_LOOP * loops) else ("-O3",)


@functools.lru_cache(maxsize=4)
def _find(asked: str | None, own: bool) -> Compiler | None:
    if asked is not None:
        names = [asked]
    elif sys.platform == "win32":
        # The generated code needs POSIX threads and has not been tried there: only a compiler that is asked for by name is taken.
        names = []
    else:
        names = ["clang", "gcc", "cc"] if sys.platform == "darwin" else ["gcc", "clang", "cc"]
    for name in names:
        path = shutil.which(name) if name else None
        if path is None:
            continue
        identity = _identity(path)
        if identity is not None:
            # musl's compiler may stand beside glibc, which Python runs on.
            vector = () if own or "clang" in identity.lower() or "musl" in identity else _vector_forms()
            return Compiler(path, f"{identity} {_processor()}", vector)
    return None


def _identity(path: str) -> str | None:
    """What changes when the compiler does; ``None`` if it does not run."""
    real = Path(path).resolve()
    if sys.platform == "linux" and ("gcc" in real.name or "clang" in real.name):
        # The binary itself, not a wrapper: its file says as much as --version, without a process.
        status = real.stat()
        return f"{real} {status.st_size} {status.st_mtime_ns}"
    try:
        return subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def find_compiler() -> Compiler | None:
    """Return the C compiler to use, or ``None`` if there is none."""
    return _find(compiler_command(), own_math())


def require_compiler() -> Compiler:
    """Return the C compiler.

    Raises
    ------
    CompileError
        If there is none, with what to install on this system.
    """
    found = find_compiler()
    if found is None:
        install = {
            "linux": "sudo apt install gcc (Debian, Ubuntu) or sudo dnf install gcc (Fedora)",
            "darwin": "xcode-select --install",
        }.get(sys.platform, "conda install -c conda-forge c-compiler")
        raise CompileError(f"backend='c' needs a C compiler, and {why_none()}", f"{install}; or use backend='numba'")
    return found


def why_none() -> str:
    """Return what to say where no compiler was found."""
    asked = compiler_command()
    if asked is None and sys.platform == "win32":
        return "on Windows none is taken that is not asked for: set WORKBENCH_CC to gcc of MinGW-w64 to try"
    if asked is None:
        return "neither gcc nor clang was found on the PATH"
    if not asked:
        return "WORKBENCH_CC is empty: none is to be used"
    return f"WORKBENCH_CC={asked!r} is no program that can be run: it takes the name or path of a C compiler alone"


def _vector_forms() -> tuple[str, ...]:
    """The functions of which glibc has vector forms here: it has more of them from one version to the next."""
    if platform.machine() != "x86_64":
        return ()
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return ()
    return tuple(name for name, n in FUNCTIONS.items() if hasattr(library, f"_ZGVbN2{'v' * n}_{name}"))


def _brand() -> str:
    """The processor's name on macOS: a home folder may be shared by several."""
    if sys.platform != "darwin":
        return ""
    done = subprocess.run(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@functools.lru_cache(maxsize=1)
def _processor() -> str:
    """What ``-march=native`` depends on."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {_brand()}"
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return platform.machine() + cache.digest(flags)
