"""Histories of workflows: replaying them with today's code, and the recorded ones in tests/histories/.

A recorded history stands for a workflow that runs while a new version is deployed: a change of code that breaks one of them needs
`workflow.patched`. None is ever recorded again: of a course of events that has no file yet, the file is written by

    MAILROOM_RECORD_HISTORIES=1 .venv/bin/pytest tests/workflows/account/test_replay.py

and likewise with test_crm_replay.py and test_reconcile_replay.py.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from infra.temporal.client import MailroomPlugin
from workflows.account.mail_account import MailAccount
from workflows.crm.crm_connection import CrmConnection
from workflows.reconcile import Reconcile

HISTORIES = Path(__file__).parents[2] / "histories"


async def replay(history: WorkflowHistory) -> None:
    """Fails where today's code would not have given the same commands."""
    replayer = Replayer(workflows=[MailAccount, CrmConnection, Reconcile], plugins=[MailroomPlugin()])
    await replayer.replay_workflow(history)


@dataclass(frozen=True)
class Recorded:
    """The recorded histories in a folder, an event a line."""

    folder: Path

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def history(self, name: str) -> WorkflowHistory:
        text = self._file(name).read_text(encoding="utf-8")
        started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
        return WorkflowHistory.from_json(started["workflowId"], text)

    def record(self, name: str, history: WorkflowHistory) -> None:
        """Writes the history to its file when this run is to record and there is no such file."""
        if not os.environ.get("MAILROOM_RECORD_HISTORIES") or self._file(name).exists():
            return
        events = [json.dumps(event, separators=(",", ":")) for event in json.loads(history.to_json())["events"]]
        with self._file(name).open("x", encoding="utf-8") as file:
            file.write('{"events": [\n' + ",\n".join(events) + "\n]}\n")

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"
