"""Names for containers that were given none: an adjective and somebody whose work we stand on."""

from __future__ import annotations

import secrets

from dockerkit.daemon.engine.entries import Entries

ADJECTIVES = (
    "amber", "ample", "brave", "brisk", "calm", "candid", "clever", "crisp", "dapper", "eager", "earnest", "fair", "fleet",
    "gentle", "glad", "golden", "hardy", "honest", "humble", "keen", "kind", "lively", "lucid", "merry", "mild", "nimble",
    "noble", "patient", "plucky", "polite", "proud", "quick", "quiet", "ready", "sharp", "silver", "snug", "steady", "sunny",
    "swift", "tidy", "trusty", "vivid", "warm", "wise", "witty", "zesty",
)  # fmt: skip
PEOPLE = (
    "allen", "antonelli", "babbage", "backus", "bartik", "berezin", "booth", "boole", "carmack", "cerf", "clarke", "codd",
    "corbato", "dijkstra", "easley", "engelbart", "floyd", "goldberg", "hamilton", "hamming", "hoare", "holberton",
    "hopper", "hypatia", "iverson", "jackson", "johnson", "kare", "kay", "kernighan", "kilburn", "knuth", "lamarr",
    "liskov", "lovelace", "mccarthy", "meitner", "milner", "moore", "naur", "noether", "perlis", "perlman",
    "ritchie", "sammet", "shannon", "stallman", "sutherland", "thompson", "torvalds", "turing", "wilkes", "wing", "wirth",
)  # fmt: skip


def free_name(entries: Entries) -> str:
    """Return a name that no container has at this moment, e.g. ``quiet_hopper``."""
    for attempt in range(1000):
        name = f"{secrets.choice(ADJECTIVES)}_{secrets.choice(PEOPLE)}" + (
            str(secrets.randbelow(10**attempt)) if attempt else ""
        )
        if not entries.taken(name):
            return name
    raise AssertionError("a thousand random names of growing length were all taken")
