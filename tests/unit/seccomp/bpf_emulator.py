"""Runs a classic BPF filter as the kernel would, and an independent reading of the rules to compare it with."""

import struct

DATA = struct.Struct("<IIQ6Q")
AUDIT = {"x86_64": 0xC000003E, "x32": 0xC000003E, "i386": 0x40000003, "aarch64": 0xC00000B7}
ACTIONS = {
    "SCMP_ACT_ALLOW": 0x7FFF0000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_TRAP": 0x30000,
}
ENOSYS = 0x50000 | 38
WHOLE = (1 << 64) - 1


def run(program, number, arch, args=(0, 0, 0, 0, 0, 0)):
    """Return the program's answer for one syscall; `arch` is an AUDIT_ARCH_ value."""
    data = DATA.pack(number & 0xFFFFFFFF, arch, 0, *(arg & WHOLE for arg in args))
    counter = accumulator = 0
    while True:
        code, yes, no, constant = struct.unpack_from("<HBBI", program, 8 * counter)
        counter += 1
        if code == 0x20:
            assert constant % 4 == 0 and constant < 64, "the kernel refuses an unaligned load"
            accumulator = struct.unpack_from("<I", data, constant)[0]
        elif code == 0x54:
            accumulator &= constant
        elif code == 0x05:
            counter += constant
        elif code in COMPARE:
            counter += yes if COMPARE[code](accumulator, constant) else no
        elif code == 0x06:
            return constant
        else:
            raise AssertionError(f"the kernel refuses instruction {code:#x}")


COMPARE = {0x15: lambda a, k: a == k, 0x25: lambda a, k: a > k, 0x35: lambda a, k: a >= k}

OPERATORS = {
    "SCMP_CMP_EQ": lambda a, v, w: a == v,
    "SCMP_CMP_NE": lambda a, v, w: a != v,
    "SCMP_CMP_LT": lambda a, v, w: a < v,
    "SCMP_CMP_LE": lambda a, v, w: a <= v,
    "SCMP_CMP_GT": lambda a, v, w: a > v,
    "SCMP_CMP_GE": lambda a, v, w: a >= v,
    "SCMP_CMP_MASKED_EQ": lambda a, v, w: a & v == w & v == w,
}


def value(action, number):
    if action == "SCMP_ACT_ERRNO":
        return 0x50000 | (1 if number is None else number)
    return ACTIONS[action]


def decide(profile, name, args=(0, 0, 0, 0, 0, 0)):
    """Return what an OCI profile says about a syscall, read rule by rule as the specification tells it."""
    rules = [rule for rule in profile["syscalls"] if name in rule["names"]]
    for rule in rules:
        if not rule.get("args"):
            return value(rule["action"], rule.get("errnoRet"))
    for rule in rules:
        holds = [
            OPERATORS[arg["op"]](args[arg["index"]] & WHOLE, arg.get("value", 0), arg.get("valueTwo", 0))
            for arg in rule["args"]
        ]
        repeated = len({arg["index"] for arg in rule["args"]}) < len(rule["args"])
        if any(holds) if repeated else all(holds):
            return value(rule["action"], rule.get("errnoRet"))
    return value(profile["defaultAction"], profile.get("defaultErrnoRet"))
