"""AWS clients with the caller's own credentials."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from private_files.outputs import Outputs
from private_files.settings import is_this_machine


def client(outputs: Outputs, service: str, **more: Any) -> Any:
    """Return a client of the service with the credentials that boto3 finds; `more` is botocore configuration.

    Without credentials, the AWS emulator of `make up` gets its root key, which is not secret.
    """
    endpoint = outputs.aws_endpoint_url
    session = boto3.Session(region_name=outputs.region or "us-east-1")
    if endpoint and is_this_machine(urlsplit(endpoint).hostname or "") and session.get_credentials() is None:
        session = boto3.Session("test", "test", region_name=session.region_name)
    make: Any = session.client
    return make(
        service,
        endpoint_url=endpoint or None,
        verify=outputs.aws_ca_bundle or None,
        config=Config(connect_timeout=5, retries={"total_max_attempts": 2}, **more),
    )
