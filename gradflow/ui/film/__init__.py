"""The player of a film: frames that lie in the browser, shown on figures of the page."""
