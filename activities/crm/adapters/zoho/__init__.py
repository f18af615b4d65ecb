"""Zoho CRM, Bigin and Recruit."""
