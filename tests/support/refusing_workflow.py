"""The smallest workflow that takes a model, refuses an update and completes: what the client's test runs."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.core.refusal import Refusal, Refused


@workflow.defn(name="Refusing", failure_exception_types=[Refused])
class Refusing:
    @workflow.init
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.asked = False

    @workflow.run
    async def run(self, refusal: Refusal) -> Refusal:
        await workflow.wait_condition(lambda: self.asked)
        return refusal

    @workflow.update
    async def ask(self) -> None:
        self.asked = True
        raise Refused(self.refusal.code, "that cannot be done", field=self.refusal.field)
