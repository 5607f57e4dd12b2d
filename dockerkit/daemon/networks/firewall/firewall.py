"""Bringing the wish into the kernel: the difference in one transaction; all of it when nothing is known; nothing at the end.

Thread-safe. Changes only tables named ``dockerkit-<identity>`` and the sysctls in ``switches``.
"""

from __future__ import annotations

import errno
import threading

from dockerkit.daemon.kernel import nftables
from dockerkit.daemon.kernel.nftables import Batch, Channel, Table, tracking, words
from dockerkit.daemon.networks.firewall import changes, foreign, skeleton, switches
from dockerkit.daemon.networks.firewall.contents import Contents, Memory, Rules, beneath, contents, is_empty, through_loopback


class Firewall:
    """The rules of one data root.

    :param identity: of the data root; tables carry it.
    """

    def __init__(self, identity: str) -> None:
        self._main, self._bridge = skeleton.main_table(identity), skeleton.bridge_table(identity)
        self._lock = threading.Lock()
        self._channel: Channel | None = None
        self._holds: dict[Table, Contents] = {}  # of a table not in it nothing is known
        self._absent: set[Table] = set()
        self._memory: Memory = {}
        self._local: frozenset[str] = frozenset()
        self._loopback = True
        self._why: str | None = None
        self._droppers: list[str] = []

    @property
    def reachable(self) -> bool:
        """Whether this kernel takes our rules; when not, :attr:`why`, and proxies carry what they can."""
        return not self.why

    @property
    def why(self) -> str:
        """Why there are no rules; empty when there are. Found out once, by trying them all under another name."""
        with self._lock:
            if self._why is None:
                self._why = self._tried()
            return self._why

    def apply(self, rules: Rules, *, afresh: bool = False) -> None:
        """Have the kernel's rules be those of this wish; the first time and `afresh`, whatever was there before.

        Bridges that have ports published must exist. Nothing happens where rules are not :attr:`reachable`.

        :raises OSError: the kernel refused, and what was before is still in force.
        """
        if not self.reachable:
            return
        with self._lock:
            if afresh:
                self._forget()
            try:
                self._bring(rules)
            except FileNotFoundError:  # somebody flushed the rules of the whole host: ours again, from the ground
                self._forget()
                self._bring(rules)

    def forwarding(self, on: bool = True, *, ipv6: bool = False) -> list[str]:
        """Have the host forward packets; return what had to be switched on, to be said. Never off again: others may rely on it.

        :raises OSError: not ours to switch.
        """
        if not on:
            return []
        return [*switches.forward(4), *(switches.forward(6) if ipv6 else [])]

    def warnings(self) -> list[str]:
        """Return what other tables of the host do to our packets, a sentence each."""
        if not self.reachable:
            return []
        with self._lock:
            return foreign.droppers(self._open())

    def text(self) -> list[str]:
        """Return our rules and what their sets hold, as the kernel has them."""
        if not self.reachable:
            return []
        with self._lock:
            listed = (nftables.listing(self._open(), table) for table in (self._main, self._bridge))
            return [line for one in listed if one for line in one.text()]

    def close(self) -> None:
        """Let go of the kernel; the rules stay."""
        with self._lock:
            if self._channel:
                self._channel.close()
            self._channel = None

    def _open(self) -> Channel:
        if self._channel is None:
            self._channel = Channel()
        return self._channel

    def _tried(self) -> str:
        """Build everything and take it away again in one transaction, which shows nothing to anybody."""
        trial = Table("inet", f"{self._main.name}-trial")
        batch = Batch()
        skeleton.build(batch, trial)
        batch.delete_table(trial)
        try:
            self._open().commit(batch)
        except OSError as error:
            return (
                f"this kernel takes no rules of nf_tables: {error.strerror}{f' ({error.filename})' if error.filename else ''}"
            )
        return ""

    def _forget(self) -> None:
        self._holds.clear()
        self._absent.clear()
        self._local = frozenset()

    def _bring(self, rules: Rules) -> None:
        wanted = {self._main: contents(rules, self._memory), self._bridge: beneath(rules)}
        batch = Batch()
        for table, after in wanted.items():
            self._difference(batch, table, after)
        self._open().commit(batch)
        self._forget_ways(changes.datagrams(self._holds.get(self._main, changes.NOTHING), wanted[self._main]))
        for table, after in wanted.items():
            self._absent.discard(table)
            if is_empty(after):
                self._absent.add(table)
                self._holds.pop(table, None)
            else:
                self._holds[table] = after
        self._route_loopback(rules)  # only now: the guard must be in force

    def _forget_ways(self, ports: set[int]) -> None:
        """Have datagrams to these ports find their way anew: it is kept for as long as they come."""
        for port in ports:
            try:
                tracking.forget(self._open(), words.PROTOCOLS["udp"], port)
            except OSError as error:
                if error.errno not in (
                    errno.EINVAL,
                    errno.EOPNOTSUPP,
                ):  # a kernel that does not tell: they time out by themselves
                    raise

    def _difference(self, batch: Batch, table: Table, after: Contents) -> None:
        if table in self._holds and not is_empty(after):
            changes.change(batch, table, self._holds[table], after)
            return
        if table in self._absent and is_empty(after):
            return
        if table not in self._absent:
            batch.add_table(table)  # deleting what is not there would be refused
            batch.delete_table(table)
        if not is_empty(after):
            skeleton.build(batch, table, loopback=self._loopback)
            changes.change(batch, table, changes.NOTHING, after)

    def _route_loopback(self, rules: Rules) -> None:
        """Open bridges with ports to loopback; where that is not ours to do, leave 127.0.0.0/8 to the proxy."""
        if not self._loopback:
            return
        wanted, opened = through_loopback(rules), set()
        for bridge in wanted - self._local:
            try:
                switches.route_loopback(bridge)
                opened.add(bridge)
            except FileNotFoundError:  # not made yet: no packet goes there either
                continue
            except OSError as error:
                if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                    raise
                self._loopback = False
                self._forget()
                self._bring(rules)
                return
        self._local = (self._local & wanted) | opened
