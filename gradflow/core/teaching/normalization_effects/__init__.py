"""Effects of a normalization on a network: gradient flow, weight scale, learning rate."""
