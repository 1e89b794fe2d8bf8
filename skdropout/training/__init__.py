"""The trainer: stacks of networks, compiled by XLA."""
