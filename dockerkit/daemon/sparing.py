"""What libraries import for uses that this process has none of is not imported with them. First of all, by ``__main__``.

asyncio takes ssl along, and with it OpenSSL, to serve TLS; msgspec takes typing_extensions, for a Python older than ours: more
than a megabyte of a daemon that has nothing to do. Whoever imports either later gets it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def absent(name: str) -> Iterator[None]:
    """Have the module `name` not be there for the length of the block, unless it is there already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # "import of NAME halted": an ImportError, which both are ready for
    try:
        yield
    finally:
        del sys.modules[name]


with absent("ssl"):
    import asyncio  # noqa: F401
with absent("typing_extensions"):
    import msgspec  # noqa: F401
