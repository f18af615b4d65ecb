"""Mail that is nobody else's business: rules, and single private messages."""
