"""Time for workflows on a machine that is busy."""

from __future__ import annotations

from temporalio.worker import Worker

WORKFLOW_TASK_SECONDS = 30


def with_time_for_workflows(worker: Worker) -> Worker:
    """The worker, with 30 s for each workflow task before it takes the workflow for deadlocked.

    The SDK gives 2 s, by the clock on the wall and not by what the workflow used, and has no setting (sdk-python#1050). Where a
    machine is busy for as long, it stops a healthy workflow in whatever it does, cannot clean up after it ("Eviction processed,
    but 3 tasks remain", again and again) and takes no task of it any more: the account or CRM stands still until this process is
    restarted. No workflow here waits for anything but Temporal, so nothing is lost by being slow to say so.
    """
    workflows = worker._workflow_worker
    assert workflows is not None, "a worker with workflows"
    if workflows._deadlock_timeout_seconds is not None:  # None: TEMPORAL_DEBUG, somebody looks at it step by step
        workflows._deadlock_timeout_seconds = WORKFLOW_TASK_SECONDS
    return worker
