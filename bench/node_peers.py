"""Signers for Node.js, called over a pipe, which also carries the keys, so that no key is on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

NODE = Path(sys.prefix, "bin", "node")
ESBUILD = Path(__file__).parent.parent / "node_modules" / "esbuild" / "bin" / "esbuild"

AWS_SDK = "@aws-sdk/cloudfront-signer"
AWS_SDK_PARSED_KEY = "@aws-sdk/cloudfront-signer, key parsed once"
AWS_CLOUDFRONT_SIGN = "aws-cloudfront-sign"


class NodePeers:
    """Node.js with its signers loaded, until the `with` block ends."""

    def __enter__(self) -> NodePeers:
        program = [NODE, Path(__file__).with_name("peers.mjs")]
        self._node = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        return self

    def __exit__(self, *_: object) -> None:
        self._node.communicate()

    def sign(
        self,
        signer: str,
        urls: Sequence[str],
        *,
        key_id: str,
        private_key: bytes,
        expires: int,
        hash_name: Literal["SHA1", "SHA256"],
    ) -> tuple[list[str], float]:
        """Return the URLs that this signer signed, and the CPU seconds of one."""
        request = {
            "signer": signer,
            "urls": urls,
            "keyId": key_id,
            "privateKey": private_key.decode(),
            "expires": expires,
            "hash": hash_name,
        }
        assert self._node.stdin and self._node.stdout  # noqa: S101 - both are pipes
        print(json.dumps(request), file=self._node.stdin, flush=True)
        response: dict[str, Any] = json.loads(self._node.stdout.readline())
        return response["urls"], response["seconds"]
