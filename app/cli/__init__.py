"""Floor 4: commands. They know the door and nothing deeper, like the routes beside them."""
