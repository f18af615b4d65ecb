"""What is nobody's business, and how a person is erased."""
