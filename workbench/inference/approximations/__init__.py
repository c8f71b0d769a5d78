"""Approximations of posteriors, each with what tells whether to trust it."""
