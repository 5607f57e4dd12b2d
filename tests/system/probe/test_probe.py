"""The probe tells what this machine allows, what to do where it does not, and leaves nothing behind."""

import encodings.ascii  # noqa: F401 (before the forks below: who is not root may not be able to read it)
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.kernel.capabilities import DEFAULT
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.loading import load
from dockerkit.daemon.kernel.seccomp.resolution import default_profile
from dockerkit.daemon.probe import Finding, apart, examine, probe, trials  # noqa: F401 (imported before the forks below)
from dockerkit.daemon.probe.finding import Missing

pytestmark = pytest.mark.system
NAMES = {
    *("Linux kernel", "architecture", "privileges", "clone3 and pidfd", "overlay mount", "device nodes", "cgroups", "seccomp"),
    *("loopback network", "unix socket", "data root", "disk space", "open files", "package signatures"),
    *(f"{kind} namespace" for kind in ("mount", "pid", "uts", "ipc", "network", "cgroup")),
}


def traces():
    groups = [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob("*/dockerkit-probe*")]
    left = [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if "dockerkit-probe" in line]
    files = [str(path) for place in ("/run", "/tmp") for path in pathlib.Path(place).glob(".dockerkit-probe*")]
    return groups + left + files


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "root")


def run(root, **more):
    environment = os.environ | {"DOCKERKIT_ROOT": root, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-m", "dockerkit.daemon.probe"], env=environment, capture_output=True, text=True, check=False, **more
    )


def test_every_trial_is_reported_and_nothing_is_left(root, tmp_path):
    findings = {finding.name: finding for finding in probe(root)}
    assert set(findings) == NAMES
    assert all(finding.detail for finding in findings.values())
    assert all(finding.ok or finding.next for finding in findings.values())
    assert os.listdir(tmp_path) == []
    assert traces() == []


def test_what_the_suite_itself_needs_is_found(root):
    findings = {finding.name: finding for finding in probe(root)}
    for name in ("mount namespace", "overlay mount", "cgroups", "seccomp", "loopback network", "unix socket"):
        assert findings[name] == Finding(name, True, findings[name].detail), findings[name]


def test_a_data_root_with_a_very_long_name_gets_its_socket_elsewhere(tmp_path):
    findings = {finding.name: finding for finding in probe(str(tmp_path / ("x" * 120) / "root"))}
    assert findings["unix socket"].ok
    assert traces() == []


def examine_as(user, root):
    """Examine in a forked child that has become somebody else (who may not be able to run this interpreter)."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.write(writable, json.dumps([asdict(finding) for finding in examine(root)]).encode())
        finally:
            os._exit(0)
    os.close(writable)
    with open(readable, encoding="utf-8") as said:
        findings = json.load(said)
    os.waitpid(pid, 0)
    return {finding["name"]: finding for finding in findings}


def test_a_person_who_is_not_root_is_told_to_be(root, tmp_path):
    findings = examine_as(65534, root)
    assert findings["privileges"]["detail"] == "user id 65534"
    for name in ("privileges", "mount namespace", "overlay mount", "clone3 and pidfd"):
        assert not findings[name]["ok"], name
        assert "as root" in findings[name]["next"], findings[name]
    assert "EPERM" in findings["mount namespace"]["detail"]
    assert findings["architecture"]["ok"]
    assert os.listdir(tmp_path) == []
    assert traces() == []


def test_a_sandbox_that_forbids_the_calls_is_seen_although_one_is_root(root):
    program = compile_profile(default_profile(DEFAULT, (6, 1)), platform.machine())
    done = run(root, preexec_fn=lambda: load(program))
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["privileges"]["ok"]
    for name in ("mount namespace", "pid namespace", "overlay mount", "clone3 and pidfd"):
        assert not findings[name]["ok"], name
        assert "run it privileged" in findings[name]["next"] or "file system" in findings[name]["next"]
    assert traces() == []


def test_a_data_root_on_an_overlay_is_no_obstacle_unless_overlay_is_asked_for(tmp_path, monkeypatch):
    for name in ("lower", "upper", "work", "root"):
        (tmp_path / name).mkdir()
    options = ",".join(f"{name}dir={tmp_path / name}" for name in ("lower", "upper", "work"))
    mounts.mount("overlay", str(tmp_path / "root"), "overlay", 0, options)
    try:
        for word, ok, said in (("auto", True, "refused ("), ("copy", True, "not asked for"), ("overlay", False, "EINVAL")):
            monkeypatch.setenv("DOCKERKIT_SNAPSHOTTER", word)
            done = run(str(tmp_path / "root"))
            (found,) = (one for one in json.loads(done.stdout) if one["name"] == "overlay mount")
            assert (found["ok"], said in found["detail"]) == (ok, True), (word, found)
            assert ok is ("a copy of its image's files" in found["detail"])
    finally:
        mounts.unmount(str(tmp_path / "root"), detach=True)


def test_too_few_descriptors_are_reported(root):
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", sys.executable, "-m", "dockerkit.daemon.probe"],
        env=os.environ | {"DOCKERKIT_ROOT": root, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    (finding,) = (found for found in json.loads(done.stdout) if found["name"] == "open files")
    assert (finding["ok"], finding["detail"]) == (False, "256, at most 256")


def test_a_trial_that_is_killed_is_a_finding(monkeypatch):
    with pytest.raises(Missing, match="killed by SIGTERM"):
        apart.apart(lambda: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(apart, "_PATIENCE", 0.05)
    with pytest.raises(Missing, match="no answer within"):
        apart.apart(signal.pause)


def test_a_trial_that_breaks_is_a_finding():
    with pytest.raises(Missing, match="ZeroDivisionError"):
        apart.apart(lambda: str(1 // 0))


def test_a_machine_that_is_not_linux_gets_one_finding_and_the_next_step(monkeypatch, root):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert examine(root) == [
        Finding("Linux kernel", False, "this is Darwin", "run the daemon on Linux and point DOCKERKIT_HOST at it")
    ]
