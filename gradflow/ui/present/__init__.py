"""Presenting a page: its picture alone, large, its presets by arrow keys, its link for phones."""
