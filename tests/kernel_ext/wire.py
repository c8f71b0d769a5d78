"""A panel, and what it sends, caught and read as the front end reads it."""

import json
import threading

import numpy as np

from kernel_ext.widget.panel import Panel


def decode(message, data):
    """The columns of a message, as the front end reads them."""
    kinds = {"u8": "u1", "u32": "u4", "i32": "i4", "f32": "f4", "f64": "f8"}
    found = {}
    for c in message.get("cols", []):
        assert c["o"] % 8 == 0
        if c["d"] == "str":
            ends = np.frombuffer(data, "u4", c["l"] + 1, c["o"])
            start = c["o"] + 4 * (c["l"] + 1)
            found[c["n"]] = [data[start + a : start + b].decode() for a, b in zip(ends[:-1], ends[1:])]
        else:
            found[c["n"]] = np.frombuffer(data, kinds[c["d"]], c["l"], c["o"])
    return found


class Wire:
    """What a panel of some parts sends, caught; what is said and asked is for the first, unless another is named."""

    def __init__(self, *parts):
        self.sent, self.sizes, self._answers = [], [], threading.local()
        self.part, self.panel = parts[0], Panel(parts)
        self.panel.send = self._caught

    def _caught(self, content, buffers=None):
        message = content, decode(content, buffers[0]) if buffers else {}
        self.sizes.append(len(json.dumps(content)) + sum(map(len, buffers or [])))
        self.sent.append(message)
        self._answers.last = message

    def say(self, part=None, **content):
        self.panel._receive(None, {"p": part or self.part.name, **content}, [])

    def ask(self, part=None, **content):
        """The answer that comes at once; what comes later, from other threads, may be sent meanwhile."""
        self._answers.last = None
        self.say(part, **content)
        return self._answers.last

    def of(self, kind, part=None):
        return [m for m in self.sent if m[0]["t"] == kind and part in (None, m[0].get("p"))]
