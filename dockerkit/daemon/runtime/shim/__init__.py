"""The process that forks: one thread, standard library only, everything imported before the first fork. See ``main``."""
