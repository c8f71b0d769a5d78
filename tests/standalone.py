"""A compiled function as a program of its own, built and linked with musl: what generated C computes where there is no glibc.

A library that is linked with musl cannot be loaded beside glibc, on which Python may run. So the program that the C backend
printed is given a `main`, which reads what the backend would hand it, and writes its results.
"""

import shutil
import subprocess

import numpy as np
import pytest

from workbench.compile.c.toolchain import find_compiler
from workbench.compile.entered_lengths import sizes_at

needs_musl = pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="musl-gcc is not installed (Debian, Ubuntu: apt install musl-tools)")

MAIN = """
#include <stdio.h>
#include <stdlib.h>
static int64_t *read_of(int64_t bytes) {
    int64_t *made = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (fread(made, 1, bytes, stdin) != bytes) exit(9);
    return made;
}
static void **arrays(const int64_t *bytes, int64_t count) {
    void **made = malloc(8 * (count + 1));
    for (int64_t i = 0; i < count; i++) made[i] = read_of(bytes[i]);
    return made;
}
int main(void) {
    const int64_t *head = read_of(40), sizes = head[0], constants = head[1], inputs = head[2], outputs = head[3], arena = head[4];
    const int64_t *const bytes = read_of(8 * (constants + inputs + outputs));
    wb_env env = {.sizes = read_of(8 * sizes)};
    env.constants = arrays(bytes, constants);
    void **io = arrays(bytes + constants, inputs + outputs);
    int64_t fault[8] = {0};
    const int32_t failed = run(io, &env, aligned_alloc(64, (arena + 127) / 64 * 64), fault);
    for (int64_t i = inputs; i < inputs + outputs; i++) fwrite(io[i], 1, bytes[constants + i], stdout);
    return failed != 0;
}
"""


class Standalone:
    """A function of the C backend, which calls nothing outside its code, as a static program.

    Parameters
    ----------
    f
        The function, compiled for any C library: without vector forms of glibc.
    folder
        Where to build.
    """

    def __init__(self, f, folder):
        self.source = f.source
        self._compiled = f.compiled
        code = f.compiled.code
        assert not code.program.regions and not code.fallbacks and not code.lowered.native
        folder.mkdir()
        printed = code.lowered.printed.with_vector_forms(())
        (folder / "program.c").write_text(printed.text + MAIN)
        self._path = folder / "program"
        compiler = find_compiler()
        assert "musl" in compiler.path and compiler.vector_math == ()
        flags = [flag for flag in compiler.flags(printed.code) if flag not in ("-shared", "-fPIC", "-lm")]
        built = subprocess.run([compiler.path, *flags, "-static", "-o", self._path, folder / "program.c", "-lm"], capture_output=True, text=True)
        assert built.returncode == 0, built.stderr

    def __call__(self, *values):
        given = [np.array(v, t, order="C") for v, t in zip(values, (b.dtype for b in self._compiled.code.program.inputs), strict=True)]
        sized, printed = self._compiled.sized(*given), self._compiled.code.lowered.printed
        constants = [np.array(op.value, printed.stored.get(i), order="C") for i, (_, op) in enumerate(self._compiled.code.program.constants)]
        results = [np.zeros(shape, dtype) for dtype, shape in sized.outputs]
        sizes, every = sizes_at(printed.sizes, sized.values, 0), [*constants, *given, *results]
        head = [len(sizes), len(constants), len(given), len(results), sized.arena, *(a.nbytes for a in every), *sizes]
        done = subprocess.run([self._path], input=np.array(head, np.int64).tobytes() + b"".join(a.tobytes() for a in every), capture_output=True)
        assert done.returncode == 0, f"the program ended with {done.returncode}"
        ends = np.cumsum([r.nbytes for r in results])
        assert len(done.stdout) == ends[-1]
        return [np.frombuffer(done.stdout[end - r.nbytes : end], r.dtype).reshape(r.shape) for end, r in zip(ends, results)]
