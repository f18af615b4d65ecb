"""`CrmConnection`: one CRM's life."""
