"""Health as dockerd judges it: what a check runs, when, and what its result makes of a container. Pure.

Source: moby ``daemon/health.go``, proven against dockerd: five results are kept, 4 KiB of output each; a failure within the
start period of a container that was never healthy does not count; a container whose checks stopped (it ended, it is paused)
is called unhealthy.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dockerkit.schema.container import ContainerConfig, Health, HealthConfig, HealthLog
from dockerkit.schema.units import rfc3339

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
SECOND = 1_000_000_000
INTERVAL, TIMEOUT, START_INTERVAL = 30 * SECOND, 30 * SECOND, 5 * SECOND
RETRIES = 3
KEPT = 5
MOST_OUTPUT = 4096
NO_RESULT = -1
"""The exit code of a check that could not be run, or took too long."""
SHELL = ("/bin/sh", "-c")


def command(config: ContainerConfig) -> list[str] | None:
    """Return what a container's check runs; None when it has no check, ``NONE`` or one of a kind Docker does not know."""
    wish = config.healthcheck
    kind, *words = (wish.test if wish else []) or [""]
    if kind == "CMD-SHELL":
        return [*(config.shell or SHELL), *words]
    return words if kind == "CMD" else None


def merged(wish: HealthConfig | UnsetType, image: HealthConfig | None) -> HealthConfig | UnsetType:
    """Return `wish` with what it left open taken from its image."""
    if image is None or isinstance(wish, UnsetType):
        return wish if image is None else image
    open_ones = [name for name in HealthConfig.__struct_fields__ if not getattr(wish, name)]
    return replace(wish, **{name: getattr(image, name) for name in open_ones})


def begun(config: ContainerConfig, before: Health | UnsetType) -> Health | UnsetType:
    """Return the health of a container that has just started; earlier results are kept."""
    if command(config) is None:
        return UNSET
    return Health(status=STARTING, log=[] if isinstance(before, UnsetType) else before.log)


def unwatched(before: Health | UnsetType) -> Health | UnsetType:
    """Return the health of a container whose checks have stopped."""
    return before if isinstance(before, UnsetType) else replace(before, status=UNHEALTHY)


def judged(before: Health, wish: HealthConfig, result: HealthLog, age: int) -> Health:
    """Return the health after a check's result.

    :param age: nanoseconds from the container's start to the check's.
    """
    log = [*before.log, result][-KEPT:]
    if result.exit_code == 0:
        return Health(status=HEALTHY, log=log)
    if before.status == STARTING and age < wish.start_period:
        return replace(before, log=log)
    streak = before.failing_streak + 1
    status = UNHEALTHY if streak >= (wish.retries or RETRIES) else before.status
    return Health(status=status, failing_streak=streak, log=log)


def pause(status: str, wish: HealthConfig, age: int) -> int:
    """Return the nanoseconds until the next check of a container that started `age` ago."""
    if status == STARTING and age < wish.start_period:
        return wish.start_interval or START_INTERVAL
    return wish.interval or INTERVAL


def result(exit_code: int, output: bytes, start: int, end: int) -> HealthLog:
    """Return a check's result; moments in ns since 1970."""
    text = output[:MOST_OUTPUT].decode(errors="replace") + ("..." if len(output) > MOST_OUTPUT else "")
    return HealthLog(start=rfc3339(start), end=rfc3339(end), exit_code=exit_code, output=text)


def too_long(timeout: int, output: bytes) -> bytes:
    """Return what Docker notes of a check that took more than `timeout` ns, with what it had said until then."""
    words = f"Health check exceeded timeout ({duration(timeout)})".encode()
    return words + b": " + output if output else words


def duration(nanoseconds: int) -> str:
    """Return a duration as Go writes it: ``1m30s``, ``1.5s``, ``500ms``."""
    if nanoseconds < SECOND:
        return f"{nanoseconds / 1_000_000:.6f}".rstrip("0").rstrip(".") + "ms"
    minutes, rest = divmod(nanoseconds, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / SECOND:.9f}".rstrip("0").rstrip(".") + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + seconds
