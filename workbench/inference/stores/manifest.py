"""What a store says of its run: a file, and a copy of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import StoreError, warn_user
from workbench.inference.stores.zarr_format import write_file

FORMAT, VERSION = "workbench.store", 1
NAMES = "manifest.json", "manifest.copy.json"


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a manifest, and its copy."""
    text = json.dumps(content)
    whole = {"format": FORMAT, "version": VERSION, "sha256": hashlib.sha256(text.encode()).hexdigest(), "content": content}
    for name in NAMES:
        write_file(folder / name, json.dumps(whole, indent=1).encode())


def is_there(folder: Path) -> bool:
    """Return whether there is a manifest, whole or not."""
    return any((folder / name).exists() for name in NAMES)


def read(folder: Path, store: Path) -> dict[str, Any]:
    """Return the manifest of a store; the copy, with a warning, where the file is damaged.

    Raises
    ------
    StoreError
        If both are damaged, or of a later version.
    """
    wrong = []
    for name in NAMES:
        try:
            content = _content((folder / name).read_bytes(), store)
        except FileNotFoundError:
            wrong.append(f"{name} is missing")
        except ValueError as error:
            wrong.append(f"{name} is damaged ({error})")
        else:
            if wrong:
                warn_user(f"{store}: {wrong[0]}: its copy is whole, and is used")
                write(folder, content)
            return content
    raise StoreError(
        f"{store}: what it says of its run cannot be read: {' and '.join(wrong)} in {folder}",
        "the run cannot go on; its draws can be read: xarray.open_datatree(path, engine='zarr')",
    )


def _content(text: bytes, store: Path) -> dict[str, Any]:
    whole = json.loads(text)
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError("it is not of a store")
    if whole.get("version") != VERSION:
        raise StoreError(
            f"{store}: it has version {whole.get('version')!r} of the format of stores; this workbench reads version {VERSION}",
            "use the workbench that wrote it",
        )
    content: dict[str, Any] = whole["content"]
    if hashlib.sha256(json.dumps(content).encode()).hexdigest() != whole.get("sha256"):
        raise ValueError("its content is not what was written")
    return content
