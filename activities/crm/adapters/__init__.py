"""CRM adapters: one package each, all of one protocol."""
