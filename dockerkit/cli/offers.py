"""Which words there are, where each is, and which come later. A table, so that no module is loaded to list them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from dockerkit.errors import Unsupported

Table = dict[str, tuple[str, str]]
CONTAINER: Table = {
    "attach": ("attach:attach", "Attach local standard input, output, and error streams to a running container"),
    "commit": ("changes:commit", "Create a new image from a container's changes"),
    "cp": ("copying:cp", "Copy files/folders between a container and the local filesystem"),
    "create": ("create:create", "Create a new container"),
    "diff": ("changes:diff", "Inspect changes to files or directories on a container's filesystem"),
    "exec": ("entering:exec_", "Execute a command in a running container"),
    "export": ("changes:export", "Export a container's filesystem as a tar archive"),
    "kill": ("life:kill", "Kill one or more running containers"),
    "logs": ("logs:logs", "Fetch the logs of a container"),
    "pause": ("life:pause", "Pause all processes within one or more containers"),
    "port": ("life:port", "List port mappings or a specific mapping for the container"),
    "rename": ("life:rename", "Rename a container"),
    "restart": ("life:restart", "Restart one or more containers"),
    "rm": ("life:rm", "Remove one or more containers"),
    "run": ("run:run", "Create and run a new container from an image"),
    "start": ("start:start", "Start one or more stopped containers"),
    "stats": ("stats:stats", "Display a live stream of container(s) resource usage statistics"),
    "stop": ("life:stop", "Stop one or more running containers"),
    "top": ("life:top", "Display the running processes of a container"),
    "unpause": ("life:unpause", "Unpause all processes within one or more containers"),
    "update": ("update:update", "Update configuration of one or more containers"),
    "wait": ("life:wait", "Block until one or more containers stop, then print their exit codes"),
}
IMAGE: Table = {
    "history": ("history:history", "Show the history of an image"),
    "import": ("archives:import_", "Import the contents from a tarball to create a filesystem image"),
    "load": ("archives:load", "Load an image from a tar archive or STDIN"),
    "pull": ("pull:pull", "Download an image from a registry"),
    "push": ("pull:push", "Upload an image to a registry"),
    "save": ("archives:save", "Save one or more images to a tar archive (streamed to STDOUT by default)"),
    "tag": ("images:tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
}
SYSTEM: Table = {
    "events": ("events:events", "Get real time events from the server"),
    "info": ("info:info", "Display system-wide information"),
}
WORDS: Table = {
    **CONTAINER,
    **IMAGE,
    **SYSTEM,
    "completion": ("completion:completion", "Print the shell's completion script: bash, zsh or fish"),
    "daemon": ("daemon:daemon", "Start, stop and look at the daemon of this data root"),
    "doctor": ("doctor:doctor", "Try what containers need of this machine, and say what is missing"),
    "images": ("images:images", "List images"),
    "inspect": ("inspect:inspect", "Return low-level information on Docker objects"),
    "login": ("login:login", "Authenticate to a registry"),
    "logout": ("login:logout", "Log out from a registry"),
    "ps": ("ps:ps", "List containers"),
    "rmi": ("images:rmi", "Remove one or more images"),
    "search": ("search:search", "Search a registry for images"),
    "version": ("version:version", "Show the version information of client and engine"),
}
GROUPS: dict[str, tuple[str, Table]] = {
    "container": (
        "Manage containers",
        {
            **CONTAINER,
            "inspect": ("inspect:container", "Display detailed information on one or more containers"),
            "ls": ("ps:ps", "List containers"),
            "prune": ("prune:containers", "Remove all stopped containers"),
        },
    ),
    "image": (
        "Manage images",
        {
            **IMAGE,
            "bootstrap": ("pull:bootstrap", "Make a first image of what this machine has, without a registry"),
            "explore": ("explore:explore", "Look into an image: its layers, and the files that nobody can see any more"),
            "inspect": ("inspect:image", "Display detailed information on one or more images"),
            "ls": ("images:images", "List images"),
            "prune": ("prune:images", "Remove unused images"),
            "rm": ("images:rmi", "Remove one or more images"),
        },
    ),
    "network": (
        "Manage networks",
        {
            "connect": ("networks:connect", "Connect a container to a network"),
            "create": ("networks:create", "Create a network"),
            "disconnect": ("networks:disconnect", "Disconnect a container from a network"),
            "inspect": ("networks:inspect", "Display detailed information on one or more networks"),
            "ls": ("networks:ls", "List networks"),
            "prune": ("networks:prune", "Remove all unused networks"),
            "rm": ("networks:rm", "Remove one or more networks"),
        },
    ),
    "volume": (
        "Manage volumes",
        {
            "backup": ("volumes:backup", "Write all that is in a volume to a tar archive"),
            "clone": ("volumes:clone", "Make a volume that has the same content"),
            "create": ("volumes:create", "Create a volume"),
            "inspect": ("volumes:inspect", "Display detailed information on one or more volumes"),
            "ls": ("volumes:ls", "List volumes"),
            "prune": ("volumes:prune", "Remove unused local volumes"),
            "restore": ("volumes:restore", "Unpack a tar archive into a volume"),
            "rm": ("volumes:rm", "Remove one or more volumes"),
        },
    ),
    "registry": (
        "Serve images from a registry of our own",
        {"serve": ("registry:serve", "Serve images with the OCI distribution protocol")},
    ),
    "system": (
        "Manage the engine",
        {
            **SYSTEM,
            "df": ("df:df", "Show disk usage"),
            "prune": ("prune:system", "Remove unused data"),
        },
    ),
}
_INDEXES = "indexes of several platforms bring it"
_BUILDER = "the builder brings it; `dockerkit commit` makes an image of a container"
_SWARM = "swarm mode brings it"
LATER: dict[str, str] = {
    "build": _BUILDER,
    "builder": _BUILDER,
    "buildx": _BUILDER,
    "compose": "the compose tower brings it",
    "config": _SWARM,
    "context": "several engines by name bring it; -H URL or DOCKER_HOST names one",
    "manifest": _INDEXES,
    "node": _SWARM,
    "plugin": "nothing does: plugins are programs of Docker's",
    "secret": _SWARM,
    "service": _SWARM,
    "stack": _SWARM,
    "swarm": _SWARM,
    "trust": "nothing does: its servers are being closed",
}
"""Docker's words that are not offered yet, and what will bring them."""


ALIASES = {"list": "ls", "remove": "rm"}
"""Other words for the same, in every group that has it, as Docker has them; help does not list them."""


def found(where: str) -> click.Command:
    """Import a command: ``"module:attribute"`` of this package."""
    module, _, attribute = where.partition(":")
    command: click.Command = getattr(import_module(f"dockerkit.cli.{module}"), attribute)
    return command


def later(word: str) -> click.Command:
    """Return the command of a word that comes later: it says so, whatever its arguments."""

    def refuse(**_: Any) -> None:
        raise Unsupported(f"{word} is not offered yet", hint=LATER[word])

    rest = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
    return click.Command(word, callback=refuse, params=[rest], context_settings=settings)
