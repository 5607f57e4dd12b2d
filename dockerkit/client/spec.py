"""The wish for a container: an immutable value that can be shared, compared, hashed, printed and said again.

Built by :func:`dockerkit.container` and the words of :class:`~dockerkit.client.words.Words`; contacts nothing until
``create()``, ``start()`` or ``run()``. Equal means that the same was wished, in whatever order; the client does not count.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from dockerkit.client.values import Attach, Bind, Device, Pairs, Probe
from dockerkit.client.words import Words

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.completed import Completed
    from dockerkit.client.container import Container
    from dockerkit.client.rows import Row, Rows

MAPPINGS = frozenset({"env", "label", "tmpfs", "ulimit", "sysctl"})
UNORDERED = MAPPINGS | {"publish", "bind", "volume", "cap_add", "cap_drop", "security_opt", "extra_host", "device"}
"""Words of which only what was said counts, not the order; of ``dns`` and ``network`` the order counts too."""
_SIZES = frozenset({"memory", "shm_size"})
_FLAGS = frozenset({"tty", "stdin", "auto_remove", "read_only", "privileged"})


class ContainerSpec(Words):
    """What shall run, and how; every word returns a new one."""

    __slots__ = ("_client", "_said", "image")

    image: str
    """The image as it was named."""
    _said: dict[str, Any]
    _client: Client | None

    def __init__(self, image: str, *, client: Client | None = None) -> None:
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "_said", {})
        object.__setattr__(self, "_client", client)

    @property
    def said(self) -> dict[str, Any]:
        """A copy of what was said: word → value, in a normal form."""
        return dict(self._said)

    def create(self) -> Container:
        """Create a container, not started; the image is obtained when missing. It outlives the program.

        :raises NotFound: no such image, no such source of a bind.
        :raises Conflict: the name is taken.
        :raises Unsupported: a word that this engine does not offer yet.
        """
        return self._bound().containers.create_from(self)

    def start(self) -> Container:
        """Create a container, start it, and return when it is ready, where ``ready`` says what that is.

        It outlives the program, unless ``with`` owns it.

        :raises ContainerFailed: the program cannot be started (126, 127); nothing is left.
        :raises NotReady: it did not get ready within a minute, or ended before; with what it wrote; nothing is left.
        """
        return self._bound().containers.start_from(self)

    def run(self, *, input: str | bytes | None = None, check: bool = False, timeout: float | None = None) -> Completed:
        """Run to the end and leave nothing behind; see :func:`dockerkit.run`. ``ready`` says nothing to it."""
        return self._bound().run_spec(self, input=input, check=check, timeout=timeout)

    def explain(self) -> Rows[Row]:
        """Say what would be done, step by step, and by which means; contacts nothing.

        ``container.explain()`` is what was done, once it runs.

        :raises NotFound: the source of a bind does not exist.
        """
        from dockerkit.client.encoding import encode  # noqa: PLC0415 (it imports this module)
        from dockerkit.client.plan import plan  # noqa: PLC0415 (only who asks pays for it)

        return plan(self.image, self.said, encode(self, foreign=True, local=True))

    def _bound(self) -> Client:
        from dockerkit.client.default import default_client  # noqa: PLC0415 (it imports this module)

        return self._client or default_client()

    # saying more

    def _with(self, word: str, value: Any) -> Self:
        said = {**self._said, word: value}
        if value is None:
            del said[word]
        new = object.__new__(type(self))
        for name, kept in (("image", self.image), ("_said", said), ("_client", self._client)):
            object.__setattr__(new, name, kept)
        return new

    def _set(self, word: str, value: Any) -> Self:
        return self._with(word, value)

    def _add(self, word: str, items: tuple[Any, ...]) -> Self:
        return self._with(word, tuple(dict.fromkeys((*self._said.get(word, ()), *items))) or None)

    def _merge(self, word: str, pairs: Pairs) -> Self:
        return self._with(word, tuple({**dict(self._said.get(word, ())), **dict(pairs)}.items()) or None)

    # being a value

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: a wish does not change, its words return new ones."""
        raise AttributeError(f"a ContainerSpec does not change; {name}: use the words, which return a new one")

    if not TYPE_CHECKING:  # a type checker shall go on knowing which words there are

        def __getattr__(self, name: str) -> Any:
            """Name the word that is meant when there is none of this name."""
            from dockerkit.client.options import unknown  # noqa: PLC0415 (it imports this module)

            raise AttributeError(unknown(name) if not name.startswith("_") else name, name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        """Refuse, as :meth:`__setattr__`."""
        raise AttributeError("a ContainerSpec does not change")

    def _key(self) -> tuple[str, frozenset[tuple[str, Any]]]:
        said = ((word, frozenset(value) if word in UNORDERED else value) for word, value in self._said.items())
        return self.image, frozenset(said)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same was wished."""
        return self._key() == other._key() if isinstance(other, ContainerSpec) else NotImplemented

    def __hash__(self) -> int:
        """Agree with :meth:`__eq__`."""
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the wish without its client."""
        return _restored, (self.image, self._said)

    def __repr__(self) -> str:
        """Return the Python that makes it, for a reader who wrote ``import dockerkit as dk``."""
        calls = "".join(f".{word}({said})" for word, value in self._said.items() for said in _calls(word, value))
        return f"dk.container({self.image!r}){calls}"


def _restored(image: str, said: dict[str, Any]) -> ContainerSpec:
    spec = ContainerSpec(image)
    for word, value in said.items():
        spec = spec._with(word, value)
    return spec


def _calls(word: str, value: Any) -> Iterator[str]:
    """Yield the arguments of each call that says `value` again."""
    if word in MAPPINGS:
        yield _mapping(word, value)
    elif word in ("bind", "volume", "network", "device", "extra_host"):
        yield from map(_item, value)
    elif word in _FLAGS or (word == "init" and value):
        yield ""
    elif word in _SIZES:
        yield repr(_short_size(value))
    elif isinstance(value, Probe):
        yield _probe(value)
    elif word == "publish":
        yield ", ".join(port if port.isdigit() else repr(port) for port in value)
    elif isinstance(value, tuple):
        yield ", ".join(repr(item) for item in value if item != 0)
    else:
        yield repr(value)


def _mapping(word: str, pairs: Pairs) -> str:
    names = [name for name, _ in pairs]
    if word in ("env", "label") and all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        return ", ".join(f"{name}={value!r}" for name, value in pairs)
    shown = {name: _short_size(value) if word == "tmpfs" and value is not None else value for name, value in pairs}
    return repr(shown)


def _item(item: str | Bind | Attach | Device) -> str:
    if isinstance(item, str):
        return repr(item)
    if isinstance(item, Bind):
        if item.mode or not item.source:
            return repr(str(item))
        return f"{item.source!r}, {item.target!r}" + (", read_only=True" if item.read_only else "")
    if isinstance(item, Device):
        inside = "" if item.inside == item.host else f", {item.inside!r}"
        return f"{item.host!r}{inside}" + ("" if item.permissions == "rwm" else f", permissions={item.permissions!r}")
    further = [f"{name}={value!r}" for name, value in (("aliases", item.aliases), ("ip", item.ip)) if value]
    return ", ".join([repr(item.network), *further])


def _probe(probe: Probe) -> str:
    words = [] if probe.test == ("NONE",) else [repr(word) for word in probe.test[1:]]
    times = [f"{name}={value!r}" for name, value in probe._asdict().items() if name != "test" and value]
    return ", ".join([*words, *times])


def _short_size(size: int) -> str | int:
    """Return a size as docker writes it when that is exact, else bytes."""
    for unit in ("g", "m", "k"):
        power = 1024 ** (" kmg".index(unit))
        if size and size % power == 0:
            return f"{size // power}{unit}"
    return size
