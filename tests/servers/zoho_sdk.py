"""Does with the vendor's SDK what Mailroom does with a Zoho: `.venv/crms/bin/python zoho_sdk.py`, told on standard input.

It runs where the SDK is installed and Mailroom is not. What it is told: `url` of the twin, its `client`, a `folder` for the SDK's
own files, what to `do`, and with what. It prints what Zoho answered, as JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import date, datetime
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, Initializer, ParameterMap, dc, notes, related_lists
from zohocrmsdk.src.com.zoho.crm.api import associate_email as emails
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.email_related_records import EmailRelatedRecordsOperations
from zohocrmsdk.src.com.zoho.crm.api.fields import FieldsOperations, GetFieldsParam
from zohocrmsdk.src.com.zoho.crm.api.modules import ModulesOperations
from zohocrmsdk.src.com.zoho.crm.api.modules.minified_module import MinifiedModule
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    GetDeletedRecordsHeader,
    GetDeletedRecordsParam,
    GetRecordsHeader,
    GetRecordsParam,
    Record,
    RecordOperations,
    SearchRecordsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.related_records import GetRelatedRecordsParam, RelatedRecordsOperations
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

logging.disable(logging.CRITICAL)


def main() -> None:
    told = json.load(sys.stdin)
    begin(told)
    done = {name: globals()[name](told) for name in told["do"]}
    json.dump(done, sys.stdout)


def begin(told: dict[str, Any]) -> None:
    client = told["client"]
    token = OAuthToken(
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        refresh_token=client["refresh_token"],
        find_user=False,
    )
    environment = DataCenter.Environment(told["url"], f"{told['url']}/oauth/v2/token", told["url"])
    config = SDKConfig(auto_refresh_fields=False, pick_list_validation=False, update_api_domain=False)
    store = FileStore(f"{told['folder']}/tokens.txt")
    Initializer.initialize(environment, token, store=store, sdk_config=config, resource_path=told["folder"])


def list_records(told: dict[str, Any]) -> Any:
    found = {}
    for module, parameters in told["lists"].items():
        given, headers = ParameterMap(), HeaderMap()
        for name, value in parameters.items():
            given.add(getattr(GetRecordsParam, name), int(value) if name in ("page", "per_page") else value)
        headers.add(GetRecordsHeader.if_modified_since, datetime.fromisoformat(told["since"]))
        answer = RecordOperations(module).get_records(given, headers).get_object()
        found[module] = [[str(row.get_id()), _plain(row.get_key_value("Email"))] for row in answer.get_data()]
    return found


def list_deleted(told: dict[str, Any]) -> Any:
    found = {}
    for module in told["lists"]:
        given, headers = ParameterMap(), HeaderMap()
        given.add(GetDeletedRecordsParam.type, "all")
        given.add(GetDeletedRecordsParam.page, 1)
        given.add(GetDeletedRecordsParam.per_page, 200)
        headers.add(GetDeletedRecordsHeader.if_modified_since, datetime.fromisoformat(told["since"]))
        answer = RecordOperations(module).get_deleted_records(given, headers).get_object()
        found[module] = [str(row.get_id()) for row in answer.get_data()] if answer else []
    return found


def search(told: dict[str, Any]) -> Any:
    given = ParameterMap()
    given.add(SearchRecordsParam.email, told["search"]["email"])
    given.add(SearchRecordsParam.fields, told["search"]["fields"])
    answer = RecordOperations("Contacts").search_records(given).get_object()
    return [str(row.get_id()) for row in answer.get_data()]


def lead(told: dict[str, Any]) -> Any:
    return _made(RecordOperations("Leads").create_records(_body(told["lead"])))


def deal(told: dict[str, Any]) -> Any:
    row = told["deal"] | {"Closing_Date": date.fromisoformat(told["deal"]["Closing_Date"])}
    return _made(RecordOperations("Deals").create_records(_body(row)))


def task(told: dict[str, Any]) -> Any:
    row = told["task"] | {"Due_Date": date.fromisoformat(told["task"]["Due_Date"])}
    return _made(RecordOperations("Tasks").create_records(_body(row)))


def event(told: dict[str, Any]) -> Any:
    times = {name: datetime.fromisoformat(told["event"][name]) for name in ("Start_DateTime", "End_DateTime")}
    return _made(RecordOperations("Events").create_records(_body(told["event"] | times)))


def note(told: dict[str, Any]) -> Any:
    given = told["note"]
    row, parent, module, body = notes.Note(), notes.ParentId(), MinifiedModule(), notes.BodyWrapper()
    module.set_api_name(given["Parent_Id"]["module"]["api_name"])
    parent.set_module(module)
    parent.set_id(int(given["Parent_Id"]["id"]))
    row.set_note_title(given["Note_Title"])
    row.set_note_content(given["Note_Content"])
    row.set_parent_id(parent)
    body.set_data([row])
    return _made(notes.NotesOperations().create_notes(body))


def associate(told: dict[str, Any]) -> Any:
    given = told["email"]
    row, linked, module, body = emails.AssociateEmail(), emails.LinkedRecord(), emails.ModuleMap(), emails.BodyWrapper()
    module.set_api_name(given["linked_record"]["module"]["api_name"])
    module.set_id(int(given["linked_record"]["module"]["id"]))
    linked.set_module(module)
    linked.set_id(int(given["linked_record"]["id"]))
    row.set_from(_person(emails.From(), given["from"]))
    row.set_to([_person(emails.To(), one) for one in given["to"]])
    row.set_cc([_person(emails.To(), one) for one in given["cc"]])
    row.set_subject(given["subject"])
    row.set_content(given["content"])
    row.set_mail_format(Choice(given["mail_format"]))
    row.set_original_message_id(given["original_message_id"])
    row.set_sent(given["sent"])
    row.set_date_time(datetime.fromisoformat(given["date_time"]))
    row.set_linked_record(linked)
    body.set_emails([row])
    operations = emails.AssociateEmailOperations()
    answer = operations.associate(int(told["contact"]), "Contacts", body).get_object()
    return [one.get_details() for one in answer.get_emails()]


def list_emails(told: dict[str, Any]) -> Any:
    answer = EmailRelatedRecordsOperations(int(told["contact"]), "Contacts").get_emails_related_records().get_object()
    return [[one.get_message_id(), one.get_subject(), one.get_sent()] for one in answer.get_emails()]


def list_related(told: dict[str, Any]) -> Any:
    found = {}
    for name, fields in told["related"].items():
        given = ParameterMap()
        given.add(GetRelatedRecordsParam.fields, fields)
        given.add(GetRelatedRecordsParam.page, 1)
        given.add(GetRelatedRecordsParam.per_page, 200)
        answer = (
            RelatedRecordsOperations(name, "Contacts").get_related_records(int(told["contact"]), given).get_object()
        )
        found[name] = [str(row.get_id()) for row in answer.get_data()]
    return found


def look_up_settings(told: dict[str, Any]) -> Any:
    given = ParameterMap()
    given.add(related_lists.GetRelatedListsParam.module, "Contacts")
    lists = related_lists.RelatedListsOperations(None).get_related_lists(given).get_object().get_related_lists()
    module = ModulesOperations().get_module_by_api_name("Contacts").get_object().get_modules()[0]
    given = ParameterMap()
    given.add(GetFieldsParam.module, "Deals")
    fields = FieldsOperations().get_fields(given).get_object().get_fields()
    return {
        "lists": [one.get_api_name() for one in lists],
        "module": str(module.get_id()),
        "stages": [
            [value.get_actual_value(), value.get_forecast_type()]
            for one in fields
            if one.get_api_name() == "Stage"
            for value in one.get_pick_list_values()
        ],
    }


def data_centres(told: dict[str, Any]) -> Any:
    """The hosts that the SDK knows: of the API, and of the token endpoint."""
    found = {}
    for name in ("US", "EU", "IN", "AU", "JP", "CA", "CN", "SA"):
        place = getattr(dc, f"{name}DataCenter").PRODUCTION()
        found[name.lower()] = [place.url, place.accounts_url]
    return found


def offers(told: dict[str, Any]) -> Any:
    """What the SDK can do with associated emails."""
    return [name for name in dir(emails.AssociateEmailOperations) if not name.startswith("_")]


def _body(row: dict[str, Any]) -> Any:
    record, body = Record(), BodyWrapper()
    for name, value in row.items():
        record.add_key_value(name, _value(name, value))
    body.set_data([record])
    return body


def _value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        related = Record()
        related.set_id(int(value["id"]))
        return related
    return Choice(value) if name in ("Stage", "Status") else value


def _person(person: Any, given: dict[str, str]) -> Any:
    person.set_user_name(given["user_name"])
    person.set_email(given["email"])
    return person


def _made(answer: Any) -> list[str]:
    return [str(one.get_details().get("id")) for one in answer.get_object().get_data()]


def _plain(value: Any) -> Any:
    return value.get_value() if isinstance(value, Choice) else value


if __name__ == "__main__":
    main()
