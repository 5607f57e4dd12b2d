"""``memcached``: the distribution's server, on all addresses of its container, as its own user."""

from __future__ import annotations

from dockerkit.daemon.images.bootstrap.recipe import PATH, Account, File, Recipe
from dockerkit.schema.image import ImageConfig

_ENTRYPOINT = """#!/bin/sh
# Options are the server's; anything else is a program of its own.
set -e
case "${1:-memcached}" in
    -*) set -- memcached "$@" ;;
esac
exec "$@"
"""

MEMCACHED = Recipe(
    title="memcached",
    packages=("memcached",),
    version_of="memcached",
    accounts=(Account("memcache", 11211, "/nonexistent"),),
    files=(File("/usr/local/bin/docker-entrypoint.sh", _ENTRYPOINT, 0o755),),
    config=ImageConfig(
        env=[PATH],
        entrypoint=["docker-entrypoint.sh"],
        cmd=["memcached"],
        exposed_ports={"11211/tcp": {}},
        user="memcache",
    ),
)
