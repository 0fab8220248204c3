"""Gradient flow through time: specs, sequences, recording, theory, comparisons, clipping."""

# So that `train` takes the experiments of this package, whichever part of it is imported.
from gradflow.core.recurrent import task as task
