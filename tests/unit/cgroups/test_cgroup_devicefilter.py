"""The device program, read instruction by instruction as the kernel would, gives Docker's answers."""

import itertools
import struct

import pytest

from dockerkit.daemon.kernel.cgroups.devicefilter import DEFAULT_RULES, DENY_ALL, Entry, policy, program
from dockerkit.daemon.kernel.cgroups.devices import Rule, container_rules

TYPES = {"b": 1, "c": 2}
ACCESS = {"m": 1, "r": 2, "w": 4}


def run(code, device, access):
    """Evaluate a program on ``struct bpf_cgroup_dev_ctx``; jumps only forwards, or the test fails."""
    kind, major, minor = device
    context = struct.pack("<3I", sum(ACCESS[letter] for letter in access) << 16 | TYPES[kind], major, minor)
    registers = {1: context}
    instructions = list(struct.iter_unpack("<BBhi", code))
    place = 0
    while True:
        operation, both, jump, value = instructions[place]
        target, source = both & 15, both >> 4
        assert jump >= 0
        place += 1
        match operation:
            case 0x61:
                registers[target] = struct.unpack_from("<I", registers[source], jump)[0]
            case 0xB4:
                registers[target] = value
            case 0xBC:
                registers[target] = registers[source]
            case 0x54:
                registers[target] &= value & 0xFFFFFFFF
            case 0x74:
                registers[target] >>= value
            case 0x56:
                place += jump if registers[target] != value else 0
            case 0x16:
                place += jump if registers[target] == value else 0
            case 0x95:
                return bool(registers[0])
            case _:
                pytest.fail(f"unknown instruction {operation:#x}")


def answer(rules, device, access):
    return run(program(policy(rules)), device, access)


@pytest.mark.parametrize(
    ("device", "access", "granted"),
    [
        (("c", 1, 3), "r", True),
        (("c", 1, 3), "rw", True),
        (("c", 1, 3), "rwm", True),
        (("c", 1, 8), "w", True),
        (("c", 5, 0), "rw", True),
        (("c", 136, 0), "rw", True),
        (("c", 136, 4711), "rwm", True),
        (("c", 5, 2), "rw", True),
        (("c", 1, 11), "m", True),
        (("b", 8, 0), "m", True),
        (("c", 1, 11), "r", False),
        (("c", 1, 11), "rm", False),
        (("c", 1, 1), "w", False),
        (("b", 8, 0), "r", False),
        (("b", 1, 3), "r", False),
        (("c", 137, 0), "r", False),
        (("c", 3, 1), "r", False),
        (("c", 10, 229), "rw", False),
        (("c", 1 << 19, 3), "r", False),
    ],
)
def test_dockers_list(device, access, granted):
    assert answer(DEFAULT_RULES, device, access) is granted


def test_a_device_given_with_read_only_can_be_read_only():
    rules = container_rules(
        [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "r"}]
    )
    fuse = ("c", 10, 229)
    assert [answer(rules, fuse, access) for access in ("r", "m", "w", "rw")] == [True, True, False, False]
    assert answer(rules, ("c", 1, 3), "rw")


def test_two_lines_for_one_device_add_up_and_two_for_different_ones_do_not():
    same = [DENY_ALL, Rule("devices.allow", "c 7:1 r"), Rule("devices.allow", "c 7:1 w")]
    assert answer(same, ("c", 7, 1), "rw")
    different = [DENY_ALL, Rule("devices.allow", "c 7:* r"), Rule("devices.allow", "c 7:1 w")]
    assert not answer(different, ("c", 7, 1), "rw")
    assert answer(different, ("c", 7, 1), "w")


def test_a_line_can_be_taken_back_but_not_out_of_a_wildcard():
    rules = [DENY_ALL, Rule("devices.allow", "c 7:1 rwm"), Rule("devices.deny", "c 7:1 w")]
    assert answer(rules, ("c", 7, 1), "r")
    assert not answer(rules, ("c", 7, 1), "w")
    wildcard = [DENY_ALL, Rule("devices.allow", "c 7:* rwm"), Rule("devices.deny", "c 7:1 rwm")]
    assert answer(wildcard, ("c", 7, 1), "w")


def test_after_everything_is_allowed_lines_take_away():
    rules = [Rule("devices.allow", "a *:* rwm"), Rule("devices.deny", "b 8:* w")]
    assert policy(rules) == (True, (Entry(1, 8, None, 4),))
    assert [answer(rules, ("b", 8, 3), access) for access in ("r", "w", "rw", "m")] == [True, False, False, True]
    assert answer(rules, ("c", 8, 3), "w")


def test_any_type_and_any_number():
    rules = [DENY_ALL, Rule("devices.allow", "a 9:* r")]
    assert answer(rules, ("b", 9, 1), "r")
    assert answer(rules, ("c", 9, 2), "r")
    assert not answer(rules, ("c", 8, 2), "r")


def test_what_comes_before_everything_is_forgotten():
    assert policy([Rule("devices.deny", "c 1:3 r"), DENY_ALL]) == (False, ())
    assert policy([]) == (True, ())


def test_program_and_rules_agree_about_every_device_near_the_list():
    decided, code = policy(DEFAULT_RULES), program(policy(DEFAULT_RULES))
    for kind, major, minor, access in itertools.product("bc", (0, 1, 5, 136, 137), range(12), ("r", "w", "m", "rw", "rwm")):
        bits = sum(ACCESS[letter] for letter in access)
        fits = [
            entry
            for entry in decided.entries
            if entry.type in (0, TYPES[kind]) and entry.major in (None, major) and entry.minor in (None, minor)
        ]
        assert run(code, (kind, major, minor), access) is any(bits & ~entry.access == 0 for entry in fits)
