"""``postgres``: the distribution's server; its database is made by the container's first start, from the environment.

Without its LLVM, which is most of the package and pays only for long queries: ``jit`` is off.
"""

from __future__ import annotations

from dockerkit.daemon.images.bootstrap.recipe import PATH, Account, File, Recipe
from dockerkit.schema.image import ImageConfig

_ENTRYPOINT = r"""#!/bin/bash
# Makes the database in $PGDATA if there is none, by these variables (each also as NAME_FILE, the path of a file):
#   POSTGRES_PASSWORD, POSTGRES_USER (postgres), POSTGRES_DB (as the user), POSTGRES_INITDB_ARGS,
#   POSTGRES_HOST_AUTH_METHOD (the server's own password method)
# and runs what lies in /docker-entrypoint-initdb.d: *.sh, *.sql, *.sql.gz, *.sql.xz.
set -Eeuo pipefail
shopt -s nullglob

from_file() {
    local name=$1 file="${1}_FILE"
    if [ -n "${!file:-}" ]; then
        if [ -n "${!name:-}" ]; then
            echo "error: both $name and $file are set" >&2
            exit 1
        fi
        export "$name=$(<"${!file}")"
        unset "$file"
    fi
}

refuse_without_password() {
    [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ] || return 0
    cat >&2 <<'END'
Error: Database is uninitialized and superuser password is not specified.
       Set POSTGRES_PASSWORD to a non-empty value, or, to allow all connections without a password,
       POSTGRES_HOST_AUTH_METHOD=trust.
END
    exit 1
}

initialise() {
    local words=()
    if [ -n "$POSTGRES_INITDB_ARGS" ]; then
        eval "words=($POSTGRES_INITDB_ARGS)"
    fi
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${words[@]}"
    local method=$POSTGRES_HOST_AUTH_METHOD
    if [ -z "$method" ]; then
        method=$(postgres -C password_encryption -c logging_collector=off)
    fi
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

query() {
    PGHOST= PGHOSTADDR= psql --no-psqlrc --no-password --username "$POSTGRES_USER" -v ON_ERROR_STOP=1 "$@"
}

first_start() {
    export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432 $1" -w start
    if [ "$POSTGRES_DB" != postgres ]; then
        query --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
    fi
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) query --dbname "$POSTGRES_DB" -f "$file" ;;
            *.sql.gz) gunzip -c "$file" | query --dbname "$POSTGRES_DB" ;;
            *.sql.xz) xzcat "$file" | query --dbname "$POSTGRES_DB" ;;
            *) echo "$0: ignoring $file" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
}

if [ "${1:--}" != "${1#-}" ] || [ $# = 0 ]; then
    set -- postgres "$@"
fi
if [ "$1" != postgres ]; then
    exec "$@"
fi
for word in "$@"; do
    case "$word" in
        -\?|--help|--describe-config|-V|--version) exec "$@" ;;
    esac
done

mkdir -p "$PGDATA" /var/run/postgresql
chmod 00700 "$PGDATA" 2>/dev/null || :
chmod 03775 /var/run/postgresql 2>/dev/null || :
if [ "$(id -u)" = 0 ]; then
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

for name in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB POSTGRES_INITDB_ARGS; do
    from_file "$name"
done
: "${POSTGRES_PASSWORD:=}" "${POSTGRES_USER:=postgres}" "${POSTGRES_INITDB_ARGS:=}" "${POSTGRES_HOST_AUTH_METHOD:=}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
export POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB

if [ -s "$PGDATA/PG_VERSION" ]; then
    echo
    echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
    echo
else
    refuse_without_password
    initialise
    shift
    options=
    for word in "$@"; do
        options+=" $(printf '%q' "$word")"
    done
    first_start "$options"
    set -- postgres "$@"
    echo
    echo "PostgreSQL init process complete; ready for start up."
    echo
fi
exec "$@"
"""

POSTGRES = Recipe(
    title="postgres",
    packages=("postgresql", "xz-utils"),
    version_of="postgresql-[0-9]*",
    without=("libllvm*",),
    gone=("/usr/lib/postgresql/*/lib/bitcode*", "/usr/lib/postgresql/*/lib/llvmjit*"),
    accounts=(Account("postgres", 999, "/var/lib/postgresql"),),
    before=(File("/etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n"),),
    files=(File("/usr/local/bin/docker-entrypoint.sh", _ENTRYPOINT, 0o755),),
    commands=(
        "localedef -i en_US -c -f UTF-8 en_US.UTF-8",
        "for sample in /usr/share/postgresql/*/postgresql.conf.sample; do"
        ' printf "\\nlisten_addresses = \'*\'\\njit = off\\n" >> "$sample"; done',
        'for program in /usr/lib/postgresql/*/bin/*; do ln -s "$program" /usr/local/bin/; done',
        "mkdir -p /docker-entrypoint-initdb.d /var/lib/postgresql/data /run/postgresql",
        "chown -R postgres:postgres /var/lib/postgresql /run/postgresql",
        "chmod 0700 /var/lib/postgresql/data",
        "chmod 3777 /run/postgresql",
    ),
    config=ImageConfig(
        env=[PATH, "LANG=en_US.utf8", "PGDATA=/var/lib/postgresql/data"],
        entrypoint=["docker-entrypoint.sh"],
        cmd=["postgres"],
        exposed_ports={"5432/tcp": {}},
        volumes={"/var/lib/postgresql/data": {}},
        stop_signal="SIGINT",
    ),
)
