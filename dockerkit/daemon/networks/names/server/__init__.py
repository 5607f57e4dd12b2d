"""The name server's process: ``wire`` knows bytes, ``tables`` who is called what, ``answering`` brings them together,
``datagrams`` and ``streams`` are the two ways to ask, ``forwarding`` asks others, ``main`` hears the daemon.

Standard library only; no file is read and nothing is kept on disk.
"""
