"""What is known of a message from its own bytes."""
