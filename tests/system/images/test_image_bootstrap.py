"""First images for real: from the host's busybox, from its programs, from the distribution's archive; and what they can do."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.bootstrap import busybox
from dockerkit.daemon.images.bootstrap.closure import Closure
from dockerkit.daemon.images.bootstrap.request import Supply, silent
from dockerkit.daemon.images.obtain import OutOfReach
from dockerkit.errors import Exhausted, Invalid, NotFound, Unavailable, Unsupported
from dockerkit.schema.names import Reference
from tests.system.images.insideimage import inside
from tests.unit.images.elfmaterial import NATIVE, elf

pytestmark = pytest.mark.system


def nowhere(reference: Reference, **_: object) -> NoReturn:
    raise OutOfReach(f"registry {reference.registry} cannot be reached: connection refused")


def no_package(name: str, _progress: object) -> Any:
    raise Unavailable(f"package {name}: no archive here")


@pytest.fixture
def images(tmp_path: Path, static_busybox: Path) -> Images:
    return Images(str(tmp_path / "root"), supply=Supply(no_package, (str(static_busybox),)))


def test_busybox_is_made_from_the_hosts_when_the_registry_cannot_be_reached(images: Images, static_busybox: Path) -> None:
    said: list[dict[str, Any]] = []
    image = images.obtain("busybox", progress=said.append, pull=nowhere)
    assert images.get("busybox") == image
    assert said[0] == {"status": "Pulling from library/busybox", "id": "latest"}
    (line,) = [message["status"] for message in said if "bootstrapped from" in message["status"]]
    assert re.fullmatch(
        rf"busybox:latest bootstrapped from {static_busybox} \(BusyBox [\d.]+, \d+ applets\): "
        r"registry docker\.io cannot be reached: connection refused",
        line,
    )
    assert said[-2]["status"] == f"Digest: {image.manifest.digest}"
    assert image.document.config.cmd == ["sh"]
    assert image.document.config.labels is not None
    assert image.document.config.labels["dev.dockerkit.bootstrap.origin"] == str(static_busybox)


def test_the_made_busybox_runs(images: Images) -> None:
    lower = images.lower(images.bootstrap("busybox"))
    assert inside(lower, "/bin/busybox", "true") == (0, "")
    assert inside(lower, "/bin/false")[0] == 1
    script = "echo hi | tr a-z A-Z; id -un; id -u www-data; ls -ld /root /home /tmp | cut -c1-10; /usr/bin/env true && echo env"
    assert inside(lower, "/bin/sh", "-c", script) == (0, "HI\nroot\n33\ndrwxr-xr-x\ndrwx------\ndrwxrwxrwt\nenv\n")


def test_every_applet_is_one_file_and_knows_its_name(images: Images, static_busybox: Path) -> None:
    lower = images.lower(images.bootstrap("busybox"))
    known = subprocess.run([static_busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    found = os.listdir(f"{lower[-1]}/bin")
    assert sorted({*known, "busybox"}) == sorted(found)
    assert len({os.stat(f"{lower[-1]}/bin/{name}").st_ino for name in found}) == 1


def test_the_layout_is_that_of_dockers_busybox(images: Images) -> None:
    lower = images.lower(images.bootstrap("busybox"))
    place = Path(lower[-1])
    owners = {
        name: (os.stat(place / name).st_uid, oct(stat.S_IMODE(os.stat(place / name).st_mode))) for name in os.listdir(place)
    }
    assert owners == {
        "bin": (0, "0o755"), "dev": (0, "0o755"), "etc": (0, "0o755"), "home": (65534, "0o755"), "root": (0, "0o700"),
        "tmp": (0, "0o1777"), "usr": (0, "0o755"), "var": (0, "0o755"),
    }  # fmt: skip
    assert sorted(os.listdir(place / "etc")) == ["group", "network", "nsswitch.conf", "passwd", "shadow"]
    assert stat.S_IMODE(os.stat(place / "etc" / "shadow").st_mode) == 0o640


def test_the_same_material_gives_the_same_digest(tmp_path: Path, static_busybox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number in range(2):
        os.utime(tmp_path)
        made.append(Images(str(tmp_path / str(number)), supply=Supply(no_package, (str(static_busybox),))).bootstrap("busybox"))
    assert made[0].manifest == made[1].manifest
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    third = Images(str(tmp_path / "3"), supply=Supply(no_package, (str(static_busybox),))).bootstrap("busybox")
    assert third.created == "1970-01-02T00:00:00Z"
    assert third.id != made[0].id
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(Invalid, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        Images(str(tmp_path / "4"), supply=Supply(no_package, (str(static_busybox),))).bootstrap("busybox")


CONFIG = {
    "type": "object",
    "required": ["architecture", "os", "rootfs"],
    "properties": {
        "rootfs": {"type": "object", "required": ["diff_ids", "type"], "properties": {"type": {"enum": ["layers"]}}},
        "config": {"type": "object", "properties": {"Cmd": {"type": "array"}, "Env": {"type": "array"}}},
        "history": {"type": "array"},
    },
}


def test_the_image_is_a_proper_oci_image(images: Images, tmp_path: Path) -> None:
    image = images.bootstrap("busybox")
    blobs = tmp_path / "root" / "images" / "blobs" / "sha256"
    document = json.loads((blobs / image.id[7:]).read_bytes())
    jsonschema.validate(document, CONFIG)
    assert (document["os"], len(document["history"]), len(document["rootfs"]["diff_ids"])) == ("linux", 1, 1)
    manifest = json.loads((blobs / image.manifest.digest[7:]).read_bytes())
    assert (manifest["schemaVersion"], manifest["config"]["digest"], len(manifest["layers"])) == (2, image.id, 1)
    for descriptor in (manifest["config"], *manifest["layers"]):
        assert (blobs / descriptor["digest"][7:]).stat().st_size == descriptor["size"]


def test_skopeo_reads_the_store_in_place(images: Images, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed: apt-get install skopeo")
    image = images.bootstrap("busybox")
    store = f"oci:{tmp_path}/root/images:latest"
    shown = subprocess.run(["skopeo", "inspect", store], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert (found["Digest"], found["Os"], found["Labels"]) == (image.manifest.digest, "linux", image.document.config.labels)
    copied = subprocess.run(
        ["skopeo", "--insecure-policy", "copy", store, f"dir:{tmp_path}/copy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert copied.returncode == 0, copied.stderr


def test_an_image_that_cannot_be_unpacked_gets_no_name(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(Exhausted, match="no room for layer"):
        patched.setattr(os, "pwrite", full)
        images.bootstrap("busybox")
    assert images.list() == []
    assert images.bootstrap("busybox").references == ("busybox:latest",)


def test_a_registry_that_answers_is_not_replaced(images: Images) -> None:
    def missing(reference: Reference, **_: object) -> NoReturn:
        raise NotFound(f"manifest for {reference} not found")

    with pytest.raises(NotFound, match="not found"):
        images.obtain("busybox", progress=silent, pull=missing)
    assert images.list() == []


def test_what_cannot_be_got_names_registry_cause_and_hint(images: Images) -> None:
    with pytest.raises(
        Unavailable, match=r"cannot get nosuch:7: registry docker\.io cannot be reached: connection refused"
    ) as error:
        images.obtain("nosuch:7", progress=silent, pull=nowhere)
    assert "busybox, host" in error.value.hint


def test_another_platform_is_refused(images: Images) -> None:
    with pytest.raises(Unsupported, match="linux/s390y"):
        images.obtain("busybox", platform="linux/s390y", progress=silent)


def test_what_nobody_can_make_says_what_can_be_made(images: Images) -> None:
    with pytest.raises(Unsupported, match="'redis:latest' cannot be bootstrapped") as error:
        images.bootstrap("redis")
    assert "busybox, host" in error.value.hint
    with pytest.raises(Unsupported, match="packages"):
        images.bootstrap("busybox", packages=["curl"])
    with pytest.raises(Invalid, match="busybox takes no programs"):
        images.bootstrap("busybox", programs=["ls"])


def test_a_busybox_that_is_not_static_is_passed_over(tmp_path: Path) -> None:
    dynamic = shutil.which("cat")
    assert dynamic
    assert busybox.find_on_host([dynamic, str(tmp_path / "missing"), str(tmp_path)]) is None


def test_no_busybox_anywhere_names_both_reasons(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"none that is static on this host.*no archive here") as error:
        Images(str(tmp_path), supply=Supply(no_package, ())).bootstrap("busybox")
    assert "busybox-static" in error.value.hint


# host


def test_host_programs_run_alone(images: Images) -> None:
    said: list[dict[str, Any]] = []
    image = images.bootstrap("host", progress=said.append)
    lower = images.lower(image)
    assert image.document.config.cmd == ["sh"]
    assert inside(lower, "/bin/sh", "-c", "echo a b | sed s/b/c/ | grep -c c; ls / >/dev/null && echo ls") == (0, "1\nls\n")
    if shutil.which("bash"):
        assert inside(lower, "/bin/bash", "-c", "echo $((6*7)); getent passwd nobody | cut -d: -f3") == (0, "42\n65534\n")
    for program in ("ip", "tar", "ps", "find"):
        if shutil.which(program):
            assert inside(lower, "/bin/sh", "-c", f"command -v {program}")[0] == 0
            assert "error while loading shared libraries" not in inside(lower, "/bin/sh", "-c", f"{program} --version")[1]


def test_every_library_of_a_host_image_is_in_it(images: Images) -> None:
    lower = images.lower(images.bootstrap("host"))
    ldd = "/lib64/ld-linux-x86-64.so.2"
    if not os.path.exists(f"{lower[-1]}{ldd}"):
        pytest.skip(f"no {ldd} on this machine")
    for program in ("/bin/sh", "/usr/bin/tar", "/usr/bin/grep"):
        code, text = inside(lower, ldd, "--list", program)
        assert code == 0, text
        assert "not found" not in text


def test_chosen_programs_and_nothing_else(images: Images) -> None:
    lower = images.lower(images.bootstrap("host", programs=["cat", "/bin/sh"]))
    assert inside(lower, "/bin/sh", "-c", "echo x | cat") == (0, "x\n")
    assert not os.path.exists(f"{lower[-1]}/usr/bin/ls")


def test_a_missing_program_is_named(images: Images) -> None:
    with pytest.raises(NotFound, match="program 'nosuchprogram' is not on this host"):
        images.bootstrap("host", programs=["sh", "nosuchprogram"])
    with pytest.raises(Invalid, match="relative path"):
        images.bootstrap("host", programs=["./x"])
    assert images.list() == []


def test_a_script_brings_its_interpreter(images: Images, tmp_path: Path) -> None:
    script = tmp_path / "greet"
    script.write_text("#!/usr/bin/env sh\necho hello\n")
    script.chmod(0o755)
    lower = images.lower(images.bootstrap("host", programs=[str(script)]))
    assert inside(lower, str(script)) == (0, "hello\n")


def test_python_brings_its_library(images: Images) -> None:
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("no /usr/bin/python3 on this machine")
    lower = images.lower(images.bootstrap("host", programs=["/usr/bin/python3"]))
    code, text = inside(lower, "/usr/bin/python3", "-c", "import ssl, sqlite3, ctypes, json; print(json.dumps([1]))")
    assert (code, text) == (0, "[1]\n")


def test_a_library_that_is_missing_names_both(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(elf(machine=NATIVE, needed=("libnowhere.so.9",)))
    program.chmod(0o755)
    with pytest.raises(NotFound, match=rf"library libnowhere\.so\.9, which {program} needs, is not on this host"):
        Closure().program(str(program))


def test_origin_and_rpath_lead_to_libraries(tmp_path: Path) -> None:
    for name in ("app/bin", "app/lib", "app/other"):
        (tmp_path / name).mkdir(parents=True)
    program = tmp_path / "app" / "bin" / "program"
    program.write_bytes(elf(machine=NATIVE, needed=("liba.so", "libb.so"), rpath="$ORIGIN/../lib"))
    program.chmod(0o755)
    (tmp_path / "app" / "lib" / "liba.so").write_bytes(elf(machine=NATIVE, needed=("libc1.so",), runpath="${ORIGIN}/../other"))
    (tmp_path / "app" / "lib" / "libb.so").write_bytes(elf(machine=NATIVE, wide=False))  # another word size: passed over
    (tmp_path / "app" / "other" / "libc1.so").write_bytes(elf(machine=NATIVE))
    closure = Closure()
    with pytest.raises(NotFound, match=r"libb\.so"):
        closure.program(str(program))
    (tmp_path / "app" / "lib" / "libb.so").write_bytes(elf(machine=NATIVE))
    whole = Closure()
    whole.program(str(program))
    assert {Path(entry.path).name for entry in whole.entries() if entry.source} == {"program", "liba.so", "libb.so", "libc1.so"}
