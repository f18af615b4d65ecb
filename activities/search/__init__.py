"""What makes stored mail findable by its words."""
