"""What an operator may say about registries, with dockerd's words and defaults.

A JSON file (``/etc/dockerkit/daemon.json``, or the one ``DOCKERKIT_REGISTRY_CONFIG`` names) with dockerd's keys
``registry-mirrors``, ``insecure-registries``, ``max-concurrent-downloads``, ``max-concurrent-uploads``,
``max-download-attempts`` and one of ours, ``mirrors``: ``{"registry.example:5000": ["https://near.example"]}``. The environment
adds to it: ``DOCKERKIT_REGISTRY_MIRRORS`` and ``DOCKERKIT_REGISTRY_INSECURE`` (separated by commas or blanks), and
``DOCKERKIT_REGISTRY_CERTS`` (directories in the layout of ``certs.d``, separated by colons, instead of the usual two). Never
holds a credential.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dockerkit.errors import Invalid
from dockerkit.schema.names import DEFAULT_REGISTRY

CONFIG = "/etc/dockerkit/daemon.json"
CERTIFICATES = ("/etc/dockerkit/certs.d", "/etc/docker/certs.d")


@dataclass(frozen=True, slots=True)
class Settings:
    """Rules, limits and times of a registry client; times in seconds, sizes in bytes.

    :param certificates: directories that hold ``<host:port>/{ca.crt,*.cert,*.key}``.
    :param mirrors: a registry's name → base URLs asked before it, for pulls only.
    :param insecure: registries (``host[:port]``, or a network in CIDR notation) spoken to without verified TLS, or without TLS;
        loopback always is.
    :param connect_within: until there is a connection, all addresses and endpoints of a registry together.
    :param silence: longest wait for the next byte.
    :param document_within: longest time a manifest, token or error page may take in all.
    :param attempts: how often a request that failed on the way, or was answered 429 or 5xx, is made.
    :param backoff: the first pause between attempts; it doubles.
    :param patience: longest ``Retry-After`` that is waited for.
    :param upload_chunk: size of one chunk of an upload; 0 sends each blob in one piece, in chunks only where that is refused.
    """

    certificates: tuple[str, ...] = CERTIFICATES
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    insecure: tuple[str, ...] = ()
    downloads: int = 3
    uploads: int = 5
    attempts: int = 5
    connect_within: float = 3.0
    silence: float = 30.0
    document_within: float = 60.0
    backoff: float = 0.5
    patience: float = 60.0
    upload_chunk: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the file and the environment.

        :raises Invalid: the file is no JSON object, or a value makes no sense; the message names it.
        """
        variables = os.environ if environment is None else environment
        document = _document(variables)
        central = (*_texts(document, "registry-mirrors"), *_words(variables, "DOCKERKIT_REGISTRY_MIRRORS"))
        others = document.get("mirrors", {})
        if not isinstance(others, dict):
            raise Invalid("registry configuration: 'mirrors' is no object", hint='write {"registry.example": ["https://…"]}')
        mirrors = {name: tuple(map(check_mirror, _texts(others, name))) for name in others}
        if central:
            mirrors[DEFAULT_REGISTRY] = (*map(check_mirror, central), *mirrors.get(DEFAULT_REGISTRY, ()))
        directories = variables.get("DOCKERKIT_REGISTRY_CERTS", "")
        return cls(
            certificates=tuple(filter(None, directories.split(":"))) or CERTIFICATES,
            mirrors=mirrors,
            insecure=(*_texts(document, "insecure-registries"), *_words(variables, "DOCKERKIT_REGISTRY_INSECURE")),
            downloads=_count(document, "max-concurrent-downloads", cls().downloads),
            uploads=_count(document, "max-concurrent-uploads", cls().uploads),
            attempts=_count(document, "max-download-attempts", cls().attempts),
        )


def check_mirror(url: str) -> str:
    """Return a mirror's base URL without its last slash.

    :raises Invalid: not ``http(s)://host[:port]``; in dockerd's words.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(f"invalid mirror: unsupported scheme {parts.scheme!r} in {parts.hostname or url!r}", hint="https://host")
    if parts.username or parts.password:
        raise Invalid(f"invalid mirror: username/password not allowed in URI of {parts.hostname!r}", hint="https://host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"invalid mirror: path, query, or fragment at end of the URI {url!r}", hint="https://host")
    return f"{parts.scheme}://{parts.netloc}"


def _document(variables: Mapping[str, str]) -> dict[str, Any]:
    path = variables.get("DOCKERKIT_REGISTRY_CONFIG") or CONFIG
    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except FileNotFoundError:
        if "DOCKERKIT_REGISTRY_CONFIG" in variables:
            raise Invalid(f"registry configuration {path} is not there") from None
        return {}
    except ValueError as error:
        raise Invalid(f"registry configuration {path} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise Invalid(f"registry configuration {path} is no JSON object")
    return document


def _texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = document.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid(f"registry configuration: {key!r} is no list of texts")
    return tuple(value)


def _count(document: Mapping[str, Any], key: str, default: int) -> int:
    value = document.get(key, default)
    if not isinstance(value, int) or value < 1:
        raise Invalid(f"registry configuration: {key!r} is {value!r}, no positive number")
    return value


def _words(variables: Mapping[str, str], name: str) -> list[str]:
    return variables.get(name, "").replace(",", " ").split()
