"""The page on diagnoses: what each verdict means, with an example."""
