"""busybox from the distribution's archive, with the host's own gpgv: on loopback, and for real where it can be reached."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.bootstrap.makers import host_supply
from dockerkit.daemon.images.bootstrap.mirror import Mirror
from dockerkit.daemon.images.bootstrap.request import Supply, silent
from dockerkit.daemon.images.bootstrap.signature import verify
from dockerkit.daemon.images.bootstrap.sources import read_sources
from dockerkit.errors import Damaged, Unavailable
from tests.system.images.insideimage import inside
from tests.unit.images.imagematerial import file
from tests.unit.images.mirrormaterial import Archive, apt, deb, friend, stanza

pytestmark = pytest.mark.system


def test_busybox_from_a_package(tmp_path: Path, static_busybox: Path) -> None:
    archive = Archive()
    package = deb(file("./usr/bin/busybox", static_busybox.read_bytes(), mode=0o755))
    archive.files["pool/b.deb"] = package
    archive.add_suite("stable", stanza("busybox-static", "1:9-1", "pool/b.deb", package))
    with archive.serve() as url:
        mirror = Mirror(apt(tmp_path / "apt", url, configuration='Acquire::Check-Date "no";'), verify=friend)
        image = Images(str(tmp_path / "root"), supply=Supply(mirror.fetch_package, ())).bootstrap("busybox")
    assert image.document.config.labels is not None
    assert image.document.config.labels["dev.dockerkit.bootstrap.origin"] == "busybox-static 1:9-1 (Debian stable)"


def test_a_package_with_another_program_in_it_is_refused(tmp_path: Path) -> None:
    archive = Archive()
    package = deb(file("./bin/busybox", b"#!/bin/sh\necho I am busybox\n", mode=0o755))
    archive.files["pool/b.deb"] = package
    archive.add_suite("stable", stanza("busybox-static", "1", "pool/b.deb", package))
    with archive.serve() as url:
        mirror = Mirror(apt(tmp_path / "apt", url, configuration='Acquire::Check-Date "no";'), verify=friend)
        images = Images(str(tmp_path / "root"), supply=Supply(mirror.fetch_package, ()))
        with pytest.raises(Damaged, match="is no static program"):
            images.bootstrap("busybox")
    assert images.list() == []


@pytest.fixture(scope="module")
def real_archive() -> str:
    """The host's own archive, or a skip that says why there is none."""
    if not os.path.exists("/usr/bin/gpgv"):
        pytest.skip("no gpgv on this machine")
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    for source in read_sources("/etc/apt", codename=codename):
        try:
            with urllib.request.urlopen(f"{source.uri}/dists/{source.suite}/InRelease", timeout=5) as answer:
                answer.read(1)
        except (OSError, urllib.error.URLError) as error:
            pytest.skip(f"the distribution's archive cannot be reached: {error}")
        return source.suite
    pytest.skip("apt knows no archive of this distribution")


def test_busybox_from_the_distributions_own_archive(tmp_path: Path, real_archive: str) -> None:
    supply = Supply(host_supply().fetch_package, ())
    images = Images(str(tmp_path), supply=supply)
    image = images.bootstrap("busybox")
    assert image.document.config.labels is not None
    assert image.document.config.labels["dev.dockerkit.bootstrap.origin"].startswith("busybox-static ")
    assert inside(images.lower(image), "/bin/busybox", "true") == (0, "")


@pytest.mark.parametrize("tamper", ["text", "appended", "prepended", "stripped", "none"])
def test_a_real_signature_covers_every_byte_that_is_used(tmp_path: Path, real_archive: str, tamper: str) -> None:
    """Serve a copy of the real signed index, changed, from loopback: gpgv's word decides."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    source = next(source for source in read_sources("/etc/apt", codename=codename) if source.suite == real_archive)
    with urllib.request.urlopen(f"{source.uri}/dists/{source.suite}/InRelease", timeout=10) as answer:
        original = answer.read()
    injected = b"Origin: Debian\nSuite: stable\nSHA256:\n " + b"0" * 64 + b" 10 main/binary-amd64/Packages.xz\n"
    changed = {
        "text": original.replace(b"main/binary-", b"main/binarY-", 1),
        "appended": original + injected,
        "prepended": injected + original,
        "stripped": original.partition(b"-----BEGIN PGP SIGNATURE-----")[0],
        "none": original,
    }[tamper]
    archive = Archive()
    archive.files[f"dists/{source.suite}/InRelease"] = changed
    keyring = next((key for key in source.signed_by if os.path.exists(key)), "")
    with archive.serve() as url:
        options = f"[signed-by={keyring}]" if keyring else ""
        configuration = 'Acquire::Check-Valid-Until "no"; Acquire::Check-Date "no";'
        mirror = Mirror(apt(tmp_path, url, source.suite, configuration=configuration, options=options))
        if tamper in ("text", "stripped"):
            with pytest.raises(Damaged, match="is not signed by a key this host trusts"):
                mirror.fetch_package("busybox-static", silent)
        else:  # what stands outside the signature is ignored: the real index is used, and its files are not here
            with pytest.raises(Unavailable, match="404"):
                mirror.fetch_package("busybox-static", silent)
            assert "0" * 64 not in " ".join(archive.asked)


def test_a_signature_of_a_key_that_is_not_the_archives_is_refused(tmp_path: Path) -> None:
    gpg = shutil.which("gpg")
    if gpg is None or not os.path.exists("/usr/bin/gpgv"):
        pytest.skip("gpg and gpgv are needed to make and check a signature: apt-get install gpg gpgv")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    call = [gpg, "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
    try:
        for name in ("archive@example.invalid", "stranger@example.invalid"):
            subprocess.run([*call, "--quick-gen-key", name, "ed25519", "sign", "never"], check=True, capture_output=True)
        for name in ("archive", "stranger"):
            text = b"Origin: Debian\nSuite: stable\nCodename: stable\nSHA256:\n"
            sign = [*call, "-u", f"{name}@example.invalid", "--clearsign"]
            (tmp_path / name).write_bytes(subprocess.run(sign, input=text, check=True, capture_output=True).stdout)
        armoured = subprocess.run(
            [*call, "--armor", "--export", "archive@example.invalid"], check=True, capture_output=True
        ).stdout
        binary = subprocess.run([*call, "--export", "archive@example.invalid"], check=True, capture_output=True).stdout
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    (tmp_path / "key.asc").write_bytes(armoured)
    (tmp_path / "key.gpg").write_bytes(binary)
    archive = Archive()
    with archive.serve() as url:
        for key in ("key.asc", "key.gpg"):
            mirror = Mirror(apt(tmp_path / "apt", url, options=f"[signed-by={tmp_path}/{key}]"))
            archive.files["dists/stable/InRelease"] = (tmp_path / "archive").read_bytes()
            with pytest.raises(Unavailable, match="no archive of this distribution has it"):
                mirror.fetch_package("tool", silent)
            archive.files["dists/stable/InRelease"] = (tmp_path / "stranger").read_bytes()
            with pytest.raises(Damaged, match="the key is unknown"):
                mirror.fetch_package("tool", silent)


@pytest.mark.parametrize(("ends", "why"), [("revoked", "the key was revoked"), ("expired", "the key has expired")])
def test_a_signature_of_a_key_that_was_taken_back_is_refused(ends: str, why: str, tmp_path: Path) -> None:
    """gpgv calls such a signature valid, for it is; the key in the host's keyring is what says that it counts no more."""
    gpg = shutil.which("gpg")
    if gpg is None or not os.path.exists("/usr/bin/gpgv"):
        pytest.skip("gpg and gpgv are needed to make and check a signature: apt-get install gpg gpgv")
    home, name = tmp_path / "home", "archive@example.invalid"
    home.mkdir(mode=0o700)
    call = [gpg, "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
    then = ["--faked-system-time", "20200101T000000"] if ends == "expired" else []
    life = "1d" if ends == "expired" else "never"

    def run(*words: str, input: bytes = b"") -> bytes:
        return subprocess.run([*call, *words], input=input, check=True, capture_output=True).stdout

    try:
        run(*then, "--quick-gen-key", name, "ed25519", "sign", life)
        signed = run(*then, "-u", name, "--clearsign", input=b"Origin: Debian\nSuite: stable\nSHA256:\n")
        if ends == "revoked":
            (certificate,) = (home / "openpgp-revocs.d").iterdir()
            run("--import", input=certificate.read_bytes().replace(b"\n:-----BEGIN", b"\n-----BEGIN"))
        (tmp_path / "key.gpg").write_bytes(run("--export", name))
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    with pytest.raises(Damaged, match=why):
        verify(signed, [str(tmp_path / "key.gpg")], subject="InRelease")
