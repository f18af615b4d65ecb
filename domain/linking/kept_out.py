"""Which rule keeps mail with somebody out of a CRM, in words."""

from __future__ import annotations

from domain.linking.rules import Rules
from domain.privacy.rules import Privacy, is_internal, rule_for


def kept_out(address: str, account: str, privacy: Privacy, rules: Rules | None, *, automatic: bool) -> str | None:
    """Why mail of `account` with the person of that address (normal forms) is linked with nothing in the CRM of these rules; None
    where no rule says so."""
    for name, some in (("never_log", privacy.never_log), ("private", privacy.private)):
        if rule := rule_for(address, some):
            return f"the rule {_shown(rule)} of the account's {name} list keeps it out: set_privacy changes that"
    if rules is not None and (rule := rule_for(address, rules.never_log)):
        return f"the rule {_shown(rule)} of the CRM's never_log list keeps it out: its change_settings changes that"
    if rules is not None and automatic and not rules.automatic:
        return "it was sent by a program, and the CRM's rules leave that out: its change_settings changes that"
    if privacy.internal != "link" and is_internal({address}, account):
        return (
            f"mail among people of the own domain is {privacy.internal}: set_privacy with internal: link changes that"
        )
    return None


def _shown(rule: str) -> str:
    return "about an erased person" if rule.startswith("erased:") else rule
