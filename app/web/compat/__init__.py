"""The wing that answers as the two classroom systems did. It knows the door alone; the house does without it."""
