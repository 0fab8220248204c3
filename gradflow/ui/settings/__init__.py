"""Settings of a page: one mechanism for the session, the URL, presets and widgets.

A page declares a ``Form`` per spec (``form.py``) and a ``Page`` that names its forms by view
(``page.py``). ``fields.py`` draws widgets from the spec's fields; ``codecs.py`` says how a spec
becomes flat values and texts; ``link.py`` parses what a URL says; ``state.py`` is the session;
``views.py`` shows the chosen view of a page that has several.
"""
