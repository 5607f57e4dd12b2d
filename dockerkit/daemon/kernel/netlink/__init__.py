"""Netlink: links, addresses, routes and queueing disciplines, by typed messages sent in batches."""
