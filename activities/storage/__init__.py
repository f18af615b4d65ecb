"""The bytes of messages: on their way in, and where they are kept."""
