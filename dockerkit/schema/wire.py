"""JSON in and out, with dockerd's manners: keys match without case, unknown keys are ignored, null means absent.

An ill-typed value is refused with the path to it. Everything else in ``schema`` is a :class:`Model`.
"""

from __future__ import annotations

import types
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from dockerkit.errors import Invalid

_IRREGULAR = {
    "id": "Id",
    "oom_killed": "OOMKilled",
    "oom_kill_disable": "OomKillDisable",
    "rw": "RW",
    "dns": "Dns",
}


def docker_name(attribute: str) -> str:
    """Return Docker's JSON key for a Python attribute: ``cpu_shares`` → ``CpuShares``."""
    return _IRREGULAR.get(attribute) or "".join(part.capitalize() for part in attribute.split("_"))


class Model(msgspec.Struct, kw_only=True, rename=docker_name):
    """A JSON document of the Engine API; attributes in Python's case, keys in Docker's."""


M = TypeVar("M")


def decode(body: bytes, model: type[M]) -> M:
    """Read a request or response body as `model`.

    :raises Invalid: not JSON, or a value of the wrong type; the message names the path to it.
    """
    try:
        plain = msgspec.json.decode(body)
    except RecursionError:
        raise Invalid("invalid JSON: nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:  # ValueError: bytes that are not UTF-8, numbers without end
        raise Invalid(f"invalid JSON: {error}") from None
    return convert(plain, model)


def convert(plain: Any, model: type[M]) -> M:
    """Read already parsed JSON as `model`, with the manners of :func:`decode`."""
    try:
        return msgspec.convert(_canonical(plain, model), model)
    except msgspec.ValidationError as error:
        raise Invalid(f"invalid JSON: {error}") from None


def encode(value: Any) -> bytes:
    """Return the JSON bytes of a model, mapping, list or scalar."""
    return msgspec.json.encode(value)


def plain(value: Any) -> Any:
    """Return a model as dicts, lists and scalars with Docker's keys."""
    return msgspec.to_builtins(value)


def _canonical(value: Any, hint: Any) -> Any:
    """Rewrite the keys of `value` to those `hint` declares and drop nulls that it does not admit."""
    hint = _without_optional(hint)
    if isinstance(value, dict):
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return _canonical_struct(value, hint)
        if get_origin(hint) is dict:
            item = get_args(hint)[1]
            return {key: _canonical_item(inner, item) for key, inner in value.items()}
    if isinstance(value, list) and get_origin(hint) is list:
        item = get_args(hint)[0]
        return [_canonical_item(inner, item) for inner in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Invalid("invalid JSON: a number does not fit in 64 bits")
    return value


def _canonical_item(value: Any, hint: Any) -> Any:
    """As :func:`_canonical`; a null where text or an object is due becomes the empty one, as in Go."""
    if value is None:
        return {str: "", dict: {}}.get(get_origin(hint) or hint)
    return _canonical(value, hint)


def _canonical_struct(value: dict[str, Any], model: type[msgspec.Struct]) -> dict[str, Any]:
    known = _fields(model)
    rewritten = {}
    for key, inner in value.items():
        field = known.get(key.lower())
        if field is not None and inner is not None:
            rewritten[field[0]] = _canonical(inner, field[1])
    return rewritten


@cache
def _fields(model: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    hints = get_type_hints(model)
    return {f.encode_name.lower(): (f.encode_name, hints[f.name]) for f in msgspec.structs.fields(model)}


@cache
def _without_optional(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        left = [arg for arg in get_args(hint) if arg not in (type(None), msgspec.UnsetType)]
        if len(left) == 1:
            return left[0]
        return next(
            (arg for arg in left if get_origin(arg) or (isinstance(arg, type) and issubclass(arg, msgspec.Struct))),
            hint,
        )
    return hint
