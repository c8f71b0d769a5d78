"""Reductions, cumulative sums and statistics along axes."""
