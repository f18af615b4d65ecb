"""Service processes: which one it is, what it is given of its owner's environment, and what others may read of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.dev.children import Child
from infra.dev.launcher import birth
from infra.dev.services import PROJECT

HELD = {
    "MAILROOM_SECRET_JANE": "correct horse",
    "MAILROOM_KEY": "correct key",
    "MAILROOM_KEY_FILE": "/correct/file",
    "DATABASE_URL": "postgresql://mailroom:correct@localhost/mailroom",
    "AWS_SECRET_ACCESS_KEY": "correct too",
}
OWNER = """
import sys
from pathlib import Path
from infra.dev.children import Child

child = Child(Path(sys.argv[1]), "service")
child.start(["/bin/sh", "-c", "/usr/bin/env > seen.new; mv seen.new seen; exec sleep 60"], cwd=Path(sys.argv[1]))
child.wait_until((Path(sys.argv[1]) / "seen").exists, seconds=30)
print(child.running().pid, flush=True)
sys.stdin.read()
child.end()
"""


def test_a_service_gets_no_secret_of_its_owners_environment(tmp_path: Path) -> None:
    """The owner is a process of its own that really has the secrets: what it hands on is what its child has."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, **HELD, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdin is not None
        assert owner.stdout is not None
        service = psutil.Process(int(owner.stdout.readline()))
        printed = (tmp_path / "seen").read_text()
        read = "\n".join(f"{name}={value}" for name, value in service.environ().items())
    finally:
        owner.communicate("", timeout=30)
        Child(tmp_path, "service").end()
    for environment in (printed, read):
        assert "LC_ALL=C.UTF-8" in environment
        assert f"PATH={os.environ['PATH']}" in environment
        assert "correct" not in environment
        assert not any(name in environment for name in HELD)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a process keeps the time it was created at")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_service_is_ended_by_its_owner_also_after_the_clock_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The kernel's boot time moves with the clock, and with it the time at which every process seems to have been created."""
    child = Child(tmp_path, "service")
    child.start(["/bin/sleep", "60"], cwd=tmp_path)
    child.wait_until(lambda: child.running() is not None, seconds=30)
    service = child.running()
    assert service is not None
    created = service.create_time()
    boot = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + hours * 3600)
    assert abs(psutil.Process(service.pid).create_time() - created) > 3000  # what the clock does to it
    assert Child(tmp_path, "service").running() == service
    child.end()
    assert not service.is_running()


def test_two_processes_are_never_taken_for_one_another() -> None:
    with subprocess.Popen(["sleep", "60"]) as first:
        once = birth(psutil.Process(first.pid))
        assert once == birth(psutil.Process(first.pid))
        assert once != birth(psutil.Process())
        first.kill()
