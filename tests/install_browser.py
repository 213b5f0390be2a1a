"""Make sure that a Chromium is there for the tests of the page: the system's, Playwright's own, or Debian's package.

python -m tests.install_browser
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "No Chromium could be installed for the tests of the page: install Chromium or Chrome, then run again."


def find_browser() -> str | None:
    """Return the path of the system's browser, else of the one that Playwright downloaded, or None."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if own and Path(own).exists() else None


def installers() -> list[list[list[str]]]:
    """Return the ways to get a browser, best first, each a list of commands."""
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    ways = [[[sys.executable, "-m", "playwright", "install", "chromium"]]]
    if shutil.which("apt-get") and (not root or shutil.which("sudo")):
        apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        ways.append([[*apt, "update"], [*apt, "install", "--yes", "--no-install-recommends", "chromium"]])
    return ways


def main() -> None:
    for way in installers():
        if find_browser():
            return
        print(f"Installing Chromium for the tests: {' '.join(way[-1])}", flush=True)  # noqa: T201 - a program of its own
        for command in way:
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode:
                break
    if not find_browser():
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
