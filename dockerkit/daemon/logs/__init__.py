"""Container logs: written by the keeper, read by the engine. ``records`` is the format, ``files`` are those of a log that
rotates; both sides share them (standard library only)."""
