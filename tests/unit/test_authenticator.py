"""What the command line shows to set up an authenticator app."""

import json
import shutil
import subprocess
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from private_files.authenticator import instructions, qr_code, uri
from tests import PROJECT

SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRST"
DECODE = """
const { lines } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const jsQR = require("jsqr");
const light = lines.flatMap((line) => [
  [...line].map((c) => c === "█" || c === "▀"),
  [...line].map((c) => c === "█" || c === "▄"),
]);
const scale = 4, width = light[0].length * scale, height = light.length * scale;
const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
for (let y = 0; y < height; y++)
  for (let x = 0; x < width; x++) {
    const at = (y * width + x) * 4;
    if (!light[Math.floor(y / scale)][Math.floor(x / scale)]) pixels.fill(0, at, at + 3);
  }
console.log(jsQR(pixels, width, height).data);
"""


@pytest.mark.parametrize("username", ["me@example.com", "a b+c:é@example.com"])
def test_app_that_scans_the_code_gets_the_uri(username: str) -> None:
    text = uri(SECRET, username)
    node = shutil.which("node", path=PROJECT / ".venv" / "bin") or "node"
    lines = json.dumps({"lines": qr_code(text)}).encode()
    done = subprocess.run([node, "-e", DECODE], input=lines, cwd=PROJECT, capture_output=True, check=True)
    assert done.stdout.decode().strip() == text


def test_uri_has_what_apps_need() -> None:
    parts = urlsplit(uri(SECRET, "a b:é@example.com"))
    assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("otpauth", "totp", "/Private Files:a b:é@example.com")
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Private Files"]}


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("x", False)])
def test_code_is_drawn_only_if_the_terminal_has_its_characters(encoding: str, shown: bool) -> None:
    lines = instructions(SECRET, "me@example.com", encoding)
    assert any("█" in line for line in lines) == shown
    assert f"  Secret: {SECRET}" in lines
    assert max(map(len, qr_code(uri(SECRET, "me@example.com")))) <= 80
