"""What ``%load_ext dockerkit`` does: registers the magics and their completion, and says which notebook this is.

IPython is imported here, when it asks, and nowhere above.
"""

from __future__ import annotations

from typing import Any

from dockerkit.notebook import ownership
from dockerkit.notebook.cells import ContainerCell, ExecCell
from dockerkit.notebook.completion import complete
from dockerkit.notebook.docker import DockerLine
from dockerkit.notebook.magic import Magic

MAGICS: tuple[type[Magic], ...] = (DockerLine, ContainerCell, ExecCell)


def load_ipython_extension(shell: Any) -> None:
    """Register ``%docker``, ``%%container``, ``%%exec`` and their completion; loading again changes nothing."""
    from IPython.core.completer import context_matcher  # noqa: PLC0415
    from IPython.core.magic import needs_local_scope, no_var_expand, output_can_be_silenced  # noqa: PLC0415

    unload_ipython_extension(shell)
    for kind in MAGICS:
        function = output_can_be_silenced(no_var_expand(needs_local_scope(kind(shell).as_function())))
        shell.register_magic_function(function, magic_kind=kind.kind, magic_name=kind.name)
    shell.Completer.custom_matchers.append(context_matcher(identifier=ownership.LABEL)(complete))
    ownership.mark(shell.user_ns)


def unload_ipython_extension(shell: Any) -> None:
    """Take all of it away again."""
    for kind in MAGICS:
        shell.magics_manager.magics[kind.kind].pop(kind.name, None)
    ours = [matcher for matcher in shell.Completer.custom_matchers if matcher.__name__ == complete.__name__]
    for matcher in ours:
        shell.Completer.custom_matchers.remove(matcher)
    ownership.unmark()
