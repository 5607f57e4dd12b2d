"""Networks: who can reach whom, and how: bridges, addresses, links into containers, rules, published ports and names.

Vocabulary
----------
*Network*: a bridge of the host's (or an interface of the host's, with macvlan and ipvlan) and one or more *pools* of addresses.
*Endpoint*: one container's place in one network: interface, MAC, addresses, default routes. *Sandbox*: a network namespace with
what it takes to configure it from outside. *Pair*: two joined interfaces; one end is a port of the bridge, the other lies in a
sandbox. *Identity*: the data root's id; every interface of ours on the host carries it as its group, and bridges in their name.

The rooms, none of which knows another: :mod:`addresses` chooses and leases, in memory; :mod:`links` makes what is seen with
``ip``; ``firewall`` what is seen with ``nft``; ``ports`` holds what is published; ``names`` answers who is where. They are told
everything each time, in the values of :mod:`model`; the engine remembers, and brings them together.

Life of an endpoint
-------------------
``lease`` → ``sandbox`` → ``connect`` → the container starts in ``sandbox.path`` → ``close`` the sandbox → … the container ends,
its namespace dies and takes the pair along → ``release``. While it runs: ``enter`` → ``connect`` or ``disconnect`` →
``move_default`` → ``close``. A sandbox that stays open keeps the namespace, and so the pair, alive.

Example 1, a container on a network of its own::

    addresses, links = Addresses(identity), Links(identity)
    pool = addresses.choose_pool(False, [*links.host_routes(), *subnets_of_other_networks])
    network = Network(id, "web", "bridge", bridge_name(identity, id), (pool,))
    links.make(network)                                        # 1 ms; again: mends what is missing
    address = addresses.lease(network)                         # 172.18.0.2
    endpoint = Endpoint(
        endpoint_id, id, container, "eth0", hardware_address(address),
        (ip_interface((address, pool.subnet.prefixlen)),), (pool.gateway,), pair_name(endpoint_id),
    )
    sandbox = links.sandbox()                                  # 0.03 ms when one is warm
    links.connect(sandbox, network, endpoint)                  # 0.8 ms; reachable when it returns
    spawn(container, network_namespace=sandbox.path)
    sandbox.close()

Example 2, after a crash::

    for network in records:                                    # what should be
        links.make(network)                                    # bridges deleted meanwhile come back, with their ports
        for address in leased(network):
            addresses.lease(network, address)
    links.discard(set(links.names()) - expected)               # what should not

Errors are :mod:`dockerkit.errors` where a person chose wrongly or the host cannot, in Docker's words; :class:`OSError` with the
kernel's own explanation where it refused.
"""
