"""A client for private files on AWS: lists them, and gets URLs that open them for a limited time.

import private_files

files = private_files.connect(outputs="outputs.json", username="me@example.com", password="…")
for name in files.names():
    print(name, files.url(name))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from private_files.api import PrivateFiles

__all__ = ["connect"]


def connect(*, auth: str | None = None, **given: str) -> PrivateFiles:
    """Return the API for a caller who is signed in.

    `auth` is `api-key`, `cognito` or `iam`. `given` are values by the names that `settings.find` takes: `outputs` is
    the outputs file of a stack, and any field of Outputs, `username` and `password` can be given instead of it.
    Environment variables are not read. Raises a subclass of `failures.Failure`.
    """
    # The command line imports this package for every command, and gql is slow to import.
    from private_files import network, settings  # noqa: PLC0415
    from private_files.api import PrivateFiles  # noqa: PLC0415
    from private_files.sign_in import sign_in  # noqa: PLC0415

    found = settings.find(given)
    trust = network.trust(found.outputs)
    return PrivateFiles(settings.graphql_url(found.outputs), sign_in(found, auth), trust)
