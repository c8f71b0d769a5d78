"""Other people's NUTS on our log-density: NumPyro's and BlackJAX's as a JAX function, nutpie's as compiled code."""
