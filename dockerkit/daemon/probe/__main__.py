"""``python -m dockerkit.daemon.probe``: prints a JSON list of findings; exit 1 when something is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from dockerkit.daemon.probe.examine import examine


def main() -> int:
    """Examine this machine and print what was found."""
    findings = examine()
    json.dump([asdict(finding) for finding in findings], sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0 if all(finding.ok for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
