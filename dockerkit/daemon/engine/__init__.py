"""The verbs of the engine in Docker's words, and the state they change.

One file a noun or a verb. A verb is an ordinary blocking function, safe from any thread, and it never waits for a container:
what lasts is handed back as a future. ``engine.py`` builds everything and knows everybody. Never knows HTTP, never makes a
system call of a container itself.
"""
