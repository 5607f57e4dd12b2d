"""``python -m dockerkit.cli``: the command line, where its script is not on the path."""

from dockerkit.cli.main import main

main(prog_name="dockerkit")
