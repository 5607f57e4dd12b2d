"""What this machine allows, found by trying: each thing a container needs is done once, in a child that then goes away.

Asking is not enough: a capability may be there and the call still refused (by a sandbox, a filter, a mount option). Changes
nothing and leaves nothing behind, whether a trial succeeds, fails or is killed. ``python -m dockerkit.daemon.probe`` prints
the findings as JSON; who reads them decides what they mean.
"""

from dockerkit.daemon.probe.examine import examine, probe
from dockerkit.daemon.probe.finding import Finding

__all__ = ["Finding", "examine", "probe"]
