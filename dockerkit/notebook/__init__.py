"""The notebook's face: HTML views, magics, pictures.

Talks to an engine through :mod:`dockerkit.client` only; what runs a cell never knows the wire. IPython is imported by
:mod:`dockerkit.notebook.extension` and below, pandas and IPython by no view: a view works wherever HTML is shown.
"""
