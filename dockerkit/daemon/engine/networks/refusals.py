"""What the kernel refuses, said as an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dockerkit.errors import DockerkitError, Failed


@contextmanager
def explained(words: str) -> Iterator[None]:
    """Raise what the kernel refuses in the block as :class:`Failed` behind `words`; errors of ours pass as they are.

    :raises Failed: an act failed for a reason that no word of ours is about.
    """
    try:
        yield
    except DockerkitError:  # first: some of ours are OSErrors as well
        raise
    except OSError as error:
        raise Failed(f"{words}: {error}", hint="try again once the cause is gone") from error
