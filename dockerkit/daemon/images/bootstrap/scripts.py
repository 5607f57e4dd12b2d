"""The one script that runs inside a half-made system: accounts, the packages' own scripts, what the recipe adds. Text only.

The scripts that dpkg would run before it unpacks run when everything is unpacked, as other tools that extract first do it
(mmdebstrap(1), "DEBOOTSTRAP"): nothing was there before, so there is nothing for them to save.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from dockerkit.daemon.images.bootstrap.database import Record
from dockerkit.daemon.images.bootstrap.recipe import PATH, Account

AIDS = "/.bootstrap"
"""A directory that is there while the script runs, before all others in the search path."""
STAND_INS = {
    # "no chroot" makes libc wait a second for an init that is not there
    "ischroot": "#!/bin/sh\nexit 0\n",
    # moves what an older version left; there is none, so it would find that out a hundred times
    "dpkg-maintscript-helper": "#!/bin/sh\nexit 0\n",
}
ENVIRONMENT = (
    PATH.replace("=", f"={AIDS}:"),
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN=true",
    "DPKG_ADMINDIR=/var/lib/dpkg",
)
_CONFIGURE = "dpkg --force-confold --force-unsafe-io --configure -a"


def script(records: Sequence[Record], accounts: Sequence[Account] = (), commands: Sequence[str] = ()) -> str:
    """Return the script; it ends at the first line that fails."""
    lines = ["set -e", "umask 022"]
    for account in accounts:
        lines.append(f"groupadd --system --gid {account.number} {account.name}")
        lines.append(
            f"useradd --system --gid {account.name} --uid {account.number} --home-dir {account.home} --no-create-home"
            f" --shell /bin/sh --no-log-init {account.name}"
        )
    lines += [_preinst(record) for record in records if "preinst" in record.control]
    return "\n".join([*lines, _CONFIGURE, *commands])


def _preinst(record: Record) -> str:
    fields, path = record.fields, f"/var/lib/dpkg/info/{record.file_name}.preinst"
    facts = {
        "DPKG_MAINTSCRIPT_PACKAGE": fields["package"],
        "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT": "1",
        "DPKG_MAINTSCRIPT_ARCH": fields.get("architecture", ""),
        "DPKG_MAINTSCRIPT_NAME": "preinst",
    }
    return f"{' '.join(f'{name}={shlex.quote(value)}' for name, value in facts.items())} {shlex.quote(path)} install"
