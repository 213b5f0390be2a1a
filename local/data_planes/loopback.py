"""The host names under which a browser reaches this machine and no other."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
