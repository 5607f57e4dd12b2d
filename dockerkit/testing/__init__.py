"""What fixtures are made of: leases of containers, readiness, and what is known of a container when a test has failed.

The engine under the pytest plugin, without pytest: another framework's plugin would import the same. It talks to engines
through ``dockerkit.client`` only.
"""
