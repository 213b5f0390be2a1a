"""AWS clients and credentials."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from private_files import network
from private_files.failures import NoCredentials, Unconfigured
from private_files.outputs import Outputs
from private_files.this_machine import is_local_url

# What botocore raises for a broken configuration: a profile that does not exist, a file that cannot be parsed, numbers
# in variables that are not numbers, files that are missing.
BROKEN_CONFIGURATION = (BotoCoreError, ValueError, OSError)
_ROOT_OF_EMULATOR = ("test", "test")  # not secret


def client(outputs: Outputs, service: str, *, own_credentials: bool = True, **more: Any) -> Any:
    """Return a client of the service with the credentials that boto3 finds; `more` is botocore configuration.

    Without credentials, the AWS emulator of `make up` gets its root key, which is not secret. With
    `own_credentials=False` it always gets that key: the address is from a file that was not given with --outputs.
    Raises Unconfigured.
    """
    if not own_credentials and not is_local_url(outputs.aws_endpoint_url):
        raise Unconfigured("AwsEndpointUrl is missing from the default outputs file: name the file with --outputs.")
    try:
        session = boto3.Session(region_name=outputs.region or "us-east-1") if own_credentials else None
        found = session.get_credentials() if session else None
        if found is None and is_local_url(outputs.aws_endpoint_url):
            session = session_without_configuration(outputs.region, *_ROOT_OF_EMULATOR)
        elif found is not None:
            found.get_frozen_credentials()  # an expired single sign-on is found here, once, and not for each file
        return make_client(session, outputs, service, **more)
    except BROKEN_CONFIGURATION as error:
        raise broken(error) from None


def caller_credentials(*, own: bool = True) -> Credentials:
    """Return the credentials that boto3 finds, or without `own` the root key of the emulator. Raises Unconfigured."""
    if not own:
        return Credentials(*_ROOT_OF_EMULATOR)
    try:
        credentials = boto3.Session().get_credentials()
        if credentials is None:
            raise NoCredentials("There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret.")
        credentials.get_frozen_credentials()
    except BROKEN_CONFIGURATION as error:
        raise broken(error) from None
    return credentials


def session_without_configuration(region: str, key: str | None = None, secret: str | None = None) -> Any:
    """Return a session that reads neither ~/.aws nor AWS_PROFILE, for requests that need no configuration."""
    nothing = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    session = botocore.session.Session(session_vars=nothing)
    return boto3.Session(key, secret, region_name=region or "us-east-1", botocore_session=session)


def make_client(session: Any, outputs: Outputs, service: str, **more: Any) -> Any:
    """Return a client with our proxies and certificates. Raises Unconfigured if it would send anything unencrypted."""
    network.trust(outputs)  # names a bundle that cannot be used
    region = session.region_name
    address = outputs.aws_endpoint_url or f"https://{service}.{region}.amazonaws.com"
    proxy = network.proxy(address)
    made = session.client(
        service,
        endpoint_url=outputs.aws_endpoint_url or None,
        verify=network.ca_bundle(outputs)[0] or None,
        config=Config(
            connect_timeout=5,
            retries={"total_max_attempts": 2},
            proxies={"http": proxy, "https": proxy} if proxy else {},
            **more,
        ),
    )
    endpoint = made.meta.endpoint_url
    if not endpoint.startswith("https://") and not is_local_url(endpoint):
        raise Unconfigured(
            "The AWS endpoint (AwsEndpointUrl, --aws-endpoint-url or AWS_ENDPOINT_URL) must start with https://; "
            "http:// is allowed for this machine only."
        )
    return made


def broken(error: Exception) -> Unconfigured:
    """Return the failure for an error of BROKEN_CONFIGURATION."""
    text = str(error).rstrip(".")
    return Unconfigured(f"The AWS configuration (AWS_PROFILE, ~/.aws, AWS_ variables) cannot be used: {text}.")
