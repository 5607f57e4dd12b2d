"""Who is on a network and who reaches whom: ``network.topology()``. A value: what was so when it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Unsupported

if TYPE_CHECKING:
    import pandas

_COLUMNS = ("container", "interface", "address", "mac", "gateway", "ports", "reaches", "cut off from")


class Topology:
    """A network as it was when it was asked about.

    :param document: the answer of ``GET /dockerkit/v1/networks/{id}/topology``.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    @property
    def name(self) -> str:
        """The network's name."""
        return str(self._document["Name"])

    @property
    def document(self) -> dict[str, Any]:
        """All of it in the engine's words: containers, reach, partitions, rules."""
        return self._document

    @property
    def subnets(self) -> list[str]:
        """The network's subnets."""
        return [str(pool["Subnet"]) for pool in self._document["Subnets"]]

    @property
    def containers(self) -> list[str]:
        """Names of those who are on it."""
        return [str(one["Name"]) for one in self._document["Containers"]]

    def reaches(self, one: str, other: str) -> bool:
        """Tell whether a container may send to another here.

        :param one: its name, as `other` is.
        """
        return any(row["Reaches"] for row in self._document["Reach"] if (row["From"], row["To"]) == (one, other))

    @property
    def rules(self) -> Rows[Row]:
        """The firewall's rules that carry it, in the order in which the kernel looks at them."""
        return Rows([Row(rule) if isinstance(rule, dict) else Row(rule=str(rule)) for rule in self._document["Rules"]])

    @property
    def rows(self) -> Rows[Row]:
        """A row for each container: its addresses, its ports, whom it reaches."""
        return Rows([self._row(one) for one in self._document["Containers"]], columns=_COLUMNS)

    def _row(self, one: dict[str, Any]) -> Row:
        reach = [row for row in self._document["Reach"] if row["From"] == one["Name"]]
        return Row(
            {
                "container": one["Name"],
                "interface": f"{one['Interface']} – {one['HostInterface']}" if one["HostInterface"] else one["Interface"],
                "address": ", ".join(one["Addresses"]),
                "mac": one["MacAddress"],
                "gateway": ", ".join(one["Gateways"]),
                "ports": ", ".join(f"{port['HostIp']}:{port['HostPort']} → {port['Port']}" for port in one["Ports"]),
                "reaches": ", ".join(row["To"] for row in reach if row["Reaches"]),
                "cut off from": ", ".join(f"{row['To']} ({row['Why']})" for row in reach if not row["Reaches"]),
            }
        )

    def df(self) -> pandas.DataFrame:
        """Return the rows as a pandas DataFrame.

        :raises Unsupported: pandas is not installed.
        """
        return self.rows.df()

    def widget(self) -> Any:
        """Show it as a widget; raises Unsupported for now."""
        raise Unsupported("topology.widget() is not offered yet", hint="it shows itself as a drawing where HTML is shown")

    def __repr__(self) -> str:
        """Show the table, under the network's name and subnets."""
        return f"network {self.name}  {', '.join(self.subnets)}\n{self.rows!r}"

    def _repr_html_(self) -> str:
        """Show a drawing, and the table beneath it, where HTML is shown."""
        from dockerkit.notebook.views import topology_html  # noqa: PLC0415 (only its readers pay for it)

        return topology_html(self)
