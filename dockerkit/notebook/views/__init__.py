"""How things look where HTML is shown: in a notebook, in VS Code, in a static export; in light and in dark.

A view is a value first (:class:`~dockerkit.notebook.views.card.Card`, or a table's texts), and text and HTML are two ways to
write the same value: they cannot say different things. Everything that came from an engine is escaped. What a notebook that is
not trusted loses (style sheets, scripts, drawings) carries no meaning: a state is a word, what is folded is ``<details>``.

The client imports this package when something is displayed, and not before.
"""

from dockerkit.notebook.views.card import Card as Card
from dockerkit.notebook.views.explore import explored_html as explored_html
from dockerkit.notebook.views.network import network_card as network_card
from dockerkit.notebook.views.network import topology_html as topology_html
from dockerkit.notebook.views.table import table_html as table_html
from dockerkit.notebook.views.things import completed_card as completed_card
from dockerkit.notebook.views.things import container_card as container_card
from dockerkit.notebook.views.things import event_card as event_card
from dockerkit.notebook.views.things import image_card as image_card
from dockerkit.notebook.views.volume import volume_card as volume_card

__all__ = [
    "Card",
    "completed_card",
    "container_card",
    "event_card",
    "explored_html",
    "image_card",
    "network_card",
    "table_html",
    "topology_html",
    "volume_card",
]
