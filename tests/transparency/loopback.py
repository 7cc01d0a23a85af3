"""A plugin of pytest that keeps a suite on this machine: no octet and no look-up goes to any other.

Whatever a test reaches for outside of loopback fails at once with OSError, as if the cable were pulled.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from functools import wraps
from typing import Any

_INET = (socket.AF_INET, socket.AF_INET6)


def is_here(host: Any) -> bool:
    """Whether `host`, a name or an address as sockets take them, is this machine without asking anybody."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("latin-1")
    if host in (None, "", "localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guarded(name: str, at: int) -> Callable[..., Any]:
    """The method `name` of sockets, whose argument number `at` is an address, for loopback only."""
    original = getattr(socket.socket, name)

    @wraps(original)
    def call(self: socket.socket, *args: Any) -> Any:
        for address in args[at:][:1]:
            if self.family in _INET and not is_here(address[0]):
                if name == "connect_ex":
                    return errno.ENETUNREACH
                raise OSError(errno.ENETUNREACH, f"{address} is not on this machine")
        return original(self, *args)

    return call


def _resolving(name: str) -> Callable[..., Any]:
    """The function `name` of the module socket, whose first argument is a host, for this machine's names only."""
    original = getattr(socket, name)

    @wraps(original)
    def call(host: Any, *args: Any, **kwargs: Any) -> Any:
        where = host[0] if isinstance(host, tuple) else host
        if not is_here(where):
            raise socket.gaierror(socket.EAI_NONAME, f"{where!r} is not on this machine")
        return original(host, *args, **kwargs)

    return call


for _name, _at in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
    if hasattr(socket.socket, _name):
        setattr(socket.socket, _name, _guarded(_name, _at))
for _name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"):
    setattr(socket, _name, _resolving(_name))
