"""Many who seal one journal, by threads and by processes, while events are written: one chain comes of it."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import post

SEALERS = 3
WAITING = "SELECT count(*) FROM audit_events WHERE position IS NULL"
UNBROKEN = "SELECT count(*) - count(DISTINCT position) + count(*) - max(position) FROM audit_events"


def fail_to_sign_in(cluster: Cluster, times: int) -> None:
    """One event each."""
    for turn in range(times):
        answer = post(cluster.urls[turn % 2], "/auth/login", email="nobody@example.com", password=PASSWORD).send()
        assert answer.status == 401


def begin(cluster: Cluster) -> int:
    """How many events there are, all of them sealed."""
    cluster.sign_up()
    cluster.auth.audit_sealing.seal()
    return cluster.ask("SELECT count(*) FROM audit_events")


def wait_until_all_is_sealed(cluster: Cluster, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while cluster.ask(WAITING):
        assert time.monotonic() < end, "events are stuck"
        time.sleep(0.02)


def test_threads_that_seal_at_once_make_one_chain(cluster: Cluster, rounds: int) -> None:
    before = begin(cluster)
    done = threading.Event()

    def seal() -> int:
        sealed = 0
        while not done.is_set():
            sealed += cluster.auth.audit_sealing.seal()
        return sealed

    with ThreadPoolExecutor(SEALERS + 4) as pool:
        sealers = [pool.submit(seal) for _ in range(SEALERS)]
        for writer in [pool.submit(fail_to_sign_in, cluster, 4 * rounds) for _ in range(4)]:
            writer.result()
        wait_until_all_is_sealed(cluster)
        done.set()
        sealed = [sealer.result() for sealer in sealers]
    assert sum(sealed) == 16 * rounds
    assert cluster.auth.audit_sealing.verify().last == before + 16 * rounds
    assert cluster.ask(UNBROKEN) == 0


def test_killed_parallel_sealers_make_one_chain(cluster: Cluster, rounds: int) -> None:
    before = begin(cluster)
    pids = [cluster.process_pool.seal(cluster.settings) for _ in range(SEALERS)]
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(fail_to_sign_in, cluster, 4 * rounds) for _ in range(4)]
        for _ in range(rounds):
            time.sleep(random.uniform(0, 0.03))
            cluster.process_pool.kill(pids.pop(0))
            pids.append(cluster.process_pool.seal(cluster.settings))
        for writer in writers:
            writer.result()
    wait_until_all_is_sealed(cluster)
    for pid in pids:
        cluster.process_pool.kill(pid)
    assert cluster.auth.audit_sealing.verify().last == before + 16 * rounds
    assert cluster.ask(UNBROKEN) == 0
