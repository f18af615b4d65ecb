"""Finds a usable `temporal` binary or makes one: `python -m infra.dev.temporal.provision` prints its path."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from infra.dev.children import needed

VERSION = "1.8.2"
LEAST_SERVER = (1, 31)  # CLI 1.7 and later
HERE = Path(__file__).parent
VERSION_VARIABLE = "github.com/temporalio/cli/internal/temporalcli.Version"
BUILD_MINUTES = 45  # a build that takes longer than this hangs


class NoTemporal(Exception):
    """There is no Temporal binary and none could be made; the text says what was tried and what to install."""


def temporal_binary(environ: Mapping[str, str] = os.environ) -> Path:
    """The path of a `temporal` with server 1.31 or later: from PATH, the user's cache, a build, or the SDK's download.

    A build takes 4-5 minutes on two cores and happens once per user; its progress goes to standard error. Raises NoTemporal.
    """
    on_path = shutil.which("temporal", path=environ.get("PATH"))
    if on_path and is_recent_enough(Path(on_path)):
        return Path(on_path).resolve()
    cached = cache_folder(environ) / "temporal"
    if is_recent_enough(cached):
        return cached
    tried = [
        f"on the PATH: {f'{on_path} is older than server 1.31' if on_path else 'none'}",
        f"in the cache {cached}: none",
    ]
    for source in (_build, _download):
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            source(cached, environ)
            return cached
        except (NoTemporal, OSError) as error:
            tried.append(str(error))
    raise NoTemporal(
        "no Temporal server could be had. Install Go 1.21 or later (https://go.dev/dl) and start again, or put the Temporal "
        f"CLI {VERSION} (https://docs.temporal.io/cli) on the PATH, or set TEMPORAL_ADDRESS to a running server.\n"
        + "\n".join(f"  {line}" for line in tried)
    )


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the binary that is built once per user."""
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "mailroom" / f"temporal-{VERSION}"


def is_recent_enough(binary: Path) -> bool:
    """Whether that file runs and says that its server is recent enough."""
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=60, check=False, env=needed(os.environ)
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.search(r"Server (\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= LEAST_SERVER


def _build(target: Path, environ: Mapping[str, str]) -> None:
    """Builds the CLI, which holds the server, from go.mod and go.sum beside this file; raises NoTemporal."""
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        raise NoTemporal("built with Go: there is no go on the PATH")
    _say(f"building the Temporal server {VERSION} with Go, once: this takes 4-5 minutes on two cores")
    unfinished = _beside(target)
    command = [go, "build", "-trimpath", "-o", str(unfinished), "-ldflags"]
    command += [f"-s -w -X {VERSION_VARIABLE}={VERSION}", "github.com/temporalio/cli/cmd/temporal"]
    # Go's own settings, and whatever a machine needs to reach modules; nothing of Mailroom's, which may be secret.
    environment = {name: value for name, value in environ.items() if not name.startswith(("MAILROOM_", "DATABASE_URL"))}
    with tempfile.TemporaryFile("w+") as output:
        environment["CGO_ENABLED"] = (
            "0"  # which only adds a need for a C compiler: the server's SQLite is written in Go
        )
        build = subprocess.Popen(command, cwd=HERE, stdout=output, stderr=output, env=environment)
        try:
            started = time.monotonic()
            while build.poll() is None:
                try:
                    build.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    minutes, seconds = divmod(int(time.monotonic() - started), 60)
                    _say(f"still building the Temporal server: {minutes} min {seconds:02} s")
                    if minutes >= BUILD_MINUTES:
                        raise NoTemporal(f"built with Go: gave up after {minutes} minutes") from None
            if build.returncode != 0:
                output.seek(0)
                raise NoTemporal(f"built with Go: {' '.join(output.read().split())[-600:]}")
            unfinished.replace(target)
        finally:
            if build.poll() is None:
                build.terminate()
                build.wait()
            unfinished.unlink(missing_ok=True)


def _download(target: Path, _environ: Mapping[str, str]) -> None:
    """Has the Temporal SDK download its development server; raises NoTemporal where downloads are blocked."""
    from temporalio.testing import WorkflowEnvironment

    async def fetch(folder: str) -> None:
        async with await WorkflowEnvironment.start_local(
            download_dest_dir=folder, dev_server_download_version=f"v{VERSION}", dev_server_log_level="error"
        ):
            pass

    _say(f"downloading the Temporal server {VERSION}")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        try:
            asyncio.run(fetch(folder))
        except RuntimeError as error:
            raise NoTemporal(f"downloaded by the SDK: {' '.join(str(error).split())[:300]}") from error
        downloaded = [path for path in Path(folder).iterdir() if path.name.startswith("temporal")]
        if not downloaded:
            raise NoTemporal("downloaded by the SDK: it left no file")
        downloaded[0].replace(target)


def _beside(target: Path) -> Path:
    """A name in the target's folder of our own, so that the finished file appears there in one step."""
    return target.with_name(f"{target.name}.{os.getpid()}.new")


def _say(text: str) -> None:
    sys.stderr.write(f"mailroom: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Prints the path; exits 1 with what to install where there is none."""
    try:
        sys.stdout.write(f"{temporal_binary()}\n")
    except NoTemporal as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
