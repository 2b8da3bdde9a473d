"""tools/check.py's rule that tests reach a connection through tests/unit/tcp_see.h alone: planted
breaches of every form are told with their line, and what only looks like one is not."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
from check import BLOCK, INSIDE, layout_breaches, read  # noqa: E402

TEST = "tests/unit/test_planted.c"
CB_H = """struct tcp_cb {
    struct tcp_node node;
    uint8_t state;
    struct tcp_sender snd;
    struct tcp_rtt rtt; /* measured */
};
"""


def breaches(text, path=TEST, block=CB_H):
    return layout_breaches(path, text.split("\n"), block)


@pytest.mark.parametrize("line, told", [
    ("assert_int_equal(tt.t->snd.una, 1);", "tt.t->snd"),
    ("tt->t->state = 0;", "tt->t->state"),
    ("assert_true(accepted(&tt)->snd.nxt == 1);", "->snd.nxt"),
    ("tcp_rtt_init(&other->rtt.us);", "->rtt.us"),
    ("x = tt.listener->state;", "tt.listener->state"),
    ("x = tt->net->tcp.cbs.used;", "->tcp.cbs"),
    ("const struct tcp *tcp = &f->net->tcp;", "&f->net->tcp"),
])
def test_breach(line, told):
    assert breaches("\n" + line) == [(2, told)]


def test_pointer_that_the_file_declares():
    assert breaches("const struct tcp_cb *c = first(f);\nreturn c->state;") == [(2, "c->state")]


@pytest.mark.parametrize("line", [
    "assert_int_equal(snd_una(tt.t), 1);",
    "c->state = 1;",                    # no connection's
    "struct tcp_cb *first(void);\nfirst->state = 1;",
    "w->node.kind = TCP_NODE_TIME_WAIT;",
    "assert_int_equal(state_of(s->tcp), 1);",
    "want.rtt.us = 1;",
])
def test_no_breach(line):
    assert breaches(line) == []


def test_files_that_may():
    for path in INSIDE:
        assert breaches("tt.t->snd.una = 1;", path) == []
    assert breaches("tt.t->snd.una = 1;", "net/tcp/ack.c") == []
    assert breaches("tt.t->snd.una = 1;", "tests/sim/planted.h") != []


def test_parts_of_the_real_block():
    """The rule reads the block's declaration: it must still find the parts in it."""
    block = "\n".join(read(BLOCK))
    for part in ("rcv", "snd", "cc", "loss", "rack", "path", "ecn", "listener"):
        assert breaches(f"x = f()->{part}.y;", block=block) == [(1, f"->{part}.y")]
