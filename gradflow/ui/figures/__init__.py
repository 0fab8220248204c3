"""Figures in the page: one Plotly graph each, changed in place, and the files it needs."""
