"""What reverse mode does with cotangents beyond the chain rule."""
