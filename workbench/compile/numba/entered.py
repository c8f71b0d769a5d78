# mypy: ignore-errors
"""Code of Numba's as a built-in function of Python: ``run(self, arguments, count)``, of which the first argument is an environment,
returns the results, or ``None`` where an argument is no plain array of its type. It is compiled from its text, as generated code is.

All is words of memory here, and what is called of Python and NumPy is called by address. `self` is an array of words, as
:func:`workbench.compile.numba.calls.entry` fills it.
"""

import numpy as np

from workbench.compile.numba.pointers import call, exchange, invoke, pointer, words

PLAIN = 0x101  # NumPy's flags of an array that is rows first, and aligned.
LINE = 64  # Bytes that an arena's start is a multiple of.
SPARE = 8  # So many arenas are kept for the next calls.
HEAD = object.__basicsize__


def run(self, arguments, count):
    # What follows the head of an array's object: data, number of axes, lengths, steps, owner, dtype, flags; before them its type.
    f = pointer(pointer(self + HEAD, np.int64)[0], np.int64)
    inputs, outputs, room, kinds = f[1], f[2], f[3], pointer(f[4], np.int64)
    python, spare = pointer(f[5], np.int64), pointer(f[6], np.int64)
    none, array_type, raise_fault = python[15], python[16], python[17]

    # After the arguments `raise_fault` may come, a mark that no user has, and arrays for the last results; the others are new.
    marked = 0
    if count > inputs + 1 and arguments[inputs + 1] == raise_fault:
        marked = 1
    rooms = inputs + 1 + marked
    fresh = outputs - (count - rooms)
    good = fresh == outputs or (marked == 1 and 0 <= fresh < outputs)
    if good:
        for i in range(inputs + outputs - fresh):
            kind = 3 * (i if i < inputs else i + fresh)
            x = pointer(arguments[i + 1 if i < inputs else rooms + i - inputs] + HEAD, np.int64)
            if x[-1] != array_type or x[5] != kinds[kind] or (x[1] & 0xFFFFFFFF) != kinds[kind + 1] or (x[6] & PLAIN) != PLAIN:
                good = False
                break
            lengths, wanted = pointer(x[2], np.int64), pointer(kinds[kind + 2], np.int64)
            for k in range(kinds[kind + 1]):
                good = good and lengths[k] == wanted[k]
    if not good:
        invoke(python[2], (none,))
        return none

    # Memory is the arena, and after it the table of addresses.
    memory = 0
    for i in range(SPARE):
        if memory == 0:
            memory = exchange(spare, i, 0)
    if memory == 0:
        memory = invoke(python[12], (room + LINE + 8 * (inputs + outputs),))
    results = invoke(python[4], (outputs,))
    failed = memory == 0 or results == 0
    if memory == 0:
        invoke(python[11], (none,))
    if not failed:
        io = pointer(memory + room + LINE, np.int64)
        for i in range(inputs):
            io[i] = pointer(arguments[i + 1] + HEAD, np.int64)[0]
        for i in range(outputs):
            kind = 3 * (inputs + i)
            made = 0
            if i < fresh:
                invoke(python[2], (kinds[kind],))
                made = invoke(python[14], (array_type, kinds[kind], kinds[kind + 1], kinds[kind + 2], 0, 0, 0, 0))
            else:
                made = arguments[rooms + i - fresh]
                invoke(python[2], (made,))
            if made == 0:
                failed = True
                break
            invoke(python[5], (results, i, made))
            io[inputs + i] = pointer(made + HEAD, np.int64)[0]
        if not failed:
            fault = words(3)
            environment = pointer(invoke(python[9], (arguments[0],)), np.int64)
            state = invoke(python[0], (none,))
            failed = call(f[0], io, environment, memory + (-memory) % LINE, fault) != 0
            invoke(python[1], (state,))
            if failed:
                told = invoke(python[6], (3,))
                for i in range(3):
                    invoke(python[7], (told, i, invoke(python[8], (fault[i],))))
                invoke(python[10], (raise_fault, told))
                invoke(python[3], (told,))
    if failed and results != 0:
        invoke(python[3], (results,))
        results = 0
    for i in range(SPARE):
        if memory != 0:
            memory = exchange(spare, i, memory)
    if memory != 0:
        invoke(python[13], (memory,))
    return results
