"""What a normalization does to a network: gradient flow, weight scale, learning rate."""
