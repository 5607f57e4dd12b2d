"""Processes of networks that outlive the daemon: how they are started, found again and spoken to, and what they run on.

One for each purpose and data root: published ports are carried by one, names answered by another. ``process`` starts one with
its socket already bound, or finds the one of an earlier daemon; ``messages`` is how the two talk; ``loop`` is what such a
process waits in; ``serving`` is its end of the conversation. Nothing here knows what is served. Standard library only: these
processes load nothing else.
"""
