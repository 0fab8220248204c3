"""Degradation with depth: plain networks against residual ones of the same depth."""
