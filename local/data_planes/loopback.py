"""The names by which a browser finds this machine, and nobody else's."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
