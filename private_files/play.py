"""`play`: a film in a player of this machine, or its address for one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

from private_files import playlist
from private_files.api import PrivateFiles
from private_files.failures import Unconfigured
from private_files.film_server import serving

_PLAYERS = ("ffplay", "mpv", "vlc")
_ON_MACOS = {"vlc": "/Applications/VLC.app/Contents/MacOS/VLC"}
_SECONDS = 5  # for a player to end when it is told to
_THIS_MACHINE = "127.0.0.1"


def play(api: PrivateFiles, name: str, player: str) -> int:
    """Play the file, and return the exit code of the player: this program, or without a name the first one found."""
    return asyncio.run(_play(api, name, _find(player)))


def serve(api: PrivateFiles, name: str, *, as_json: bool) -> int:
    """Print an address that plays the file, and serve it until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(api, name, as_json=as_json))
    return 0


async def _serve(api: PrivateFiles, name: str, *, as_json: bool) -> None:
    async with serving(api, name) as film:
        print(json.dumps({"file": name, "url": film.address}) if as_json else film.address, flush=True)
        print("Open this address in a player on this machine. Ctrl-C ends it.", file=sys.stderr, flush=True)
        await asyncio.Event().wait()


async def _play(api: PrivateFiles, name: str, program: str) -> int:
    async with serving(api, name) as film:
        arguments = (*_options(program, name), film.address)
        try:
            process = await asyncio.create_subprocess_exec(program, *arguments, env=_environment())
        except OSError as error:
            raise Unconfigured(f"{program} cannot be started: {error.strerror or error}.") from None
        try:
            code = await process.wait()
        finally:
            await _end(process)
    return code if code >= 0 else 128 - code  # as a shell says that a signal ended it


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _find(player: str) -> str:
    """Return the path of the player. Raises Unconfigured."""
    if player:
        if found := shutil.which(player):
            return found
        raise Unconfigured(f"{player} is not installed, or is not a program: name another one with --player.")
    for name in _PLAYERS:
        if found := shutil.which(name) or shutil.which(_ON_MACOS.get(name, "")):
            return found
    raise Unconfigured(
        "No player was found: install ffplay (of FFmpeg), mpv or VLC, name another one with --player, or use --url."
    )


def _options(program: str, name: str) -> tuple[str, ...]:
    """Return the options with which a known player ends after the film and shows its name instead of the address.

    FFmpeg, also in mpv, tries to reuse the connection to the edge for this machine, and prints an error each time.
    """
    is_hls = playlist.is_playlist(name)  # other demuxers do not have the option
    match Path(program).name.lower():
        case "ffplay":
            return "-hide_banner", "-autoexit", "-window_title", name, *(("-http_persistent", "0") if is_hls else ())
        case "mpv":
            separate = ("--demuxer-lavf-o-append=http_persistent=0",) if is_hls else ()
            return f"--force-media-title={name}", *separate
        case "vlc":
            return "--play-and-exit", f"--meta-title={name}"
        case _:
            return ()


def _environment() -> dict[str, str]:
    """Return the environment of the player, which must request this machine without a proxy."""
    environment = dict(os.environ)
    for variable in ("no_proxy", "NO_PROXY"):
        environment[variable] = ",".join(filter(None, (os.environ.get(variable), _THIS_MACHINE)))
    return environment
