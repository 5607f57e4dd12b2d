"""The Engine API: HTTP on one side, the engine's verbs on the other.

Read in this order: ``server`` (who listens), ``connection`` (bytes to requests), ``router`` (requests to handlers), then one
file a noun: ``system``, ``containers``, ``changing``, ``observing``, ``streams``, ``execs``, ``archives``, ``events``,
``images``, ``extensions``; ``delivery`` brings their answers to the client. Large bodies never pass the event loop: they are
read and written by the threads that want and make them (``incoming``, ``outgoing``). The only package of the daemon that is
asynchronous and the only one that knows HTTP. Never decides anything about a container: it decodes, calls one verb and
encodes.
"""
