"""The base class of every failure that ends `make up`."""


class Failure(RuntimeError):
    """The stack cannot start or cannot keep running; the message says why, and what to do if something can be done."""
