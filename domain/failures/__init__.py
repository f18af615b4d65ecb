"""What can go wrong with a server: kinds, and how they are told apart, counted and put into words."""
