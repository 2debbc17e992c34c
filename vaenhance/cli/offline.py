"""Keeps libraries from opening sockets that this program never needs.

For the process of the command line only: a program that uses vaenhance as a library has
its own reasons.
"""

from __future__ import annotations

import socket


def stay_offline() -> None:
    """Says that there is no IPv6.

    urllib3, which comes with Keras and is not used here, opens a socket when it is
    imported, to find out.
    """
    socket.has_ipv6 = False
