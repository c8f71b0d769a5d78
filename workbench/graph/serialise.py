"""Graphs as JSON: ops by name with their fields, arrays inline. Reading runs no code of the file."""

from __future__ import annotations

import binascii
import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import SerialisationError
from workbench.graph.expr import Constant, Data, Expr, Input, Op, constant_op, give_name, intern
from workbench.graph.frozen import fields
from workbench.graph.inner import Graph
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType, TupleType, Type

FORMAT, VERSION = "workbench.graph", 1


def to_json(graph: Graph) -> str:
    """Return a graph as JSON text, with the version of its format.

    Provenance is not kept: where a node was written says nothing elsewhere.

    Raises
    ------
    SerialisationError
        If an operation has a field that JSON cannot hold.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 3)
    >>> text = to_json(Graph([x], [pt.exp(x).sum()]))
    >>> from_json(text)
    Graph((float64[3]) -> (float64[]))
    """
    writer = _Writer()
    root = writer.graph(graph)
    content = {"format": FORMAT, "version": VERSION, "data": writer.data, "graphs": writer.graphs, "root": root}
    import json

    return json.dumps(content)


def from_json(text: str) -> Graph:
    """Return the graph of a JSON text that :func:`to_json` wrote.

    Raises
    ------
    SerialisationError
        If the text is not a graph, is of a later version, or names an operation that is not known.
    """
    import json

    try:
        content = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SerialisationError(f"this is not JSON: {error}") from None
    except RecursionError:
        raise SerialisationError("this JSON is not a graph: it is nested too deeply") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SerialisationError(f"this JSON is not a graph: its format is not {FORMAT!r}")
    if content.get("version") != VERSION:
        raise SerialisationError(
            f"this graph has version {content.get('version')!r} of the format; this workbench reads version {VERSION}"
        )
    try:
        reader = _Reader(content["data"])
        for entry in content["graphs"]:
            reader.graph(entry)
        return reader.graphs[content["root"]]
    except SerialisationError:
        raise
    except Exception as error:  # Operations make themselves of whatever the file says: any of them may fail.
        raise SerialisationError(f"this graph is damaged: {type(error).__name__}: {error}") from None


def digest(graph: Graph) -> str:
    """Return a name for what a graph computes: the hash of its JSON, the same in every process.

    Constants count by content; data by label and type, as their content may be replaced. What JSON cannot hold counts by its name.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 3)
    >>> digest(Graph([x], [pt.exp(x)])) == digest(Graph([x], [pt.exp(x)])) != digest(Graph([x], [pt.log(x)]))
    True
    """
    import json

    writer = _Digest()
    root = writer.graph(graph)
    import hashlib  # Not with the package: it loads OpenSSL.

    return hashlib.sha256(json.dumps([writer.data, writer.graphs, root]).encode()).hexdigest()


class _Writer:
    """Graphs in the order written: inner ones before those that hold them."""

    def __init__(self) -> None:
        self.graphs: list[dict[str, Any]] = []
        self.known: dict[Graph, int] = {}
        self.data: list[dict[str, Any]] = []
        self.cells: dict[Data, int] = {}

    def graph(self, graph: Graph) -> int:
        # An explicit stack: loops may lie within loops to any depth.
        stack = [graph]
        while stack:
            g = stack[-1]
            if g in self.known:
                stack.pop()
                continue
            nodes = topological((*g.params, *g.results))
            inner = [h for n in nodes for h in n.op.graphs if h not in self.known]
            if inner:
                stack += inner
                continue
            stack.pop()
            number = {n: i for i, n in enumerate(nodes)}
            self.known[g] = len(self.graphs)
            self.graphs.append(
                {
                    "nodes": [self.node(n, number) for n in nodes],
                    "params": [number[p] for p in g.params],
                    "results": [number[r] for r in g.results],
                }
            )
        return self.known[graph]

    def node(self, n: Expr, number: dict[Expr, int]) -> dict[str, Any]:
        made = self.op(n.op)
        if n.inputs:
            made["inputs"] = [number[x] for x in n.inputs]
        if n.name is not None:
            made["name"] = n.name
        return made

    def op(self, op: Op) -> dict[str, Any]:
        made: dict[str, Any] = {"op": type(op).__name__}
        if isinstance(op, Constant):
            made["value"] = self.value(op.value)
        elif isinstance(op, Data):
            made["data"] = self.cell(op)
        elif (name := object_name(op)) is not None:
            made["named"] = name
        else:
            made["fields"] = self.fields(fields(op))
        return made

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.value(v) for name, v in values.items()}

    def cell(self, op: Data) -> int:
        """Number of a data array, which several graphs may share."""
        if op not in self.cells:
            self.cells[op] = len(self.data)
            self.data.append({"label": op.label, "value": self.value(op.value), "type": self.value(op.type)})
        return self.cells[op]

    def value(self, v: Any) -> Any:
        if v is None or isinstance(v, (bool, int, str)):
            return v
        if isinstance(v, float):
            return v if math.isfinite(v) else {"float": repr(v)}
        if isinstance(v, tuple):
            return {"tuple": [self.value(x) for x in v]}
        if isinstance(v, Graph):
            return {"graph": self.known[v]}
        if isinstance(v, TensorType):
            return {"tensor": [v.dtype, list(v.shape)]}
        if isinstance(v, TupleType):
            return {"types": [self.value(t) for t in v.items]}
        if isinstance(v, np.ndarray):
            data = binascii.b2a_base64(np.ascontiguousarray(v).astype(v.dtype.newbyteorder("<")).tobytes(), newline=False)
            return {"array": [v.dtype.name, list(v.shape), data.decode()]}
        name = object_name(v)
        if name is not None:
            return {"named": name}
        if isinstance(v, Op):
            return {"op": self.op(v)}
        if getattr(v, "made_from", None) is not None:
            maker, content = v.made_from
            return {"made": [self.value(maker), self.fields(content)]}
        raise SerialisationError(f"a field of type {type(v).__name__} cannot be written as JSON: {v!r}")


class _Digest(_Writer):
    """Graphs in the order written, arrays by their hash: large ones are not copied."""

    def cell(self, op: Data) -> int:
        if op not in self.cells:
            self.cells[op] = len(self.data)
            self.data.append({"label": op.label, "type": self.value(op.type)})
        return self.cells[op]

    def value(self, v: Any) -> Any:
        if isinstance(v, np.ndarray):
            return {"array": array_digest(v)}
        try:
            return super().value(v)
        except SerialisationError:
            return {"unknown": [type(v).__qualname__, getattr(v, "__module__", None), getattr(v, "__qualname__", None)]}


def array_digest(array: np.ndarray[Any, Any]) -> str:
    """Return the hash of an array's dtype, shape and content.

    Examples
    --------
    >>> array_digest(np.zeros(2)) == array_digest(np.zeros(2)) != array_digest(np.zeros((2, 1)))
    True
    """
    content = np.ascontiguousarray(array)
    import hashlib

    found = hashlib.sha256(f"{array.dtype.name}{array.shape}".encode())
    found.update(content.astype(content.dtype.newbyteorder("<"), copy=False).tobytes() if content.dtype != object else repr(content.tolist()).encode())
    return found.hexdigest()


class _Reader:
    """What has been read so far."""

    def __init__(self, data: Sequence[dict[str, Any]]) -> None:
        self.graphs: list[Graph] = []
        self.classes = _classes()
        self.data = [Data(_text(d["label"]), [self.value(d["value"])], self.value(d["type"])) for d in data]

    def graph(self, entry: dict[str, Any]) -> None:
        nodes: list[Expr] = []
        for n in entry["nodes"]:
            inputs = tuple(nodes[_earlier(i, nodes)] for i in n.get("inputs", ()))
            node: Expr = give_name(intern(self.op(n), inputs), _text(n.get("name")))
            nodes.append(node)
        self.graphs.append(Graph([nodes[i] for i in entry["params"]], [nodes[i] for i in entry["results"]]))

    def op(self, n: dict[str, Any]) -> Op:
        if "named" in n:
            made = object_by_name(n["named"])
        elif "data" in n:
            made = self.data[n["data"]]
        else:
            kind = self.classes.get(n["op"])
            if kind is None:
                raise SerialisationError(f"this graph uses the operation {n['op']!r}, which is not known here")
            if kind is Constant:
                return constant_op(self.value(n["value"]))
            made = kind(**{name: self.value(v) for name, v in n.get("fields", {}).items()})
        if not isinstance(made, Op) or (isinstance(made, Input) and not isinstance(made.type, Type)):
            raise ValueError(f"{n['op']} is not an operation with a type")
        if isinstance(made, Input):
            _text(made.label)
        return made

    def value(self, v: Any) -> Any:
        if not isinstance(v, dict):
            return v
        ((kind, content),) = v.items()
        if kind == "float":
            return float(content)
        if kind == "tuple":
            return tuple(self.value(x) for x in content)
        if kind == "graph":
            return self.graphs[content]
        if kind == "tensor":
            return TensorType(content[0], tuple(content[1]))
        if kind == "types":
            return TupleType(tuple(self.value(t) for t in content))
        if kind == "named":
            return object_by_name(content)
        if kind == "op":
            return self.op(content)
        if kind == "made":
            maker, given = self.value(content[0]), content[1]
            if not hasattr(maker, "with_fields"):
                raise ValueError(f"{maker!r} is nothing that others are made from")
            return maker.with_fields(**{name: self.value(x) for name, x in given.items()})
        if kind == "array":
            dtype, shape, data = content
            array = np.frombuffer(binascii.a2b_base64(data), np.dtype(dtype).newbyteorder("<"))
            return array.astype(dtype).reshape(shape)
        raise ValueError(f"a value of kind {kind!r}")


def _text(name: Any) -> Any:
    if name is not None and not isinstance(name, str):
        raise ValueError(f"{name!r} is no name")
    return name


def _earlier(i: int, nodes: Sequence[Expr]) -> int:
    if not 0 <= i < len(nodes):
        raise ValueError(f"node {len(nodes)} reads node {i}, which does not come before it")
    return i


PLACES: list[str] = []
"""Modules of the package with operations, which are loaded when they are used."""


def _classes() -> dict[str, Any]:
    """Operation classes by name: those of the package, those that are loaded, and no others."""
    for place in PLACES:
        importlib.import_module(place)
    found: dict[str, Any] = {}
    pending: list[Any] = [Op]
    while pending:
        kind = pending.pop()
        found[kind.__name__] = kind
        pending += kind.__subclasses__()
    return found


NAMED: dict[str, Mapping[str, Any]] = {}
"""Tables of objects that are written by name, each by the table's own name."""


def object_name(value: Any) -> list[str] | None:
    """Table and key of an object that is written by name."""
    key = getattr(value, "name", None) or getattr(value, "__name__", None)
    for title, table in NAMED.items():
        if isinstance(key, str) and table.get(key) is value:
            return [title, key]
    return None


def object_by_name(name: Any) -> Any:
    title, key = name
    if key not in NAMED.get(title, {}):
        raise SerialisationError(f"this graph uses {title} {key!r}, which is not known here")
    return NAMED[title][key]
