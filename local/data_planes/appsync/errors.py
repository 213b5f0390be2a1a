"""The two kinds of AppSync errors: of a whole request, and of one field."""


class RequestError(Exception):
    """The request is refused with an HTTP status and AppSync's name for the reason."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


class FieldError(Exception):
    """One field is refused and becomes null; its siblings are kept, and the status stays 200."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
