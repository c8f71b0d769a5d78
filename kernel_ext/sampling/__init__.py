"""Runs and draws as the notebook shows them: the form, the live dashboard, the posterior."""
