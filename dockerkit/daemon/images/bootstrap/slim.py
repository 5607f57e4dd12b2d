"""What a slim system leaves out: manuals, documentation, translations; the licences stay. Pure.

The same list is written into the image for its own dpkg, so that what is installed later is as slim.
"""

from __future__ import annotations

_GONE = (
    *(
        "/usr/share/doc/",
        "/usr/share/man/",
        "/usr/share/info/",
        "/usr/share/locale/",
        "/usr/share/lintian/",
        "/usr/share/linda/",
    ),
    *("/usr/share/groff/", "/usr/share/gnome/help/", "/usr/share/omf/", "/usr/share/bug/", "/usr/share/doc-base/"),
)
_KEPT = "/copyright"
RULES_PATH = "/etc/dpkg/dpkg.cfg.d/slim"


def is_left_out(path: str) -> bool:
    """Tell whether a slim system does without a path; directories stay, empty, so that package scripts find them."""
    return path.startswith(_GONE) and not path.endswith(_KEPT) and not _is_doc_directory(path)


def keeps_all(_path: str) -> bool:
    """Leave nothing out."""
    return False


def rules() -> bytes:
    """Return the same as dpkg's configuration (dpkg.cfg.d)."""
    lines = [f"path-exclude={directory}*" for directory in _GONE]
    return "\n".join(
        [
            "# documentation and translations are left out here; delete this file to have them",
            *lines,
            f"path-include=/usr/share/doc/*{_KEPT}",
            "",
        ]
    ).encode()


def _is_doc_directory(path: str) -> bool:
    return path.startswith("/usr/share/doc/") and path.count("/") == 4
