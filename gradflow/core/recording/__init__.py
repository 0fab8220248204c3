"""Recording one forward and backward pass: statistics, hooks, and leaving the model untouched."""
