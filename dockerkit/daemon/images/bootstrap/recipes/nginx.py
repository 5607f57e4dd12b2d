"""``nginx``: the distribution's server in the foreground, its logs where ``docker logs`` finds them."""

from __future__ import annotations

from dockerkit.daemon.images.bootstrap.recipe import PATH, Account, File, Recipe
from dockerkit.schema.image import ImageConfig

_ENTRYPOINT = """#!/bin/sh
# What lies in /docker-entrypoint.d runs before the server, in the order of its names.
set -e
if [ "${1:-}" = nginx ]; then
    for script in /docker-entrypoint.d/*; do
        case "$script" in
            *.envsh) [ ! -x "$script" ] || . "$script" ;;
            *.sh) [ ! -x "$script" ] || "$script" ;;
        esac
    done
fi
exec "$@"
"""

_MAIN = """user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
include /etc/nginx/modules-enabled/*.conf;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
                    '$status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
    access_log /var/log/nginx/access.log main;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""

_SITE = """server {
    listen 80;
    server_name localhost;

    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }

    error_page 500 502 503 504 /50x.html;
    location = /50x.html {
        root /usr/share/nginx/html;
    }
}
"""

_ERROR = "<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>An error occurred.</h1></body></html>\n"

NGINX = Recipe(
    title="nginx",
    packages=("nginx",),
    version_of="nginx",
    accounts=(Account("nginx", 101, "/nonexistent"),),
    files=(
        File("/docker-entrypoint.sh", _ENTRYPOINT, 0o755),
        File("/etc/nginx/nginx.conf", _MAIN),
        File("/etc/nginx/conf.d/default.conf", _SITE),
        File("/usr/share/nginx/html/50x.html", _ERROR),
    ),
    commands=(
        "mkdir -p /docker-entrypoint.d /etc/nginx/conf.d",
        "rm -f /var/log/nginx/*.log",
        "ln -s /dev/stdout /var/log/nginx/access.log",
        "ln -s /dev/stderr /var/log/nginx/error.log",
        "chown -R nginx:adm /var/lib/nginx /var/log/nginx",
    ),
    config=ImageConfig(
        env=[PATH],
        entrypoint=["/docker-entrypoint.sh"],
        cmd=["nginx", "-g", "daemon off;"],
        exposed_ports={"80/tcp": {}},
        stop_signal="SIGQUIT",
    ),
)
