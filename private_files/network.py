"""Proxies and certificate authorities from the environment: the same for every HTTP library used here."""

from __future__ import annotations

import os
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from private_files.failures import Unconfigured
from private_files.outputs import Outputs
from private_files.settings import flag
from private_files.this_machine import is_this_machine

if TYPE_CHECKING:
    import ssl

_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def proxy(url: str) -> str | None:
    """Return the proxy for a request of this URL, or None. Raises Unconfigured if it is not an HTTP proxy.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are read. Requests to this machine never go through a proxy.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or is_this_machine(host) or urllib.request.proxy_bypass(host):
        return None
    found = found if "://" in found else f"http://{found}"
    try:
        proxy_parts = urlsplit(found)
        usable = proxy_parts.scheme in ("http", "https") and bool(proxy_parts.hostname) and proxy_parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        variable = f"{parts.scheme}_proxy" if proxies.get(parts.scheme) else "all_proxy"
        raise Unconfigured(
            f"The proxy in {variable.upper()} cannot be used: set it to http:// and a host, or add {host} to NO_PROXY."
        )
    return found


def ca_bundle(outputs: Outputs) -> tuple[str, str]:
    """Return the file of certificate authorities to trust, and what names it; empty for those of the system."""
    if outputs.aws_ca_bundle:
        return outputs.aws_ca_bundle, f"AwsCaBundle, {flag('aws_ca_bundle')}"
    return next(((file, name) for name in _BUNDLES if (file := os.environ.get(name, ""))), ("", ""))


def trust(outputs: Outputs) -> ssl.SSLContext | bool:
    """Return the certificate authorities to trust: those in the bundle, or True for those of the system.

    Raises Unconfigured if the bundle cannot be used.
    """
    file, source = ca_bundle(outputs)
    if not file:
        return True
    import ssl  # noqa: PLC0415 - `--help` does not need it

    try:
        if os.path.isdir(file):  # noqa: PTH112 - as `requests` and botocore
            return ssl.create_default_context(capath=file)
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise Unconfigured(f"{file} ({source}) cannot be used: {error.strerror or error}.") from None
