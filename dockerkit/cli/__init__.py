"""The command line, ``dockerkit`` or ``dk``: Docker's own words and flags, and the few that only we have.

A thin face: every command makes one or two calls of ``dockerkit.client`` and prints. It never touches the kernel, never
imports the daemon (it runs it as a program), and loads nothing but click until a command needs more.
"""
