"""What shares a mean, one batch, running statistics, small batches; each in float64."""
