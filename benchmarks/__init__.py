"""What GradFlow costs: all of it, ``python -m benchmarks``, or a part, … ``recording``."""
