"""The ways in which a command fails. Each kind has an exit code of its own, for scripts."""


class Failure(Exception):
    """The command failed. The message is for the user and contains no secret."""

    exit_code = 1


class QueryRefused(Failure):
    """The API accepted the caller and refused the request."""

    exit_code = 1


class Unconfigured(Failure):
    """A value is missing or cannot be used; the message names it and says how to set it."""

    exit_code = 2


class NoCredentials(Unconfigured):
    """There are no AWS credentials."""


class SignInRefused(Failure):
    """Cognito, AWS or the API refused the caller."""

    exit_code = 3


class Unreachable(Failure):
    """No server responded, or its response was not in the expected protocol."""

    exit_code = 4


class TransferFailed(Failure):
    """A file was not downloaded or uploaded; the message gives the reason, not the name of the file."""

    exit_code = 5


class DiskFull(Failure):
    """The disk is full, so all downloads stop."""

    exit_code = 5


class NoMatch(Failure):
    """There is no file of this name, or none that matches the pattern."""

    exit_code = 6
