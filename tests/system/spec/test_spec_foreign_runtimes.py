"""Other people's runtimes accept our spec, seccomp included, and make of it what we mean."""

import json
import os
import pathlib
import secrets
import shutil
import subprocess

import pytest

from dockerkit.daemon.kernel.cgroups import detect
from dockerkit.daemon.runtime.spec import BindMount, runtime_spec, seccomp_document, this_host
from dockerkit.schema.container import ContainerConfig, HostConfig, Ulimit

pytestmark = pytest.mark.system
RUNTIMES = ("runc", "crun")
SEES = """
echo args "$@"; echo host $(cat /etc/hostname) $(cat /proc/sys/kernel/hostname)
grep -E '^(CapEff|CapBnd|CapInh|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
echo shm $(df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2)
echo masked $(wc -c < /proc/interrupts); echo limit $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes)
echo files $(ulimit -n); echo adj $(cat /proc/self/oom_score_adj); pwd
(echo x > /proc/sysrq-trigger) 2>/dev/null && echo trigger writable || echo trigger refused
(echo x > /data/x) 2>/dev/null && echo bind writable || echo bind refused
mount -t tmpfs x /mnt 2>/dev/null && echo mounted || echo mount refused
"""


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    found = shutil.which(request.param)
    if not found:
        pytest.skip(f"{request.param} is not installed")
    return found


@pytest.fixture
def parent():
    """A cgroup parent for the foreign runtime's containers, gone afterwards."""
    groups = detect(f"dockerkit-test{secrets.token_hex(4)}")
    groups.prepare()
    yield groups.parent
    for path in groups.list():
        groups.open(path).remove()
    groups.discard()
    # they also make groups in hierarchies that are none of ours (systemd's, the unified one)
    for left in sorted(pathlib.Path("/sys/fs/cgroup").glob(f"*/{groups.parent}/**"), reverse=True):
        left.rmdir()


@pytest.fixture
def bundle(tmp_path):
    """A directory with a root file system made of this host's programs, read-only, and Docker's three files."""
    root = tmp_path / "rootfs"
    for name in ("proc", "dev", "sys", "etc", "mnt", "data", "usr"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        if os.path.islink(f"/{name}"):
            (root / name).symlink_to(os.readlink(f"/{name}"))
    for name in ("hosts", "hostname", "resolv.conf"):
        (root / "etc" / name).touch()
        (tmp_path / name).write_text("box\n")
    return tmp_path


def run(runtime, bundle, spec, *, id):
    # distributions carry runtimes older than the specification's version 1.2, and nothing here needs it
    (bundle / "config.json").write_text(json.dumps(spec | {"ociVersion": "1.0.2"}))
    state = bundle / "state"
    # crun refuses a host with both cgroup versions: it gets a mount namespace where the unified one is not mounted
    hide = 'mount --make-rprivate / && { umount /sys/fs/cgroup/unified 2>/dev/null || true; } && exec "$@"'
    command = [runtime, "--root", str(state), "run", "--bundle", str(bundle), id]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, "sh", *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(
        line.replace(":", " ").split(None, 1) if " " in line or "\t" in line else ("cwd", line)
        for line in done.stdout.splitlines()
    )


def test_a_foreign_runtime_makes_of_our_spec_what_we_mean(runtime, bundle, parent):
    wishes = HostConfig(
        memory=64 << 20,
        pids_limit=64,
        shm_size=1 << 20,
        oom_score_adj=500,
        ulimits=[Ulimit(name="nofile", soft=512, hard=1024)],
        security_opt=["no-new-privileges"],
    )
    id, host = f"dk{secrets.token_hex(6)}", this_host()
    spec = runtime_spec(
        id=id,
        hostname="box",
        config=ContainerConfig(working_dir="/usr"),
        host_config=wishes,
        arguments=["sh", "-c", SEES, "sh", "one", "two words"],
        environment=["PATH=/usr/bin:/bin"],
        directory=str(bundle),
        cgroup=f"/{parent}/open/{id}",
        binds=[BindMount("/usr", "/usr", read_only=True), BindMount(str(bundle), "/data", read_only=True)],
        host=host,
    )
    spec["linux"]["seccomp"] = seccomp_document(wishes, spec["process"]["capabilities"]["bounding"], host)
    seen = run(runtime, bundle, spec, id=id)
    assert seen["args"] == "one two words"
    assert seen["host"] == "box box"
    assert seen["CapEff"] == seen["CapBnd"] == "00000000a80425fb"
    assert int(seen["CapInh"], 16) == int(seen["CapAmb"], 16) == 0
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
    assert (seen["shm"], seen["masked"], seen["limit"]) == ("1024", "0", str(64 << 20))
    assert (seen["files"], seen["adj"], seen["cwd"]) == ("512", "500", "/usr")
    assert (seen["trigger"], seen["bind"], seen["mount"]) == ("refused", "refused", "refused")


def test_nothing_of_the_foreign_runtime_is_left(runtime, bundle, parent):
    id = f"dk{secrets.token_hex(6)}"
    spec = runtime_spec(
        id=id,
        hostname="box",
        config=ContainerConfig(),
        host_config=HostConfig(ulimits=[Ulimit(name="nofile", soft=512, hard=1024)]),
        arguments=["true"],
        environment=["PATH=/usr/bin:/bin"],
        directory=str(bundle),
        cgroup=f"/{parent}/open/{id}",
        binds=[BindMount("/usr", "/usr", read_only=True)],
    )
    run(runtime, bundle, spec, id=id)
    assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{parent}/open/{id}"))
