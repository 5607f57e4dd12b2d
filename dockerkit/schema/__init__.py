"""Docker's nouns as typed values: the ground floor that client and daemon share.

Holds names, units, digests and the JSON documents of the Engine API with Docker's own field names. Never does I/O, never
knows a socket, a file or a process.
"""
