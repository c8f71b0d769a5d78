"""Generated code, and the backends side by side."""
