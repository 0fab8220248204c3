"""The Flow figure: activations forward, gradients backward, layer by layer."""
