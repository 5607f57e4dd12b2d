"""The words of a container, as methods: each returns a new wish that has one more said.

Repeatable words add, the others replace. Nothing is contacted; what only an engine can know is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from dockerkit.client import values
from dockerkit.client.values import Attach, Path, Probe, Restart, Scalar, Size
from dockerkit.errors import Invalid
from dockerkit.schema.names import check_container_name
from dockerkit.schema.units import parse_duration

if TYPE_CHECKING:
    from dockerkit.client.container import Container
    from dockerkit.client.network import Network
    from dockerkit.client.ready import Condition
    from dockerkit.client.volume import Volume


class Words:
    """What can be wished; :class:`~dockerkit.client.spec.ContainerSpec` keeps what was said."""

    __slots__ = ()

    def _set(self, word: str, value: Any) -> Self:
        raise NotImplementedError

    def _add(self, word: str, items: tuple[Any, ...]) -> Self:
        raise NotImplementedError

    def _merge(self, word: str, pairs: values.Pairs) -> Self:
        raise NotImplementedError

    # what runs

    def command(self, *words: Scalar) -> Self:
        """Run this instead of the image's command; each argument is one word, no shell reads it."""
        return self._set("command", values.texts("command", words) or None)

    def entrypoint(self, *words: Scalar) -> Self:
        """Put this before the command instead of the image's entrypoint; without arguments, nothing."""
        return self._set("entrypoint", values.texts("entrypoint", words))

    def env(self, mapping: Mapping[str, Scalar | None] | str | None = None, /, **variables: Scalar | None) -> Self:
        """Set environment variables, from keywords, a mapping or ``"NAME=value"``; None takes one of the image's away."""
        return self._merge("env", values.pairs("env", mapping, variables, empty=True))

    def user(self, user: str | int) -> Self:
        """Run as this user: name or number, ``"user:group"``, of the image's own files."""
        return self._set("user", values.text("user", user))

    def workdir(self, path: Path) -> Self:
        """Run in this folder of the container; made when missing."""
        return self._set("workdir", values.absolute("workdir", path))

    def tty(self, on: bool = True) -> Self:
        """Give it a terminal; output is then one stream."""
        return self._set("tty", bool(on) or None)

    def stdin(self, on: bool = True) -> Self:
        """Keep standard input open."""
        return self._set("stdin", bool(on) or None)

    def init(self, on: bool = True) -> Self:
        """Run a small init as process 1 that forwards signals and reaps; False says no whatever the engine's default is."""
        return self._set("init", bool(on))

    def stop_signal(self, signal: str | int) -> Self:
        """Ask it to stop with this signal, a name or a number, instead of the image's or SIGTERM."""
        return self._set("stop_signal", values.text("stop_signal", signal))

    def stop_timeout(self, seconds: Scalar) -> Self:
        """Give it so long between the stop signal and SIGKILL: seconds, or ``"1m30s"``."""
        return self._set("stop_timeout", round(parse_duration(seconds)))

    # what it is called

    def name(self, name: str) -> Self:
        """Call it so; without, the engine invents a name.

        :raises Invalid: characters that Docker does not admit.
        """
        return self._set("name", check_container_name(name))

    def hostname(self, name: str) -> Self:
        """Let it think that its host is called so; without, its short id."""
        return self._set("hostname", values.text("hostname", name))

    def label(self, mapping: Mapping[str, Scalar] | str | None = None, /, **labels: Scalar) -> Self:
        """Attach labels, from keywords, a mapping or ``"name=value"``."""
        return self._merge("label", values.pairs("label", mapping, labels))

    def platform(self, platform: str) -> Self:
        """Insist on this platform of the image: ``"linux/arm64"``."""
        return self._set("platform", values.text("platform", platform))

    def auto_remove(self, on: bool = True) -> Self:
        """Remove it when it has ended, with its anonymous volumes."""
        return self._set("auto_remove", bool(on) or None)

    def restart(self, policy: str = "always", max_retries: int = 0) -> Self:
        """Start it again when it ended: ``always``, ``unless-stopped``, ``on-failure`` (so often at most), ``no``.

        :raises Invalid: another policy.
        """
        name, _, count = policy.partition(":")
        if name not in ("no", "always", "unless-stopped", "on-failure"):
            raise Invalid(f"restart: {policy!r} is not a policy", hint='"always", "unless-stopped", "on-failure:3" or "no"')
        return self._set("restart", None if name == "no" else Restart(name, int(count or max_retries)))

    def healthcheck(
        self,
        *test: str,
        interval: Scalar = 0,
        timeout: Scalar = 0,
        retries: int = 0,
        start_period: Scalar = 0,
        start_interval: Scalar = 0,
    ) -> Self:
        """Probe its health with this command: one text for the shell, several words as they are, none for no probe.

        :param interval: seconds or ``"30s"``, as the other times; 0 leaves the image's or Docker's own.
        :param start_period: how long failures do not count after a start, probing every `start_interval` meanwhile.
        """
        command = ("NONE",) if not test else ("CMD-SHELL", *test) if len(test) == 1 else ("CMD", *test)
        times = [parse_duration(time) for time in (interval, timeout, start_period, start_interval)]
        probe = Probe(values.texts("healthcheck", command), times[0], times[1], retries, times[2], times[3])
        return self._set("healthcheck", probe)

    def ready(self, condition: Condition | Callable[[Container], bool]) -> Self:
        """Hold it for started only when this is met: ``dk.ready.log(…)``, ``.port(…)`` …, or a function of the container."""
        if not callable(condition):
            raise TypeError(f"ready: expected a condition or a function of the container, not {condition!r}")
        return self._set("ready", condition)

    # what it sees

    def bind(self, source: Path | Mapping[str, Path], target: Path | None = None, *, read_only: bool = False) -> Self:
        """Show a file or folder of the host inside; `source` is relative to the caller's working directory.

        One text is docker's ``source:target[:ro]``. A missing source is refused when the container is created.
        """
        if isinstance(source, Mapping):
            return self._add("bind", tuple(values.bind(s, t, read_only) for s, t in source.items()))
        return self._add("bind", (values.bind(source, target, read_only),))

    def volume(self, name: str | Volume | Mapping[str, Path], target: Path | None = None, *, read_only: bool = False) -> Self:
        """Mount a volume, named or live; one path alone is an anonymous one; ``name:target[:ro]`` as docker writes it."""
        if isinstance(name, Mapping):
            return self._add("volume", tuple(values.volume(n, t, read_only) for n, t in name.items()))
        return self._add("volume", (values.volume(name, target, read_only),))

    def tmpfs(self, target: Path | Mapping[str, Size | None], size: Size | None = None) -> Self:
        """Mount an empty file system in memory there, of this size at most."""
        said = target if isinstance(target, Mapping) else {target: size}
        sized = ((values.absolute("tmpfs", t), None if s is None else values.size("tmpfs", s)) for t, s in said.items())
        return self._merge("tmpfs", tuple(sized))

    def shm_size(self, size: Size) -> Self:
        """Make ``/dev/shm`` so big; 64 MB without."""
        return self._set("shm_size", values.size("shm_size", size))

    def device(self, host: str, inside: str | None = None, *, permissions: str = "rwm") -> Self:
        """Show a device of the host inside; one text is docker's ``host[:inside[:rwm]]``."""
        return self._add("device", (values.device(host, inside, permissions),))

    def read_only(self, on: bool = True) -> Self:
        """Mount its root file system read-only."""
        return self._set("read_only", bool(on) or None)

    # whom it talks to

    def publish(self, *ports: str | int) -> Self:
        """Make ports reachable from the host: docker's ``-p`` grammar, or a container's port for a random one of the host."""
        return self._add("publish", tuple(map(values.port, ports)))

    def network(self, name: str | Network, *, aliases: Sequence[str] = (), ip: str = "") -> Self:
        """Connect it to a network, also under these names; ``"none"``, ``"host"`` and ``"container:ID"`` as in docker."""
        known = getattr(name, "name", name)
        return self._add("network", (Attach(values.text("network", known), values.texts("aliases", aliases), ip),))

    def dns(self, *addresses: str) -> Self:
        """Ask these name servers, in this order."""
        return self._add("dns", values.texts("dns", addresses))

    def extra_host(self, name: str | Mapping[str, str], ip: str | None = None) -> Self:
        """Write a name into ``/etc/hosts``: name and address, a mapping, or docker's ``name:address``."""
        if isinstance(name, Mapping):
            return self._add("extra_host", tuple(f"{n}:{a}" for n, a in name.items()))
        written = name if ip is None else f"{name}:{ip}"
        if ":" not in written:
            raise Invalid(
                f"extra_host: {written!r} has no address", hint='write extra_host("db", "10.0.0.5"), or "db:10.0.0.5"'
            )
        return self._add("extra_host", (written,))

    # what it may

    def memory(self, size: Size) -> Self:
        """Allow so much memory: bytes, or ``"256m"``."""
        return self._set("memory", values.size("memory", size))

    def cpus(self, number: Scalar) -> Self:
        """Allow so many processors' time; 0.5 is half a one."""
        if (wanted := values.number("cpus", number)) < 0:
            raise Invalid(f"cpus: {number!r} is not a number of processors", hint="write 0.5, or 2")
        return self._set("cpus", wanted)

    def pids_limit(self, number: int) -> Self:
        """Allow so many processes and threads; -1 is unlimited."""
        return self._set("pids_limit", int(values.number("pids_limit", number)))

    def cap_add(self, *capabilities: str) -> Self:
        """Give it capabilities (capabilities(7)), with or without ``CAP_``; ``ALL`` is all."""
        return self._add("cap_add", values.capabilities("cap_add", capabilities))

    def cap_drop(self, *capabilities: str) -> Self:
        """Take capabilities away; ``ALL`` is all."""
        return self._add("cap_drop", values.capabilities("cap_drop", capabilities))

    def security_opt(self, *options: str) -> Self:
        """Change its confinement: ``"no-new-privileges"``, ``"seccomp=unconfined"`` …, as docker writes it."""
        return self._add("security_opt", values.texts("security_opt", options))

    def privileged(self, on: bool = True) -> Self:
        """Lift all confinement: every capability and device. It can then do what root on the host can."""
        return self._set("privileged", bool(on) or None)

    def ulimit(
        self, name: str | Mapping[str, int | str | tuple[int, int]], soft: int | str | None = None, hard: int | None = None
    ) -> Self:
        """Limit a resource of each process (setrlimit(2)): ``("nofile", 1024, 2048)``, a mapping, or ``"nofile=1024:2048"``."""
        if isinstance(name, Mapping):
            return self._merge("ulimit", tuple((n, values.limit(v)) for n, v in name.items()))
        if soft is None:
            name, _, soft = name.partition("=")
        return self._merge("ulimit", ((name, values.limit(soft if hard is None else (soft, hard))),))

    def sysctl(self, name: str | Mapping[str, Scalar], value: Scalar | None = None) -> Self:
        """Set a kernel parameter of its namespaces: name and value, a mapping, or ``"name=value"``."""
        said = {name: value} if isinstance(name, str) and value is not None else name
        return self._merge("sysctl", values.pairs("sysctl", said, {}))
