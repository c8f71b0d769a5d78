"""The Infer tab: a plan of how to sample a model, with reasons and switches."""
