"""Runs ministack with our patches until it is stopped, or until the process that started it is gone."""

import os
import sys
import threading

from ministack import app

from local.embedded_aws import (
    backups,
    buckets,
    cloudfront_keys,
    conditions,
    deployments,
    functions,
    http_apis,
    iam_callers,
    kept_state,
    log_deliveries,
    monitoring,
    password_resets,
    port,
    second_factors,
    upstream,
    user_pools,
    web_acls,
)


def main() -> None:
    try:
        apply_patches(secret=os.environ.pop(port.SECRET_VARIABLE))  # the functions inherit the environment
    except upstream.PatchOutdated as outdated:
        sys.exit(str(outdated))
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    app.main()


def apply_patches(secret: str) -> None:
    """Patch ministack, which then obeys `secret`. Raises upstream.PatchOutdated if a patch was for another release."""
    for service in (
        backups,
        buckets,
        cloudfront_keys,
        conditions,
        deployments,
        functions,
        http_apis,
        kept_state,
        log_deliveries,
        monitoring,
        user_pools,
        second_factors,
        password_resets,
        web_acls,
    ):
        service.apply()
    _listen_on_one_port()
    callers = iam_callers.IamCallers(upstream.original(app, "app", "ab1297bd6cd5"))
    app.app = port.AwsApisOnly(callers, secret, cloudfront_keys.is_public)


def _listen_on_one_port() -> None:
    """Keep ministack from listening on port 443 as well, which it does wherever that port is free."""
    upstream.original(app, "_port_is_bindable", "4b1175a254f2")
    app._port_is_bindable = lambda *_: False


def _stop_with_parent() -> None:
    sys.stdin.read()  # ends when the parent closes its side of the pipe, however it ends
    os._exit(0)


if __name__ == "__main__":
    main()
