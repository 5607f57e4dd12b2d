"""The fluent client: what people type, translated into the Docker Engine API and nothing else.

From the wish to the wire: ``words`` and ``spec`` (the immutable wish), ``options`` (the same words as keywords), ``encoding``
(wish → Docker's JSON), ``engine`` (one engine at the other end), ``transport`` (bytes). Live things: ``client``,
``containers``, ``images``, ``run``. Never forks, never needs root, never touches the kernel, never imports the daemon.
"""
