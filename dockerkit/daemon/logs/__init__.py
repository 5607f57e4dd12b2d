"""Container logs: written by the keeper, read by the engine. ``records`` is the format both share (standard library only)."""
