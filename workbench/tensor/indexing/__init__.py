"""Indexing: parts of tensors, read and set."""
