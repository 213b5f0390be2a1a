"""One soak on a running stack: the load, the rotations and the killed functions, each in threads of its own."""

from __future__ import annotations

import threading
import time
from random import Random

from soak import load, processes
from soak.caller import FOLDER, Caller
from soak.figures import Figures
from soak.stack import Stack, StackFailed

SECONDS_BETWEEN_KILLS = 20
SECONDS_BETWEEN_REPORTS = 60


class Soak:
    """Puts load on a stack for `seconds`, and rotates its key every `rotate` seconds.

    `valid` is how long the last URL of a key is valid once another key is deployed, in seconds.
    """

    def __init__(self, stack: Stack, *, seconds: float, rotate: float, valid: float, seed: str) -> None:
        self._stack, self._seconds, self._rotate_every, self._valid, self._seed = stack, seconds, rotate, valid, seed
        self._stop = threading.Event()
        self._started = time.monotonic()
        self.figures = Figures()
        self.lasted = 0.0  # seconds, without those in which the threads end

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._started

    def run(self, callers: int) -> None:
        """Run until the time is over, the stack ends, or Ctrl-C."""
        threads = [threading.Thread(target=self._load, args=(number,)) for number in range(callers)]
        threads += [threading.Thread(target=self._rotate), threading.Thread(target=self._kill)]
        for thread in threads:
            thread.start()
        try:
            self._watch()
        except KeyboardInterrupt:
            print("\nStopping.", flush=True)
        finally:
            self.lasted = self.elapsed()
            self._stop.set()
            for thread in threads:
                thread.join()
        self._measure()

    def _load(self, number: int) -> None:
        random = Random(f"{self._seed}-{number}")
        load.run(Caller(self._stack.outputs, number, random), self.figures, random, self.elapsed, self._stop)

    def _watch(self) -> None:
        while (left := self._seconds - self.elapsed()) > 0:
            if self._stack.process.poll() is not None:
                self.figures.failed("stack", self.elapsed(), self.elapsed(), "the stack ended", by_kill=False)
                return
            self._measure()
            self._forget_old_versions()
            print(self.figures.progress(self.elapsed()), flush=True)
            self._stop.wait(min(SECONDS_BETWEEN_REPORTS, left))

    def _measure(self) -> None:
        self.figures.memory.append((self.elapsed(), processes.memory(self._stack.process.pid)))

    def _rotate(self) -> None:
        """Rotate the key as docs/rotate-keys.md says: one deployment adds a key, a later one removes the old key."""
        number = 1
        while not self._stop.wait(max(0.0, (number - 0.5) * self._rotate_every - self.elapsed())):
            started = self.elapsed()
            try:
                self._stack.deploy(f"signing_keys={number},{number + 1}")
                if self._stop.wait(self._valid + 5):
                    return
                self._stack.deploy(f"signing_keys={number + 1}")
            except StackFailed as failed:
                self.figures.failed("rotation", started, self.elapsed(), str(failed), by_kill=False)
                return
            self.figures.succeeded("rotation", started, self.elapsed())
            self.figures.rotations += 1
            number += 1

    def _kill(self) -> None:
        random = Random(self._seed)
        while not self._stop.wait(random.uniform(0.5, 1.5) * SECONDS_BETWEEN_KILLS):
            at = self.elapsed()
            if processes.kill_a_function(self._stack.process.pid, random):
                self.figures.kills.append(at)

    def _forget_old_versions(self) -> None:
        """Delete versions that were overwritten: the bucket's lifecycle rule does so, but not in the emulator."""
        outputs, s3 = self._stack.outputs, self._stack.client("s3")
        listed = s3.list_object_versions(Bucket=outputs.bucket_name, Prefix=f"{outputs.files_folder}/{FOLDER}")
        old = [each for each in listed.get("Versions", []) if not each["IsLatest"]] + listed.get("DeleteMarkers", [])
        if old:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in old[:1000]]
            s3.delete_objects(Bucket=outputs.bucket_name, Delete={"Objects": objects, "Quiet": True})
