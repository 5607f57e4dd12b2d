"""From a wish to an OCI runtime spec: what Docker's options mean for a process, and which of them are refused.

:func:`validate` judges a request when a container is created, in Docker's words; :func:`runtime_spec` writes the spec when it
is started; :func:`seccomp_program` the filter that goes with it. All decisions are made of their arguments and of a
:class:`Host`, which is what has been found out about this machine (:func:`this_host`, once a process). Starts nothing and
mounts nothing.
"""

from dockerkit.daemon.runtime.spec.bounds import resource_warnings
from dockerkit.daemon.runtime.spec.devices import device_policy
from dockerkit.daemon.runtime.spec.discarding import discarded
from dockerkit.daemon.runtime.spec.document import runtime_spec
from dockerkit.daemon.runtime.spec.execution import exec_process
from dockerkit.daemon.runtime.spec.host import Device, Host, this_host
from dockerkit.daemon.runtime.spec.mounts import BindMount
from dockerkit.daemon.runtime.spec.paths import MASKED_PATHS, READONLY_PATHS, default_masked_paths
from dockerkit.daemon.runtime.spec.resources import container_limits
from dockerkit.daemon.runtime.spec.seccomp import seccomp_document, seccomp_program
from dockerkit.daemon.runtime.spec.validation import check_restart_policy, validate

__all__ = [
    "MASKED_PATHS",
    "READONLY_PATHS",
    "BindMount",
    "Device",
    "Host",
    "check_restart_policy",
    "container_limits",
    "default_masked_paths",
    "device_policy",
    "discarded",
    "exec_process",
    "resource_warnings",
    "runtime_spec",
    "seccomp_document",
    "seccomp_program",
    "this_host",
    "validate",
]
