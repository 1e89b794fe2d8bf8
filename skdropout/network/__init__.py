"""What a network is: layers, activations, initial weights, prediction by NumPy."""
