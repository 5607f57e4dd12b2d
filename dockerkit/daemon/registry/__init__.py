"""Registries: the client that pulls and pushes (:mod:`.client`, behind :mod:`.contract`), and one of our own (``server``).

Never knows the image store beyond :class:`.contract.Blobs`, never unpacks, never keeps a credential.
"""
