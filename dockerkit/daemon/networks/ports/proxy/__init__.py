"""The process that holds published ports and carries what comes to their sockets. Standard library only, one thread.

``loop`` waits, ``streams`` carries TCP through pipes without ever seeing the bytes, ``datagrams`` carries UDP, ``main`` hears
what the daemon says. Little is loaded, so that it starts in twenty milliseconds and stays small.
"""
