"""What a filter was when it filed a message can be told later, whatever became of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.database.pool import Pool
from tests.support.filing import Jane
from tests.support.mailboxes import mail

PRIVATE = "anna@example.org"


@pytest.mark.requirement("R35")
async def test_each_version_of_a_filter_stays_readable_with_who_saved_it(pool: Pool) -> None:
    jane = Jane(pool)
    await jane.gets()
    given: dict[str, Any] = {"name": "Anna", "conditions": [{"field": "from", "operator": "is", "value": PRIVATE}]}
    await jane.commands("save_filter", **given, actions=[{"label": "one"}], by="jane")
    [message] = await jane.gets(mail(1))
    await jane.commands("save_filter", **given, actions=[{"label": "two"}], by="ops")
    await jane.commands("save_filter", **given, actions=[{"label": "two"}], by="nobody")
    await jane.commands("save_filter", **given, actions=[{"label": "two"}], enabled=False, by="ops")
    await jane.commands("remove_filter", name="Anna", by="jane")
    assert await jane.watcher.rows("select * from filters") == []
    versions = await jane.watcher.rows(
        """
        select v.filter, v.version, v.actions, v.enabled, e.actor from filter_versions v
        join account_events e on e.address = v.address and e.type = 'FilterSaved'
            and e.data @> jsonb_build_object('filter', v.filter, 'version', v.version)
        order by v.version
        """
    )
    assert [(row["version"], row["actions"], row["enabled"], row["actor"]) for row in versions] == [
        (1, [{"label": "one"}], True, "jane"),
        (2, [{"label": "two"}], True, "ops"),
        (3, [{"label": "two"}], False, "ops"),
    ]
    [[filed]] = await jane.watcher.column("select filed from messages where id = %s", message)
    assert filed == {"filter": versions[0]["filter"], "version": 1}
    log = await jane.watcher.rows("select data from account_events")
    assert PRIVATE not in json.dumps(log)


async def test_a_filter_of_the_name_of_a_removed_one_is_another_filter(pool: Pool) -> None:
    jane = Jane(pool)
    await jane.gets()
    for label in ("one", "two"):
        await jane.commands("save_filter", name="Anna", match="always", actions=[{"label": label}])
        await jane.commands("remove_filter", name="Anna")
    versions = await jane.watcher.rows("select filter, version, actions from filter_versions order by filter")
    assert len({row["filter"] for row in versions}) == 2
    assert [(row["version"], row["actions"][0]["label"]) for row in versions] == [(1, "one"), (1, "two")]
