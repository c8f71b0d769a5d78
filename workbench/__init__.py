"""A workbench for Bayesian modelling: models as graphs that you can see, rewrite, compile and sample."""
