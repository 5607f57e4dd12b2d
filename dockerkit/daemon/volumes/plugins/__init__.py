"""Volumes that programs of others keep: Docker's plugin protocol, version 1.2.

A plugin is a program that listens on a unix socket, or on an address that a ``.spec`` or ``.json`` file names
(:mod:`.discovery`). It is told in JSON over HTTP what to do (:mod:`.wire`): ``/Plugin.Activate`` first, then
``/VolumeDriver.Create``, ``Get``, ``List``, ``Remove``, ``Path``, ``Mount``, ``Unmount``, ``Capabilities`` (:mod:`.driver`). It
is trusted as little as any peer: every answer has a limit of time and of size, and what is not the protocol is one clear error.

Source: Docker's documentation, "Docker Plugin API" and "Docker volume plugins". This engine starts no plugins.
"""
