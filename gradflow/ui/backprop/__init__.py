"""The page on backpropagation, step by step."""
