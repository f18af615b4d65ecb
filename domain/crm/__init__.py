"""The life of a CRM connection, and what its adapters have in common."""
