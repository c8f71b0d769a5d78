"""The notebook side."""
