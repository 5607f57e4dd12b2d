"""The pytest plugin: containers as fixtures. ``from pytest_dockerkit import container, image, network, volume, compose``.

This module is what pytest loads; it only brings the hooks, the fixtures and the factories together. Importing it, or a conftest
that uses it, contacts no engine.
"""

from pytest_dockerkit.factories import compose, container, image, volume
from pytest_dockerkit.fixtures import ContainerFactory, dk_client, dk_container
from pytest_dockerkit.networks import NetworkFactory, dk_network, network
from pytest_dockerkit.options import pytest_addoption, pytest_configure, pytest_unconfigure
from pytest_dockerkit.registries import dk_registry
from pytest_dockerkit.reports import pytest_runtest_makereport, pytest_terminal_summary
from pytest_dockerkit.volumes import VolumeFactory, dk_volume
from pytest_dockerkit.workers import WorkerHooks

__all__ = [
    "ContainerFactory",
    "NetworkFactory",
    "VolumeFactory",
    "WorkerHooks",
    "compose",
    "container",
    "dk_client",
    "dk_container",
    "dk_network",
    "dk_registry",
    "dk_volume",
    "image",
    "network",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "pytest_unconfigure",
    "volume",
]
