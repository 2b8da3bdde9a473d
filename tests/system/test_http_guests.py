"""The HTTP cases of http_cases.py on our own stack: in QEMU over TAP and user networking, and
hosted. What needs a server of its own (time-outs, caps) is seen on plain Linux, same source."""
import re

import pytest

from http_cases import CASES, run_case


@pytest.mark.parametrize("case", CASES, ids=lambda c: re.sub(r"\W+", "-", c.name))
def test_case(guest, case):
    run_case(guest.address, guest.port, case)


def test_index_links_the_rest(guest):
    status, body = guest.get("/")
    assert status == 200
    for path in ["/echo", "/headers", "/healthz", "/stats"]:
        assert path in body.decode()


def test_stats_name_every_pool(guest):
    stats = guest.stats()
    for name in ["tcp_cb_used", "tcp_cb_count", "pkt_rx_used", "pkt_tx_used", "sock_used",
                 "tcp_time_wait_used", "task_count", "loop_turns", "ip_rx"]:
        assert name in stats
    assert stats["tcp_cb_used"] <= stats["tcp_cb_high"] <= stats["tcp_cb_count"]
