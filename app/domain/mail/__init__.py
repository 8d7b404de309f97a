"""The mail room: emails waiting in the outbox, how they are worded, and how they leave the house."""
