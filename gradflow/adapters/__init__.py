"""``gf.watch`` for trainers of others; each module needs the library that it is named after."""
