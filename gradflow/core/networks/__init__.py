"""Networks: from specs to ``nn.Module``."""
