"""``login`` and ``logout``: logins to registries, proven by the engine and kept where docker keeps its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import Word, client
from dockerkit.errors import DockerkitError

if TYPE_CHECKING:
    from dockerkit.client.credentials import Login

_INSECURE = "WARNING! Using --password via the CLI is insecure. Use --password-stdin."
_PLAIN = """
WARNING! Your credentials are stored unencrypted in '{path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/
"""
_NO_TERMINAL = "Error: Cannot perform an interactive login from a non TTY device"


@click.command(cls=Word)
@click.option("-p", "--password", metavar="TEXT", help="The password, or an access token.")
@click.option("--password-stdin", is_flag=True, help="Read the password, or an access token, from standard input.")
@click.option("-u", "--username", default="", metavar="NAME", help="The user's name.")
@click.argument("server", required=False, default="", metavar="[SERVER]")
def login(server: str, username: str, password: str | None, password_stdin: bool) -> None:
    """Authenticate to a registry: Docker Hub when no server is named."""
    from dockerkit.client.credentials import Login, key_of
    from dockerkit.client.login import prove

    secret = _said(username, password, password_stdin)
    key = key_of(server)
    known = _known(server) if not username and not secret else None
    if known and (status := _still_good(known)):
        click.echo(status)
        return
    username, secret = _asked(username, secret, known)
    proven, status = prove(client().engine, Login(key, username, secret))
    _keep(proven)
    click.echo(status)


def _said(username: str, password: str | None, from_stdin: bool) -> str:
    """Return the password that was said on the command line or standard input, "" when none was.

    :raises Failure: in Docker's words.
    """
    if password is not None and from_stdin:
        raise Failure("conflicting options: cannot specify both --password and --password-stdin")
    if password == "":
        raise Failure("password is empty")
    if password is not None:
        click.echo(_INSECURE, err=True)
    if not from_stdin:
        return password or ""
    if not username:
        raise Failure("the --password-stdin option requires --username to be set")
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _known(server: str) -> Login | None:
    from dockerkit.client.credentials import stored_login

    try:
        return stored_login(server)
    except DockerkitError as error:
        click.echo(f"WARNING: Error loading credentials: {error.message}", err=True)
        return None


def _still_good(known: Login) -> str:
    """Return what the registry says to a login that is kept already; "" when it is not taken any more."""
    from dockerkit.client.login import prove

    click.echo(f"Authenticating with existing credentials... [Username: {known.username}]", err=True)
    program = click.get_current_context().find_root().info_name or "dockerkit"
    advice = f"To login with a different account, run '{program} logout' followed by '{program} login'"
    click.echo(f"\n Info -> {advice}\n\n", err=True)
    try:
        return prove(client().engine, known)[1]
    except DockerkitError as error:
        click.echo(f"Login did not succeed, error: Error response from daemon: {error.message}", err=True)
        return ""


def _asked(username: str, secret: str, known: Login | None) -> tuple[str, str]:
    """Return user and password, asking whoever is there for what was not said.

    :raises Failure: nobody is there, or nothing was answered.
    """
    if username and secret:
        return username, secret
    if not sys.stdin.isatty():
        raise Failure(_NO_TERMINAL)
    if not username:
        before = known.username if known else ""
        username = click.prompt(f"Username ({before})" if before else "Username", default=before, show_default=False).strip()
    if not username:
        raise Failure("Error: Non-null Username Required")
    secret = secret or click.prompt("Password", default="", show_default=False, hide_input=True)
    if not secret:
        raise Failure("Error: Password Required")
    return username, secret


def _keep(proven: Login) -> None:
    from dockerkit.client.credentials_store import Store

    if (path := Store.of().keep(proven)) and proven.password:
        click.echo(_PLAIN.format(path=path), err=True)


@click.command(cls=Word)
@click.argument("server", required=False, default="", metavar="[SERVER]")
def logout(server: str) -> None:
    """Log out from a registry: Docker Hub when no server is named."""
    from dockerkit.client.credentials import key_of
    from dockerkit.client.login import logout

    click.echo(f"Removing login credentials for {key_of(server)}")
    logout(server)
