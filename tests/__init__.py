"""The tests: the architecture and the settings here, the rooms beside them, whole stories in journeys/."""
