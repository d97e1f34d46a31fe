"""Ports for servers that tests start."""

import socket


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]
