"""Why deeper is harder: plain networks against residual ones of the same depth."""
