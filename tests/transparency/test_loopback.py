"""Nothing that a suite does leaves this machine: loopback.py is tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FIRST = "import loopback, socket; udp = socket.socket(type=socket.SOCK_DGRAM); tcp = socket.socket(); "


@pytest.mark.parametrize(
    "reaching",
    [
        "tcp.connect(('192.0.2.1', 9))",
        "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 9))",
        "udp.sendto(b'', ('192.0.2.1', 9))",
        "udp.sendto(b'', 0, ('192.0.2.1', 9))",
        "udp.sendmsg([b''], [], 0, ('192.0.2.1', 9))",
        "socket.getaddrinfo('example.org', 80)",
        "socket.gethostbyname('example.org')",
        "socket.gethostbyaddr('192.0.2.1')",
        "socket.getnameinfo(('192.0.2.1', 80), 0)",
        "socket.create_connection(('example.org', 80))",
    ],
)
def test_what_lies_outside_fails_at_once(reaching: str) -> None:
    code = f"{FIRST}\ntry:\n    {reaching}\nexcept OSError as error:\n    assert 'not on this machine' in str(error)\n"
    code += "else:\n    raise SystemExit(1)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)


def test_what_lies_here_is_within_reach() -> None:
    code = f"{FIRST}assert tcp.connect_ex(('192.0.2.1', 9))\n"
    code += "here = socket.create_server(('127.0.0.1', 0))\n"
    code += "socket.create_connection(('localhost', here.getsockname()[1])).close()\n"
    code += "udp.sendto(b'x', here.getsockname())"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)
