"""CRM adapters, one file each."""
