"""``redis``: the distribution's server, reachable from other containers, as its own user, with its data in ``/data``."""

from __future__ import annotations

from dockerkit.daemon.images.bootstrap.recipe import PATH, Account, File, Recipe
from dockerkit.schema.image import ImageConfig

_ENTRYPOINT = """#!/bin/sh
# Options and a configuration file are the server's; anything else is a program of its own.
set -e
case "${1:-redis-server}" in
    -*|*.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis:redis {} +
    exec setpriv --reuid=redis --regid=redis --init-groups -- "$0" "$@"
fi

# Without a password redis answers only to its own machine, which a container is alone on: so that mode is off unless it is
# mentioned on the command line or in the file.
if [ "$1" = redis-server ]; then
    mode=open
    for word in "$@"; do
        case "$word" in
            --protected-mode|-v|--version|-h|--help|--test-memory|--check-system|-) mode=given ;;
        esac
    done
    if [ -f "${2:-}" ] && grep -Eiq '^[[:space:]]*protected-mode[[:space:]]' "$2"; then
        mode=given
    fi
    if [ "$mode" = open ]; then
        set -- "$@" --protected-mode no
    fi
    umask 0077
fi

exec "$@"
"""

REDIS = Recipe(
    title="redis",
    packages=("redis-server",),
    version_of="redis-server",
    accounts=(Account("redis", 999, "/data"),),
    files=(File("/usr/local/bin/docker-entrypoint.sh", _ENTRYPOINT, 0o755),),
    commands=("mkdir -p /data", "chown redis:redis /data"),
    config=ImageConfig(
        env=[PATH],
        entrypoint=["docker-entrypoint.sh"],
        cmd=["redis-server"],
        exposed_ports={"6379/tcp": {}},
        volumes={"/data": {}},
        working_dir="/data",
    ),
)
