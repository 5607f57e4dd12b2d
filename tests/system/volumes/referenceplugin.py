"""A volume plugin by the documented protocol, small and honest; and what hostile ones answer instead.

By hand, or inside another engine's namespaces: ``python referenceplugin.py SOCKET DIRECTORY [MISCHIEF]``. Standard library
only. Its volumes are directories of DIRECTORY; what it was asked is written to ``DIRECTORY/asked``, a line each.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any


def _whole(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


MISCHIEF: dict[str, bytes] = {
    "rubbish": _whole("200 OK", b"rubbish"),
    "no-http": b"\x00\x01\x02 this is no HTTP at all\r\n\r\n",
    "list": _whole("200 OK", b"[]"),
    "error": _whole("500 Oh", b'{"Err": "disk on fire"}'),
    "huge": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (8 << 20),
    "escapes": _whole("200 OK", b'{"Mountpoint": "../../etc/whatever"}'),
    "closes": b"",
}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Answer it, or do mischief."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        with open(f"{self.server.directory}/asked", "a", encoding="utf-8") as file:
            file.write(json.dumps([self.path, body]) + "\n")
        mischief = self.server.mischief
        if mischief and self.path != "/Plugin.Activate":
            self._mischief(mischief)
            return
        answer = json.dumps(self.server.answer(self.path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.2+json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _mischief(self, kind: str) -> None:
        self.close_connection = True
        if kind == "hangs":
            self.server.ended.wait()
        elif kind == "drips":
            for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100_000:
                self.wfile.write(bytes([letter]))
                if self.server.ended.wait(0.05):
                    return
        else:
            self.wfile.write(MISCHIEF[kind])

    def address_string(self) -> str:
        """A unix socket's peers have no address."""
        return "peer"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Plugin(socketserver.ThreadingUnixStreamServer):
    """The plugin: listens on a socket, keeps directories."""

    daemon_threads = True

    def __init__(self, path: str, directory: str, mischief: str = "") -> None:
        self.directory, self.mischief = directory, mischief
        self.made: dict[str, dict[str, str]] = {}
        self.ended = threading.Event()
        super().__init__(path, Handler)

    def shutdown(self) -> None:
        """End, those that hang too."""
        self.ended.set()
        super().shutdown()

    def handle_error(self, *_: Any) -> None:
        """Say nothing: whoever asked has gone, as it should."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """Give a peer a name, which the request handler wants."""
        connection, _ = super().get_request()
        return connection, ("peer", 0)

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer by the protocol."""
        if method == "/Plugin.Activate":
            return {"Implements": ["VolumeDriver"]}
        if method == "/VolumeDriver.Capabilities":
            return {"Capabilities": {"Scope": "global"}}
        if method == "/VolumeDriver.List":
            return {"Volumes": [self._shown(name) for name in self.made], "Err": ""}
        name = body["Name"]
        if method == "/VolumeDriver.Create":
            if "refuse" in (body.get("Opts") or {}):
                return {"Err": f"will not make {name}"}
            self.made[name] = body.get("Opts") or {}
            os.makedirs(f"{self.directory}/{name}", exist_ok=True)
            return {"Err": ""}
        if name not in self.made:
            return {"Err": "volume not found"}
        if method == "/VolumeDriver.Remove":
            shutil.rmtree(f"{self.directory}/{name}")
            del self.made[name]
            return {"Err": ""}
        if method == "/VolumeDriver.Get":
            return {"Volume": self._shown(name), "Err": ""}
        return {"Mountpoint": f"{self.directory}/{name}", "Err": ""}

    def _shown(self, name: str) -> dict[str, Any]:
        return {"Name": name, "Mountpoint": f"{self.directory}/{name}", "Status": {"mood": "fine"}}


if __name__ == "__main__":
    with Plugin(*sys.argv[1:]) as plugin:
        print("ready", flush=True)
        plugin.serve_forever()
