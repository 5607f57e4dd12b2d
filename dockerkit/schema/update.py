"""Body of ``POST /containers/{id}/update``: limits and restart policy of a container that exists.

Source: Engine API 1.51. A number that is 0 and a text that is empty are not given, as for dockerd; where 0 means something
(``PidsLimit``), absence is null.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from dockerkit.schema.container import HostConfig, RestartPolicy
from dockerkit.schema.wire import Model


class UpdateRequest(Model):
    """What shall change; everything else stays."""

    blkio_weight: int = 0
    cpu_shares: int = 0
    nano_cpus: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    pids_limit: int | None = None
    restart_policy: RestartPolicy | UnsetType = UNSET

    def limits(self) -> dict[str, int | str]:
        """Return the limits that are given, by their names in :class:`~dockerkit.schema.container.HostConfig`."""
        names = (name for name in self.__struct_fields__ if name in HostConfig.__struct_fields__ and name != "restart_policy")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value or (name == "pids_limit" and value is not None)}
