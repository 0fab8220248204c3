"""Pages of several views, each with a spec of its own: session, URL and widgets."""
