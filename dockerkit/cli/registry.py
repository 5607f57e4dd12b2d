"""``dockerkit registry serve``: become a registry, in this terminal. Starts it as a program; never imports it."""

from __future__ import annotations

import os
import sys

import click

from dockerkit.cli.word import Word


@click.command(cls=Word)
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT", help="Where; port 0 is one that is free."
)
@click.option("--storage", metavar="DIR", help="Keep everything there (default: in a directory that goes with the registry).")
@click.option("--auth", metavar="HTPASSWD", help="Let in who is in this file, as htpasswd -B writes it.")
@click.option("--tls", nargs=2, metavar="CERT KEY", help="Speak TLS with this certificate.")
@click.option("--tls-self-signed", is_flag=True, help="Speak TLS with a certificate made now.")
@click.option("--mirror", metavar="URL", help="Stand in for the registry at https://…: fetch what is missing, and keep it.")
@click.option("--read-only", is_flag=True, help="Refuse pushes and deletions.")
@click.option(
    "--grace", type=float, metavar="SECONDS", help="Spare new blobs that nothing needs for so long (default: an hour)."
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
def serve(
    *,
    listen: str,
    storage: str | None,
    auth: str | None,
    tls: tuple[str, str] | None,
    tls_self_signed: bool,
    mirror: str | None,
    read_only: bool,
    grace: float | None,
    log_level: str,
) -> None:
    """Serve images with the OCI distribution protocol, until ctrl-c."""
    command = [sys.executable, "-m", "dockerkit.daemon.registry.server", "--listen", listen, "--log-level", log_level]
    for flag, value in (("--storage", storage), ("--auth", auth), ("--mirror", mirror)):
        command += [flag, value] if value else []
    command += ["--grace", str(grace)] if grace is not None else []
    command += ["--tls", *tls] if tls else []
    command += ["--tls-self-signed"] if tls_self_signed else []
    command += ["--read-only"] if read_only else []
    os.execv(sys.executable, command)  # noqa: S606 (our own program)
