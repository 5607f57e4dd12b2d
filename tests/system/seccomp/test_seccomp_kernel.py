"""The kernel takes our program and enforces it, in a forked child."""

import ctypes
import errno
import mmap
import os
import platform
import socket
import threading

import pytest

from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.loading import load
from dockerkit.daemon.kernel.seccomp.numbers import syscall_numbers
from dockerkit.daemon.kernel.seccomp.resolution import default_profile

pytestmark = pytest.mark.system
ARCHITECTURE = platform.machine()
NUMBERS = syscall_numbers(ARCHITECTURE)
WORDS = """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE
           SYS_CHROOT KILL AUDIT_WRITE"""
DOCKER = tuple(f"CAP_{name}" for name in WORDS.split())
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    """Make a raw syscall; return 0 or the errno."""
    result = LIBC.syscall(ctypes.c_long(NUMBERS[name]), *(ctypes.c_ulong(arg) if isinstance(arg, int) else arg for arg in args))
    return 0 if result >= 0 else ctypes.get_errno()


@pytest.fixture(scope="module")
def program():
    return compile_profile(default_profile(DOCKER, (6, 1)), ARCHITECTURE)


def filtered(program, act):
    """Return the exit status of a child that loads the program and exits with what `act` returns."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            load(program)
            code = act()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


NEWUSER, VSOCK = 0x10000000, 40


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("mount", (b"none", b"/nowhere", b"tmpfs", 0, 0)),
        ("unshare", (0x20000,)),
        ("keyctl", (0, 0, 0, 0, 0)),
        ("add_key", (b"user", b"x", b"y", 1, 0)),
        ("personality", (0x0040000,)),
        ("socket", (VSOCK, 1, 0)),
        ("clone", (NEWUSER | 17, 0, 0, 0, 0)),
        ("setns", (0, 0)),
        ("bpf", (0, 0, 0)),
        ("io_uring_setup", (1, 0)),
        ("userfaultfd", (0,)),
        ("pivot_root", (b"/nowhere", b"/nowhere")),
        ("swapon", (b"/nowhere", 0)),
        ("kexec_load", (0, 0, 0, 0)),
        ("open_by_handle_at", (0, 0, 0)),
    ],
)
def test_what_docker_refuses_is_refused(program, name, args):
    assert filtered(program, lambda: call(name, *args)) == errno.EPERM


def test_clone3_does_not_exist_so_that_libc_falls_back(program):
    assert filtered(program, lambda: call("clone3", 0, 0)) == errno.ENOSYS


def test_a_syscall_from_the_future_does_not_exist(program):
    def future():
        assert LIBC.syscall(ctypes.c_long(4000)) == -1
        return ctypes.get_errno()

    assert filtered(program, future) == errno.ENOSYS


def test_ordinary_work_goes_on(program, tmp_path):
    def work():
        threading.Thread(target=lambda: None).start()
        socket.socketpair()
        (tmp_path / "file").write_text("x")
        assert call("personality", 0xFFFFFFFF) == 0
        pid = os.fork()
        if pid == 0:
            os._exit(5)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert filtered(program, work) == 5


def test_the_filter_survives_exec(program):
    def execute():
        os.execv("/usr/bin/unshare", ["unshare", "--mount", "true"])

    assert filtered(program, execute) not in (0, 99)


def test_tracing_is_allowed_as_docker_does_since_linux_4_8(program):
    assert filtered(program, lambda: call("ptrace", 0, 0, 0, 0)) == 0


@pytest.mark.skipif(ARCHITECTURE != "x86_64", reason="32-bit entry exists on x86 only")
def test_the_32_bit_entry_is_no_way_around(program):
    # mov eax, 21 (mount); int 0x80; ret: numbers of the other table
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes([0xB8, 21, 0, 0, 0, 0xCD, 0x80, 0xC3]))
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    # -EPERM; killed by SIGSEGV where the kernel has no 32-bit entry at all
    assert filtered(program, lambda: -function()) in (errno.EPERM, -11)


def test_without_privilege_it_is_refused_by_name(program):
    def as_nobody():
        os.setresuid(65534, 65534, 65534)
        try:
            load(program)
        except OSError as error:
            assert error.filename == "seccomp"
            return error.errno
        return 0

    pid = os.fork()
    if pid == 0:
        os._exit(as_nobody())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == errno.EACCES
