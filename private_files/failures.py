"""Why there is no answer; each kind has its own exit code, so that a script can tell them apart."""


class Failure(Exception):
    """No answer; the message is for a person, and holds no secret."""

    exit_code = 1


class QueryRefused(Failure):
    """The API knows who asks, and refused what was asked."""

    exit_code = 1


class Unconfigured(Failure):
    """A value is missing or cannot be used; the message names it and says how to give it."""

    exit_code = 2


class SignInRefused(Failure):
    """Cognito, AWS or the API did not accept who asks."""

    exit_code = 3


class Unreachable(Failure):
    """Nothing that speaks the protocol answered."""

    exit_code = 4


class TransferFailed(Failure):
    """A file was not downloaded or uploaded; the message says why, without naming the file."""

    exit_code = 5


class DiskFull(Failure):
    """No more fits on the disk; no other file needs to be tried."""

    exit_code = 5
