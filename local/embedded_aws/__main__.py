"""Serves until it is told to stop, or until the process that started it is gone."""

import os
import sys
import threading

from ministack import app

from local.embedded_aws import buckets, cloudfront_keys, functions, http_apis, response_headers


def main() -> None:
    for service in (buckets, cloudfront_keys, functions, http_apis, response_headers):
        service.teach()
    # It would take port 443 beside its own where it may; nobody here asks for that.
    app._port_is_bindable = lambda *_: False
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    app.main()


def _stop_with_parent() -> None:
    sys.stdin.read()  # ends when the parent closes its side of the pipe, however it ends
    os._exit(0)


if __name__ == "__main__":
    main()
