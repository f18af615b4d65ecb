"""How payloads are decoded: what a workflow is sent must reach it, however broken, or it could not refuse it.

The SDK drops a signal whose payload does not decode and tries a start with such an input again for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter


class Unreadable:
    """Stands for a payload that is not what its encoding says: JSON with a lone surrogate, another system's encryption."""


class TolerantPayloadConverter(PydanticPayloadConverter):
    """Where a value of any type is asked for, one that does not decode is `Unreadable`; elsewhere it is an error."""

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        return [
            self._value(payload, type_hints[index] if type_hints and index < len(type_hints) else None)
            for index, payload in enumerate(payloads)
        ]

    def _value(self, payload: Payload, hint: type | None) -> Any:
        try:
            return super().from_payloads([payload], [hint] if hint else None)[0]
        except Exception:
            if hint not in (None, Any):
                raise
            return Unreadable()
