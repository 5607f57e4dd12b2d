"""Networks in Docker's words: the verbs, and what a container's start and end mean to them.

One file a verb (``creating``, ``removing``, ``connecting``, ``disconnecting``, ``listing``, ``inspecting``, ``pruning``; ours:
``faults``, ``topology``, ``owning``). ``joining`` is the start's step, ``leaving`` what a container's end gives back,
``recovery`` what the next daemon does. They stand on ``entries`` (networks in memory), ``record`` and ``place`` (what is
stored), ``allocating``, ``publishing``, ``naming``; and on ``fabric``, the only file here that knows ``daemon.networks``.
"""
