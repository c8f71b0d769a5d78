"""Lets the models of this folder import each other, as they do where they run with PyMC."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
