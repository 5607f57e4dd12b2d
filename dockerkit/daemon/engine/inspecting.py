"""``inspect``: one container's record in Docker's shape."""

from __future__ import annotations

from msgspec.structs import replace

from dockerkit.daemon.engine import roots
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import linking, settings
from dockerkit.daemon.engine.record import Record
from dockerkit.schema.container import ContainerInspect, DriverData, HostConfig
from dockerkit.schema.units import rfc3339


def inspect(core: Core, entry: Entry, *, size: bool) -> ContainerInspect:
    """Return everything known of a container; with `size` the bytes of its own layer and of the whole, too."""
    record = entry.record
    directory = core.directory(record.id)
    found = ContainerInspect(
        id=record.id,
        created=rfc3339(record.created),
        path=record.path,
        args=record.args,
        state=record.state,
        image=record.image,
        resolv_conf_path=f"{directory}/resolv.conf",
        hostname_path=f"{directory}/hostname",
        hosts_path=f"{directory}/hosts",
        log_path="" if record.host_config.log_config.type == "none" else f"{directory}/log",
        name=f"/{record.name}",
        restart_count=record.restart_count,
        exec_ids=[id for id, exec in list(entry.execs.items()) if exec.exit_code is None] if record.alive else None,
        host_config=_host_config(core, record),
        driver=roots.driver(record.snapshotter),
        graph_driver=_graph_driver(record, directory),
        mounts=record.mounts,
        config=record.config,
        network_settings=settings.settings(core, record),
    )
    found.exec_ids = found.exec_ids or None
    if size:
        found.size_rw = roots.own_size(core, record)
        found.size_root_fs = found.size_rw + core.images.of_container(record.image).size
    return found


def _host_config(core: Core, record: Record) -> HostConfig:
    """Links are shown as dockerd does: by both containers' names, as they are now."""
    links = linking.shown(core, record)
    return record.host_config if links is record.host_config.links else replace(record.host_config, links=links)


def _graph_driver(record: Record, directory: str) -> DriverData:
    own = {"UpperDir": f"{directory}/upper", "WorkDir": f"{directory}/work"}
    return DriverData(name=roots.driver(record.snapshotter), data=None if roots.is_copy(record) else own)
