"""What a company does once to a Tryton of its own; run by the Python of .venv/crms: URI, configuration file, two keys.

Makes a company with a currency, and two users: `mailroom`, with the rights that docs/tryton.md asks for and the first key, and an
administrator with the second.
"""

from __future__ import annotations

import sys
from decimal import Decimal

from proteus import Model, config


def main(uri: str, config_file: str, key: str, admin_key: str) -> None:
    config.set_trytond(uri, config_file=config_file)
    user_model, group_model = Model.get("res.user"), Model.get("res.group")
    euro = Model.get("currency.currency")(name="Euro", code="EUR", numeric_code="978", symbol="€", digits=2)
    euro.rounding = Decimal("0.01")
    euro.save()
    company = Model.get("company.company")(party=_party("Nordwind GmbH"), currency=euro)
    company.save()
    employee = Model.get("company.employee")(party=_party("Mailroom"), company=company)
    employee.save()
    mailroom = user_model(name="Mailroom", login="mailroom")
    mailroom.groups.extend(group_model.find([("name", "in", ["Mailroom", "Sale Opportunity"])]))
    mailroom.employees.append(employee)
    (admin,) = user_model.find([("login", "=", "admin")])
    admin.employees.append(type(employee)(employee.id))
    for user, its_key in ((mailroom, key), (admin, admin_key)):
        user.companies.append(type(company)(company.id))
        user.company = company
        user.employee = employee
        user.save()
        Model.get("res.user.application")(user=user, application="rest", key=its_key).save()


def _party(name: str) -> object:
    party = Model.get("party.party")(name=name)
    party.save()
    return party


main(*sys.argv[1:])
