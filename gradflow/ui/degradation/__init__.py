"""The page on degradation: plain against residual networks."""
