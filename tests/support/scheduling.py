"""Which worker of a run gets which tests."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

RACES, SERVERS = "tests/races/", ("postgresql", "mariadb")


def unit_of(test: str) -> str:
    """What one worker runs as a whole: the file of the test, or all races on a server, which would wait for each other.

    xdist has groups for this, but its version 3.8.0 finds none with pytest 9.2.
    """
    file, _, name = test.partition("::")
    parameters = name.partition("[")[2]
    server = next((server for server in SERVERS if server in parameters), None)
    return RACES + server if server and file.startswith(RACES) else file


class FileScheduling(LoadScopeScheduling):
    """Gives out the units in the order of collection."""

    def __init__(self, config: Any, log: Any) -> None:
        config.option.loadscopereorder = False  # the number of tests does not say how long they take
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
