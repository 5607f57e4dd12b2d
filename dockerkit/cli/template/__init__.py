"""A subset of Go's templates, as ``--format`` takes them: fields, pipelines, ``if``, ``range``, ``with``, variables, functions.

Three steps: ``tokens`` cuts the text, ``parsing`` makes a tree of it, ``running`` writes the tree with a value; ``functions``
holds the functions. What is not offered (``define``, ``template``, ``block``) is refused by name. Pure: no engine, no terminal.
Source: the documentation of Go's package ``text/template``, and Docker's "Format command and log output".
"""

from dockerkit.cli.template.running import Template, TemplateError

__all__ = ["Template", "TemplateError"]
