"""Small computations behind the pages that teach: every intermediate number is kept."""
