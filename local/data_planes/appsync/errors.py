"""The two ways in which AppSync says no: to a whole request, or to one field of it."""


class RequestError(Exception):
    """The request is refused as a whole, with an HTTP status and AppSync's name for the reason."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


class FieldError(Exception):
    """One field fails and becomes null; the rest of the answer is kept, and the status stays 200."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
