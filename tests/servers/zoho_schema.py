"""Zoho's products, modules and fields, as far as a Zoho of a test's own has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]

PERSON = {"First_Name", "Last_Name", "Email", "Secondary_Email", "Description"}
WRITABLE: Mapping[str, set[str]] = {
    "Contacts": PERSON,
    "Candidates": PERSON,
    "Leads": PERSON | {"Company"},
    "Deals": {"Deal_Name", "Stage", "Closing_Date", "Contact_Name", "Description"},
    "Tasks": {"Subject", "Status", "Due_Date", "Description", "Who_Id", "What_Id", "$se_module"},
    "Events": {"Event_Title", "Start_DateTime", "End_DateTime", "Description", "Who_Id", "What_Id", "$se_module"},
    "Notes": {"Note_Title", "Note_Content", "Parent_Id", "se_module", "id"},
}
MANDATORY: Mapping[str, tuple[str, ...]] = {
    "Contacts": ("Last_Name",),
    "Candidates": ("Last_Name",),
    "Leads": ("Last_Name", "Company"),
    "Deals": ("Deal_Name", "Stage", "Closing_Date"),
    "Tasks": ("Subject",),
    "Events": ("Event_Title", "Start_DateTime", "End_DateTime"),
    "Notes": ("Note_Content", "Parent_Id"),
}
PRODUCTS = {"/crm/v8": ("Contacts", "Leads", "Deals"), "/recruit/v2": ("Contacts", "Candidates")}
MODULE_IDS = {name: f"48768760000000020{number:02}" for number, name in enumerate(WRITABLE)}
TYPES = {
    "Email": "email",
    "Secondary_Email": "email",
    "Description": "textarea",
    "Stage": "picklist",
    "Status": "picklist",
    "Closing_Date": "date",
    "Due_Date": "date",
    "Start_DateTime": "datetime",
    "End_DateTime": "datetime",
    "Contact_Name": "lookup",
    "Who_Id": "lookup",
    "What_Id": "lookup",
}
STAGES = (("Qualification", "Open"), ("Proposal", "Open"), ("Closed Won", "Closed Won"), ("Lost", "Closed Lost"))
PEOPLE = {"user_name", "email"}
EMAIL = {
    "from",
    "to",
    "cc",
    "subject",
    "content",
    "mail_format",
    "original_message_id",
    "sent",
    "date_time",
    "linked_record",
}


def related_list(name: str) -> Row:
    return {"api_name": name, "display_label": name, "href": name, "module": {"api_name": name, "id": MODULE_IDS[name]}}


def field_of(name: str) -> Row:
    found: Row = {"api_name": name, "field_label": name, "data_type": TYPES.get(name, "text"), "json_type": "string"}
    if name == "Stage":
        found["pick_list_values"] = [
            {"actual_value": stage, "display_value": stage, "forecast_type": kind} for stage, kind in STAGES
        ]
    return found
