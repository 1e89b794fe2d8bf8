"""How one stack is trained: networks of one shape as one, compiled by XLA."""
