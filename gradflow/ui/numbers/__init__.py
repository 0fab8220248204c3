"""Numbers that are set by a slider or typed, and whose figure follows while the slider moves."""
