"""The main path of the page in Firefox: sign in, browse, upload, open a file of each kind, share, delete."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from tests import PROJECT
from tests.install_programs import find_firefox
from tests.running_stack import Stack

SCRIPT = PROJECT / "tests" / "browser" / "firefox.mjs"
# Which element shows each file
SHOWN_BY = {
    "pictures/dunes.png": "img",
    "pictures/lemons.svg": "img",
    "hello.txt": "pre",
    "notes/visitors.csv": "table",
    "notes/a+b = 100% #1.md": "article",
    "media/bouncing sun.webm": "video",
    "media/two notes.wav": "audio",
    "letter.pdf": "iframe",
    "films/été + mer/film.m3u8": "video",
}


def test_main_path_works_in_firefox(ruled_stack: Stack, samples: Path, tmp_path: Path) -> None:
    firefox, node = find_firefox(), shutil.which("node")
    assert firefox, "The page is tested in Firefox, too: run python -m tests.install_programs"
    assert node
    given = {
        "program": firefox,
        "url": ruled_stack.outputs.frontend_url,
        "user": ruled_stack.outputs.demo_user,
        "folder": uuid.uuid4().hex,
        "parts": [str(part) for part in (samples / "films" / "été + mer").iterdir() if part.suffix != ".m3u8"],
        "files": {str(samples / name): element for name, element in SHOWN_BY.items()},
    }
    done = subprocess.run(
        [node, SCRIPT, json.dumps(given)],
        cwd=PROJECT,
        env=os.environ | {"HOME": str(tmp_path), "MOZ_HEADLESS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
