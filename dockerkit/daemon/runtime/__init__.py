"""From an OCI runtime spec to a process, and back to an exit code.

``launch`` is what to start, ``runtime`` the daemon's side; ``shim``, ``keeper`` and ``child`` are the three processes in
between, each its own folder; ``wire`` is what they say to one another. Everything the shim imports is standard library
only.
"""
