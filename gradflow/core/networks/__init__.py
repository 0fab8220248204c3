"""Specs → ``nn.Module``."""
