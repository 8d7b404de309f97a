"""Floor 2: the verbs. What a person, an administrator or a worker can do, told with the nouns below."""
