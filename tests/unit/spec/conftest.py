"""A host that is the same everywhere, and short ways to a spec."""

import errno

import pytest

from dockerkit.daemon.kernel.capabilities import NAMES
from dockerkit.daemon.kernel.cgroups.limits import FEATURES
from dockerkit.daemon.runtime.spec import Device, Host, runtime_spec
from dockerkit.schema.container import ContainerConfig, HostConfig

NODES = {
    "/dev/fuse": [Device("/dev/fuse", "c", 10, 229, 0o666)],
    "/dev/snd": [Device("/dev/snd/seq", "c", 116, 1, 0o660, 0, 29), Device("/dev/snd/timer", "c", 116, 33)],
    "/dev": [Device("/dev/null", "c", 1, 3), Device("/dev/vda", "b", 254, 0, 0o660, 0, 6)],
}


def devices_at(path):
    if path not in NODES:
        raise OSError(errno.ENOENT, "No such file or directory", path)
    return NODES[path]


@pytest.fixture
def host():
    return Host(
        kernel=(6, 1),
        cpus=4,
        processors="0-3",
        nodes="0",
        capabilities=tuple(name for name in NAMES if name != "CAP_SYS_RESOURCE"),
        limits=frozenset(FEATURES),
        thermal=("/sys/devices/system/cpu/cpu0/thermal_throttle",),
        devices_at=devices_at,
    )


@pytest.fixture
def spec_of(host):
    """Return a function from wishes (``HostConfig`` keywords, ``config=``) to a spec."""

    def make(config=None, *, on=host, **wishes):
        extra = {key: wishes.pop(key) for key in ("binds_", "joined") if key in wishes}
        return runtime_spec(
            id="a" * 64,
            hostname="box",
            config=config or ContainerConfig(),
            host_config=HostConfig(**wishes),
            arguments=["echo", "hi"],
            environment=["PATH=/bin"],
            directory="/var/lib/dockerkit/containers/aa",
            cgroup="dockerkit-12345678/confined/aa",
            binds=extra.get("binds_", ()),
            joined=extra.get("joined"),
            host=on,
        )

    return make
