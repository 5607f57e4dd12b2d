"""One process per container: the parent of its init, and the only owner of what must last as long as it does.

Pieces: ``loop`` (waiting), ``streams`` (what the container writes and reads), ``journal`` (its log), ``attached`` (who
listens), ``control`` (who asks), ``keeper`` (a life, from birth to exit). A stalled disk, a flood of output or a kill hurts
one container.
"""
