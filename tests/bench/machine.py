"""One line about the machine that figures were taken on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path


def machine_line() -> str:
    """Return kernel, processors, memory, cgroup version and the versions of the programs measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    cgroups = "v1" if Path("/sys/fs/cgroup/memory").is_dir() else "v2"
    facts = [
        f"Linux {platform.release()} {platform.machine()}",
        f"{os.cpu_count()} × {_processor()}",
        f"{memory:.0f} GiB",
        f"cgroup {cgroups}",
        f"Python {platform.python_version()}",
        *(_version(program) for program in ("dockerd", "runc", "crun") if shutil.which(program)),
    ]
    return " · ".join(facts)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "processor"


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout.splitlines()
    return said[0] if said else program
