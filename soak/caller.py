"""What callers and viewers do, and what attackers try, each with the one outcome that is expected."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from private_files.cognito import Cognito
from private_files.failures import Failure
from private_files.outputs import Outputs

SAMPLES = Path(__file__).parent.parent / "samples"
FOLDER = "soak/"  # where the access rules of the soak let users write
NAMES = 20  # of uploaded files, so that the bucket does not grow
UPLOADS_OF_A_MINUTE = 1_000  # of one name, at most: for so long the edge may serve the content of before
LARGEST_UPLOAD = 64 * 1024
TOKEN_SECONDS = 300
SECONDS = 40  # for one request; AppSync waits 30 s
# What ministack returns for a process that is killed while it works, starts, or is sent an event.
OF_KILLED_FUNCTIONS = ("Worker process died", "Worker process exited immediately", "Broken pipe")
LIST = """query ($t: String) { listFiles(limit: 25, nextToken: $t) { items { name size } nextToken } }"""
START = """mutation ($files: [NewFile!]!) { startUploads(files: $files, overwrite: true) {
  url headers { name value } errorType errorMessage } }"""


class Unexpected(Exception):
    """A response is not what it must be. `by_kill`: it is what a caller gets when a function is killed."""

    def __init__(self, what: str, *, by_kill: bool = False) -> None:
        super().__init__(what)
        self.by_kill = by_kill


class Caller:
    """One client that does one thing after another. Each method returns the name of an expected refusal, or ``."""

    def __init__(self, outputs: Outputs, number: int, random: Random) -> None:
        self._outputs, self._number, self._random = outputs, number, random
        self._http = requests.Session()
        self._token, self._signed_in = "", 0.0
        self._urls: deque[tuple[str, str]] = deque(maxlen=300)  # of samples: the name and a URL
        self._expired: deque[str] = deque(maxlen=50)
        self._uploaded: defaultdict[str, deque[bytes]] = defaultdict(lambda: deque(maxlen=UPLOADS_OF_A_MINUTE))
        self._samples = {
            path.relative_to(SAMPLES).as_posix(): path.read_bytes() for path in SAMPLES.rglob("*") if path.is_file()
        }

    def actions(self) -> dict[str, tuple[Callable[[], str], int]]:
        """Return what this client does, each with how often."""
        return {
            "list": (self.list, 10), "sign": (self.sign, 10), "sign many": (self.sign_many, 4),
            "fetch": (self.fetch, 10), "fetch range": (self.fetch_range, 8), "fetch kept URL": (self.fetch_kept, 10),
            "expired URL": (self.fetch_expired, 3), "changed URL": (self.fetch_changed, 8),
            "unsigned URL": (self.fetch_unsigned, 3), "upload": (self.upload, 4), "delete": (self.delete, 2),
            "upload elsewhere": (self.upload_elsewhere, 2), "sign in": (self.sign_in, 1),
            "wrong password": (self.wrong_password, 1), "wrong token": (self.wrong_token, 4),
            "no token": (self.no_token, 2), "wrong name": (self.wrong_name, 3), "wrong query": (self.wrong_query, 3),
            "HTTP API": (self.http_api, 4),
        }  # fmt: skip

    def list(self) -> str:
        token, names = None, []
        while True:
            page = self._execute(LIST, t=token)
            names += [item["name"] for item in page["listFiles"]["items"]]
            token = page["listFiles"]["nextToken"]
            if token is None:
                break
        # Uploads of the other clients come and go; the samples stay, each once.
        listed = [name for name in names if name in self._samples]
        self._expect(listed == sorted(self._samples, key=str.encode), "a listing lacks or repeats a file")
        return ""

    def sign(self) -> str:
        self._url(self._name())
        return ""

    def sign_many(self) -> str:
        names = [self._name() for _ in range(20)]
        found = self._execute("query ($n: [String!]!) { getUrls(files: $n) { file url } }", n=names)["getUrls"]
        self._expect([each["file"] for each in found] == names, "getUrls returned other files")
        self._urls.extend((each["file"], each["url"]) for each in found)
        return ""

    def fetch(self) -> str:
        name = self._name()
        self._opens(name, self._url(name))
        return ""

    def fetch_range(self) -> str:
        name = self._name()
        content = self._samples[name]
        first = self._random.randrange(len(content))
        last = self._random.randrange(first, len(content))
        response = self._get(self._url(name), {"Range": f"bytes={first}-{last}"})
        self._expect(response.status_code == 206, f"a range returned {_shown(response)}")
        self._expect(response.content == content[first : last + 1], "a range has other bytes")
        return ""

    def fetch_kept(self) -> str:
        """A URL stays valid until it expires, also while keys are rotated."""
        while self._urls:
            name, url = self._urls.popleft()
            if _expires(url) > time.time() + SECONDS:
                self._urls.append((name, url))
                self._opens(name, url)
                return ""
            self._expired.append(url)
        return self.sign()

    def fetch_expired(self) -> str:
        if not self._expired or _expires(self._expired[0]) > time.time() - 1:
            return self.fetch_kept()
        # After a rotation, the key of the URL is not known any more.
        return self._refused(self._expired[0], "AccessDenied", "InvalidKey")

    def fetch_changed(self) -> str:
        url = self._url(self._name())
        head, mark, query = url.partition("?")
        place = self._random.randrange(len("https://127.0.0.1:00000/"), len(head))
        # Another letter, not only in another case: urllib3 sends %a9 as %A9.
        other = "a" if head[place].lower() != "a" else "b"
        changed = self._random.choice(
            [
                f"{head[:place]}{other}{head[place + 1 :]}{mark}{query}",
                f"{head}{mark}a=b&{query}",
                url.replace(f"Expires={_expires(url)}", f"Expires={_expires(url) + 3600}"),
                url.replace("Signature=M", "Signature=N"),
            ]
        )
        return self._refused(changed, "AccessDenied")

    def fetch_unsigned(self) -> str:
        return self._refused(self._url(self._name()).partition("?")[0], "MissingKey")

    def upload(self) -> str:
        self._upload()
        return ""

    def delete(self) -> str:
        """A file that was never opened, so that no cache has it, is gone when it is deleted."""
        name = self._upload(f"{FOLDER}deleted-{self._random.getrandbits(64):x}", opened=False)
        done = self._execute("mutation ($n: [String!]!) { deleteFiles(files: $n) { deleted } }", n=[name])
        self._expect(done["deleteFiles"] == [{"deleted": True}], "a file was not deleted")
        return self._refused(self._url(name), "AccessDenied", "NoSuchKey")

    def upload_elsewhere(self) -> str:
        """The access rules let users write in one folder only."""
        file = {"name": "elsewhere/a.txt", "size": 1}
        (found,) = self._execute(START, files=[file])["startUploads"]
        self._expect(found["errorType"] == "NotAllowed", f"an upload elsewhere returned {found['errorType']}")
        return "NotAllowed"

    def sign_in(self) -> str:
        self._sign_in()
        return ""

    def wrong_password(self) -> str:
        try:
            Cognito(self._outputs).sign_in(self._outputs.demo_user, "wrong-Password-1")
        except Failure as refused:
            return type(refused).__name__
        raise Unexpected("a wrong password signs in")

    def wrong_token(self) -> str:
        token = self._access_token()
        head, payload, signature = token.split(".")
        place = self._random.randrange(len(payload) - 1)
        other = "A" if payload[place] != "A" else "B"
        changed = f"{head}.{payload[:place]}{other}{payload[place + 1 :]}.{signature}"
        return self._unauthorized(
            {"Authorization": self._random.choice([changed, f"{head}.{payload}.", "x", token[:-9]])}
        )

    def no_token(self) -> str:
        return self._unauthorized({})

    def wrong_name(self) -> str:
        name = self._random.choice(["../a", "a//b", "a\x00", "", "/a", "x" * 2000])
        response = self._post("query ($n: String!) { getUrl(file: $n) }", {"n": name})
        errors = [error.get("errorType") for error in response.json().get("errors", [])]
        self._expect(errors == ["InvalidFileName"], f"a wrong name returned {errors}", by_kill=_is_killed(response))
        return "InvalidFileName"

    def wrong_query(self) -> str:
        query = self._random.choice(["{", "", "{ nothing }", "{ getUrl }", "subscription { a }", "{ a " * 200])
        response = self._post(query, {})
        self._expect(response.status_code in (200, 400), f"a wrong query returned {response.status_code}")
        self._expect(bool(response.json().get("errors")), "a wrong query returned no errors")
        return f"GraphQL {response.status_code}"

    def http_api(self) -> str:
        name = self._name()
        response = self._http.get(
            f"{self._outputs.rest_url}/url", params={"file": name}, headers=self._authorized(), timeout=SECONDS
        )
        self._expect(response.status_code == 200, f"the HTTP API returned {response.status_code}", by_kill=True)
        self._opens(name, response.json()["url"])
        return ""

    def _name(self) -> str:
        return self._random.choice([*self._samples])

    def _url(self, name: str) -> str:
        url = str(self._execute("query ($n: String!) { getUrl(file: $n) }", n=name)["getUrl"])
        if name in self._samples:
            self._urls.append((name, url))
        return url

    def _opens(self, name: str, url: str) -> None:
        response = self._get(url)
        self._expect(response.status_code == 200, f"a signed URL returned {_shown(response)}")
        self._expect(response.content == self._samples[name], "a file has other bytes")

    def _refused(self, url: str, *codes: str) -> str:
        response = self._get(url)
        code = response.text.partition("<Code>")[2].partition("<")[0]
        refused = response.status_code == 403 and code in codes
        self._expect(refused, f"{' or '.join(codes)} was expected, not {_shown(response)}")
        return code

    def _upload(self, name: str = "", *, opened: bool = True) -> str:
        content = self._random.randbytes(self._random.randrange(LARGEST_UPLOAD))
        name = name or f"{FOLDER}{self._number}-{self._random.randrange(NAMES)}.bin"  # no other client has it
        (started,) = self._execute(START, files=[{"name": name, "size": len(content)}])["startUploads"]
        self._expect(not started["errorType"], f"an upload was refused: {started['errorType']}")
        headers = {header["name"]: header["value"] for header in started["headers"]}
        sent = self._http.put(
            started["url"], data=content, headers=headers, verify=self._outputs.aws_ca_bundle, timeout=SECONDS
        )
        self._expect(sent.status_code == 200, f"an upload returned {sent.status_code}")
        if opened:
            self._uploaded[name].append(_digest(content))
            response = self._get(self._url(name))
            self._expect(response.status_code == 200, f"an uploaded file returned {_shown(response)}")
            # For a minute, the edge may still have the content of before.
            self._expect(_digest(response.content) in self._uploaded[name], "an uploaded file has other bytes")
        return name

    def _unauthorized(self, headers: dict[str, str]) -> str:
        response = self._http.post(
            self._outputs.graphql_url, json={"query": "{ getAccess { prefix } }"}, headers=headers, timeout=SECONDS
        )
        self._expect(response.status_code == 401, f"a wrong token returned {response.status_code}")
        return "UnauthorizedException"

    def _sign_in(self) -> None:
        tokens = Cognito(self._outputs).sign_in(self._outputs.demo_user, self._outputs.demo_password)
        self._token, self._signed_in = tokens.access, time.monotonic()

    def _access_token(self) -> str:
        if not self._token or time.monotonic() - self._signed_in > TOKEN_SECONDS:
            self._sign_in()
        return self._token

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": self._access_token()}

    def _execute(self, query: str, **variables: Any) -> Any:
        response = self._post(query, variables)
        found = response.json()
        if found.get("errors"):
            error = found["errors"][0]
            what = f"{error.get('errorType')}: {error.get('message')}"
            raise Unexpected(what, by_kill=_is_killed(response))
        return found["data"]

    def _post(self, query: str, variables: dict[str, Any]) -> requests.Response:
        payload: Any = {"query": query, "variables": variables}
        return self._http.post(self._outputs.graphql_url, json=payload, headers=self._authorized(), timeout=SECONDS)

    def _get(self, url: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self._http.get(url, headers=headers, timeout=SECONDS)

    def _expect(self, fact: bool, otherwise: str, *, by_kill: bool = False) -> None:
        if not fact:
            raise Unexpected(otherwise, by_kill=by_kill)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _expires(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["Expires"][0])


def _is_killed(response: requests.Response) -> bool:
    """Tell whether a GraphQL response is the emulator's for a function that was killed."""
    messages = [str(error.get("message")) for error in response.json().get("errors", [])]
    return any(text in message for text in OF_KILLED_FUNCTIONS for message in messages)


def _shown(response: requests.Response) -> str:
    code = response.text[:2_000].partition("<Code>")[2].partition("<")[0]
    return f"{response.status_code} {code} {response.headers.get('X-Cache', '')}".strip()
