"""Every container that tests have now, whose it is, and what became of those that did not get ready.

A lease is one container for one fixture; the ledger is all of a process's. Decides nothing about lives: that is ``tenure``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from dockerkit.client.container import Container
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import DockerkitError, NotFound
from dockerkit.testing.dossier import dossier, how_to_enter
from dockerkit.testing.logfiles import log_path, write_log
from dockerkit.testing.tenure import Tenure


@dataclass(frozen=True)
class User:
    """For whom a container is: its fixture, and the test, class, file or session that asked for it.

    :param owner: the framework's own object for that; only compared.
    :param place: how that is called, in file names.
    :param shown: the fixture with its parameter, for people.
    """

    fixture: str
    owner: object
    place: str = ""
    shown: str = ""

    @property
    def name(self) -> str:
        """What to call it in a report."""
        return self.shown or self.fixture

    def serves(self, fixtures: Collection[str], owners: Collection[object]) -> bool:
        """Tell whether a test with these fixtures, within these owners, uses it."""
        return self.fixture in fixtures and self.owner in owners


@dataclass(eq=False)
class Lease:
    """One container, from its creation to the end of its time."""

    user: User
    tenure: Tenure
    container: Container
    kept: bool = False


@dataclass(frozen=True)
class Fallen:
    """What is left of a container that did not get ready."""

    user: User
    dossier: str
    entrance: str = ""


class Ledger:
    """The containers of one process.

    :param keep: those that failed tests used are left when their time is over.
    :param logs: a folder for one file a container; None for none.
    """

    def __init__(self, *, keep: bool = False, logs: str | None = None) -> None:
        self.keep = keep
        self.logs = logs
        self._leases: list[Lease] = []
        self._fallen: list[Fallen] = []

    def begin(self, tenure: Tenure, spec: ContainerSpec, user: User) -> Lease:
        """Create a container and start it; return when it is ready.

        :raises DockerkitError: it could not be, or did not get ready; nothing is left (unless kept), its dossier is remembered.
        """
        lease = Lease(user, tenure, tenure.create(spec, user.fixture))
        try:
            lease.container.start()
        except BaseException as error:
            self._give_up(lease, error)
            raise
        self._leases.append(lease)
        return lease

    def _give_up(self, lease: Lease, error: BaseException) -> None:
        name = lease.user.name
        known = dossier(lease.container, name)
        entrance = how_to_enter(lease.container, name) if self.keep else ""
        self._fallen.append(Fallen(lease.user, known, entrance))
        try:
            self._finish(lease, lease.tenure.leave if self.keep else lease.tenure.discard)
        except DockerkitError as second:
            error.add_note(f"and container {lease.container.short_id} could not be removed: {second}")

    def end(self, lease: Lease) -> None:
        """End a container's time; one that is kept is left. Harmless when the test removed it.

        :raises DockerkitError: it could not be removed.
        """
        self._leases.remove(lease)
        self._finish(lease, lease.tenure.leave if lease.kept else lease.tenure.end)

    def _finish(self, lease: Lease, act: Callable[[], None]) -> None:
        try:
            if self.logs is not None:
                path = log_path(self.logs, lease.user.place, lease.user.name, lease.container.id)
                write_log(lease.container, path)
        except NotFound:
            pass  # the test removed it, and its log with it
        finally:
            act()

    def dossiers(self, fixtures: Collection[str], owners: Collection[object]) -> str:
        """Return what is known of every container that a test used."""
        fallen = [one.dossier for one in self._fallen if one.user.serves(fixtures, owners)]
        return "\n".join([*fallen, *(dossier(one.container, one.user.name) for one in self._used(fixtures, owners))])

    def keep_for(self, fixtures: Collection[str], owners: Collection[object]) -> str:
        """Keep every container that a test used; return how to enter them."""
        entrances = [one.entrance for one in self._fallen if one.entrance and one.user.serves(fixtures, owners)]
        for lease in self._used(fixtures, owners):
            lease.kept = True
            entrances.append(how_to_enter(lease.container, lease.user.name))
        return "\n".join(entrances)

    def _used(self, fixtures: Collection[str], owners: Collection[object]) -> list[Lease]:
        return [lease for lease in self._leases if lease.user.serves(fixtures, owners)]
