"""The edge in front of an origin, in a process of its own: `python -m bench.edge_server ORIGIN`.

Stdin has the signing key's public half in PEM; stdout gets the base URL. It ends with stdin.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bench.signing import KEY_ID
from local import servers
from local.data_planes.cloudfront import edge
from local.data_planes.cloudfront.cache import CachePolicy
from local.data_planes.cloudfront.distribution import Distribution


async def main(origin: str, public_key: bytes) -> None:
    key: Any = load_pem_public_key(public_key)
    distribution = Distribution(
        domain_name="d111111abcdef8.cloudfront.net",
        allowed_methods=frozenset({"GET", "HEAD", "OPTIONS"}),
        https_only=True,
        keys={KEY_ID: key},
        bucket_path="",
        # As infra.cdn has them.
        cache_policy=CachePolicy(min_ttl=1, default_ttl=60, max_ttl=600, query_strings=frozenset(), gzip=True),
        compress=True,
        origin_request_headers=frozenset(),
        response_headers=None,
        invalidations={},
    )
    with servers.listen(0, "") as listening, patch.object(edge, "read", lambda *_: distribution):
        url = servers.base_url(listening)
        client: Any = None  # `read` does without it
        app = edge.create_app(cloudfront=client, distribution_id="E1", cdn_url=url, aws_endpoint_url=origin)
        async with servers.serve(app, listening):
            print(url, flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.stdin.readline()).encode()))
