"""AWS, as whoever runs the command may use it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from private_files.settings import Settings, is_this_machine


def client(settings: Settings, service: str, **more: Any) -> Any:
    """A client of the service, with the credentials that boto3 finds; `more` is botocore's configuration.

    The embedded AWS of `make up` is asked with its root key, which is no secret, where there are no credentials.
    """
    endpoint = settings.get("AwsEndpointUrl")
    session = boto3.Session(region_name=settings.get("Region") or "us-east-1")
    if endpoint and is_this_machine(urlsplit(endpoint).hostname or "") and session.get_credentials() is None:
        session = boto3.Session("test", "test", region_name=session.region_name)
    make: Any = session.client
    return make(
        service,
        endpoint_url=endpoint,
        verify=settings.get("AwsCaBundle"),
        config=Config(connect_timeout=5, retries={"total_max_attempts": 2}, **more),
    )
