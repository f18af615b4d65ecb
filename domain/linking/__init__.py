"""Which CRM records a message belongs to."""
