"""How requests reach an engine: HTTP/1.1 over kept unix, tcp or TLS sockets, upgraded to raw bytes where Docker does.

``dial`` opens sockets, ``http`` speaks on one, ``pool`` keeps them, ``failures`` turns statuses into ``dockerkit.errors``.
Synchronous, thread-safe, without an event loop, so it works inside a running one. Knows no containers and no images.

Why h11 and not httpcore or ``http.client``: one small GET on a kept socket takes 0.29 ms with httpcore, 0.18 with h11, 0.17
with ``http.client`` and 0.09 by hand; importing them takes 89, 20, 27 and 0 ms. A run is five requests. h11 keeps the bytes
that follow an upgrade, which the other two lose, and is maintained by others, which a parser of our own would not be.
"""
