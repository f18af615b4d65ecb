"""Mail that goes: deleted messages, and persons who are erased."""
