"""What people make of a message in a CRM, once per request."""
