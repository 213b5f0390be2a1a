"""Refusals: errors that a caller can correct. GraphQL, batches and HTTP translate the base class, not a list."""

from typing import ClassVar


class RequestRefused(ValueError):
    """A request that its caller can correct; the message says what is wrong and what to send instead.

    To add a refusal, subclass this beside the rule that raises it. The name of the class is public: AppSync sends it as
    `errorType`, the HTTP API in the problem's `type`, with `http_status`.
    """

    http_status: ClassVar[int] = 400

    def to_graphql(self) -> dict[str, str]:
        """Return the refusal as `type SignedUrl` and batch responses carry it."""
        return {"errorType": type(self).__name__, "errorMessage": str(self)}


class TooManyFiles(RequestRefused):
    """The request covers more files than one response can hold."""
