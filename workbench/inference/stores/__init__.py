"""Where draws go: memory, or a Zarr group on disk that outlives the program."""

from workbench.inference.stores.memory import MemoryStore
from workbench.inference.stores.store import Column, Contents, Rows, State, Store
from workbench.inference.stores.zarr import ZarrStore

__all__ = ["Column", "Contents", "MemoryStore", "Rows", "State", "Store", "ZarrStore"]
