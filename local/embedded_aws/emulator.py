"""Starts and stops ministack, the AWS emulator: IAM and bucket policies enforced, TLS, loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import trustme
from botocore.config import Config

from local.embedded_aws.kept_folder import FILES, FOLDER_VARIABLE
from local.embedded_aws.mail import MAIL_VARIABLE
from local.embedded_aws.port import SECRET_HEADER, SECRET_VARIABLE
from local.failures import Failure

REGION = "us-east-1"
ROOT_ACCESS_KEY_ID = "test"
ROOT_SECRET_ACCESS_KEY = "test"  # noqa: S105 - ministack's own; it listens on loopback only
_SECONDS_TO_START = 60


class EmulatorFailed(Failure):
    """The AWS emulator did not start, or stopped without being told to."""


class Emulator:
    """ministack in a process of its own, with our patches.

    `endpoint_url` is the URL of its AWS APIs, `ca_bundle` the file with the authority that signed its certificate,
    `mail` the file with the e-mails that Cognito would send, and `environment` the variables with which a child process
    uses it as its root user, and no other AWS account. Requests with `headers` may control it and reach its
    distributions. `kept` is a folder for files and users, which another emulator of the same stack then has, too.
    """

    def __init__(self, directory: Path, port: int, kept: Path | None = None) -> None:
        self._directory = directory
        self._port = port
        self._kept = kept
        self._process: asyncio.subprocess.Process
        self.endpoint_url = f"https://127.0.0.1:{port}"
        self.ca_bundle = directory / "tls" / "authority.pem"
        self.log = directory / "ministack.log"
        self.mail = directory / "mail.txt"
        self.headers = {SECRET_HEADER: secrets.token_urlsafe()}
        self.environment = {
            # Nothing of the user's own AWS configuration may reach it: no profile, no key.
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "NODE_EXTRA_CA_CERTS": str(self.ca_bundle),
        }

    async def start(self) -> None:
        """Start the emulator and wait until it is ready.

        Raises EmulatorFailed if it stops, or is not ready within a minute.
        """
        certificate, key = _make_certificate(self.ca_bundle.parent)
        self.mail.unlink(missing_ok=True)
        scratch = self._directory / "ministack"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        settings = {
            # For the functions. Not for `cdk synth`, which may download their wheels from other servers.
            "REQUESTS_CA_BUNDLE": str(self.ca_bundle),
            "SSL_CERT_FILE": str(self.ca_bundle),
            SECRET_VARIABLE: self.headers[SECRET_HEADER],
            MAIL_VARIABLE: str(self.mail),
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(certificate),
            "MINISTACK_SSL_KEY": str(key),
            "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
            "MINISTACK_REGION": REGION,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "TMPDIR": str(scratch),
            # Both would open more ports, one of them on every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        if self._kept:
            settings |= {
                FOLDER_VARIABLE: str(self._kept),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(self._kept / FILES),
            }
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "local.embedded_aws",
                env=self.environment | settings,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C must reach this program only, which then stops the emulator
            )
        try:
            async with asyncio.timeout(_SECONDS_TO_START):
                await self._ready()
        except TimeoutError:
            raise EmulatorFailed(
                f"ministack, the AWS emulator, was not ready within {_SECONDS_TO_START} s. See {self.log}"
            ) from None

    async def _ready(self) -> None:
        async with aiohttp.ClientSession(headers=self.headers) as session:
            while self._process.returncode is None:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"{self.endpoint_url}/_ministack/health", ssl=self.ssl_context()) as health:
                        if health.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise EmulatorFailed(await self.ended())

    async def ended(self) -> str:
        """Wait until the emulator stops without being told to, and return a message that says so."""
        code = await self._process.wait()
        last_line = self.log.read_text(errors="replace").strip().splitlines()[-1:]
        return "\n".join([f"ministack, the AWS emulator, stopped with exit code {code}; see {self.log}", *last_line])

    async def stop(self) -> None:
        """Stop the emulator and every function that it runs; does nothing if it never started."""
        if not hasattr(self, "_process"):
            return
        group = self._process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
        # ministack would wait for idle connections, and has nothing to save: what is kept is written at once.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), timeout=1)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        await self._process.wait()

    def session(self) -> boto3.Session:
        """Return a boto3 session of the root user; its clients still need `endpoint_url` and `verify`."""
        return boto3.Session(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, region_name=REGION)

    def client(self, service: str, *, attempts: int = 5) -> Any:
        """Return the root user's boto3 client of this service, which sends a request up to `attempts` times."""
        session: Any = self.session()
        config = Config(retries={"total_max_attempts": attempts})
        return session.client(service, endpoint_url=self.endpoint_url, verify=str(self.ca_bundle), config=config)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts this emulator's certificate and no other."""
        return ssl.create_default_context(cafile=str(self.ca_bundle))


def _make_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key, signed by an authority made for this run; return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="private-files, local")
    server = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key = directory / "server.pem", directory / "server.key"
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    server.cert_chain_pems[0].write_to_path(str(certificate))
    key.touch(mode=0o600)
    server.private_key_pem.write_to_path(str(key))
    return certificate, key
