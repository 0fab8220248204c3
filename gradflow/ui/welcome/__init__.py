"""The first visit: what this is, six networks to start from, and a tour."""
