"""Where the Temporal binary comes from: the PATH, the cache, a build, and words that help where none of these works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.dev.services import PROJECT
from infra.dev.temporal.provision import cache_folder, temporal_binary

RECENT = "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"
OLD = "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty cache and nothing but a shell on the PATH; downloads go nowhere."""
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"), nowhere)
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), **proxies}


def provision(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.dev.temporal.provision"]
    return subprocess.run(command, env=environ, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)


def test_a_recent_one_on_the_path_is_taken(tmp_path: Path, environ: dict[str, str]) -> None:
    mine = program(tmp_path / "bin/temporal", f"echo '{RECENT}'")
    assert temporal_binary(environ) == mine


def test_one_on_the_path_is_asked_for_its_version_without_a_secret(tmp_path: Path, environ: dict[str, str]) -> None:
    program(tmp_path / "bin/temporal", f"/usr/bin/env > '{tmp_path}/seen'\necho '{RECENT}'")
    secrets = {
        "MAILROOM_SECRET_JANE": "correct horse",
        "MAILROOM_KEY": "correct key",
        "DATABASE_URL": "postgresql://a:correct@b/c",
    }
    assert provision(environ | secrets).returncode == 0
    seen = (tmp_path / "seen").read_text()
    assert f"PATH={environ['PATH']}" in seen
    assert not any(word in seen for word in ("correct", "MAILROOM", "DATABASE_URL")), seen


def test_an_old_one_on_the_path_is_passed_over_for_the_cache(tmp_path: Path, environ: dict[str, str]) -> None:
    program(tmp_path / "bin/temporal", f"echo '{OLD}'")
    cached = program(cache_folder(environ) / "temporal", f"echo '{RECENT}'")
    assert temporal_binary(environ) == cached


def test_without_one_it_is_built_once_and_says_how_long_that_takes(tmp_path: Path, environ: dict[str, str]) -> None:
    # Stands in for Go: writes its words down, and a binary where it was told to.
    program(
        tmp_path / "bin/go",
        f'echo "$@" >> {tmp_path}/said\n'
        'while [ "$1" != -o ]; do shift; done\n'
        f'printf \'#!/bin/sh\\necho "{RECENT}"\\n\' > "$2"\n/bin/chmod 755 "$2"',
    )
    first = provision(environ)
    assert first.stdout == f"{cache_folder(environ) / 'temporal'}\n"
    assert "4-5 minutes" in first.stderr
    assert provision(environ).stdout == first.stdout
    (command,) = (tmp_path / "said").read_text().splitlines()
    assert "-X github.com/temporalio/cli/internal/temporalcli.Version=1.8.2" in command
    assert [path.name for path in cache_folder(environ).iterdir()] == ["temporal"]


def test_where_nothing_works_it_says_what_was_tried_and_what_to_install(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    program(tmp_path / "bin/go", "echo 'go: no such module' >&2; exit 1")
    done = provision(environ)
    assert done.returncode == 1
    assert "Install Go" in done.stderr
    assert "TEMPORAL_ADDRESS" in done.stderr
    assert "no such module" in done.stderr
    assert not (cache_folder(environ) / "temporal").exists()


def test_a_file_in_the_cache_that_does_not_run_is_not_taken(tmp_path: Path, environ: dict[str, str]) -> None:
    (cache_folder(environ)).mkdir(parents=True)
    (cache_folder(environ) / "temporal").write_bytes(b"half a file")
    done = provision(environ)
    assert done.returncode == 1
    assert "there is no go on the PATH" in done.stderr


def test_the_cache_is_the_users_own(environ: dict[str, str]) -> None:
    assert cache_folder({"HOME": "/x"}).parts[-3:] == (".cache", "mailroom", "temporal-1.8.2")
    assert cache_folder(environ).is_relative_to(Path(environ["XDG_CACHE_HOME"]))
    assert not os.path.lexists(environ["XDG_CACHE_HOME"])
