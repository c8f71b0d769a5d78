"""Graphs as the notebook shows them: what computes a subject, its drawing, its groups, its values."""
