"""tools/rooms.py against planted trees: each breach is seen and told with its place and its rule,
and a tree without one passes. Real gcc, make and nm."""
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
from rooms import ABOVE, ANY, Circle, Parts, Room, Rules, check  # noqa: E402
from tree import Tree  # noqa: E402

MAKEFILE = """
CC := gcc -std=gnu11 -O1 -ffreestanding -I.
build/metal/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) -c $< -o $@
metal-compiler:
	@echo '$(CC)'
"""
LIST_H = """#ifndef BASE_LIST_H
#define BASE_LIST_H
#include <stddef.h>
#define container_of(p, t, m) ((t *)(void *)((char *)(p) - offsetof(t, m)))
#define list_for_each(it, head) for (it = (head)->next; it != (head); it = it->next)
struct list {
    struct list *next, *prev;
};
static inline void list_push(struct list *head, struct list *node)
{
    node->next = head->next;
    node->prev = head;
    head->next->prev = node;
    head->next = node;
}
void *memset(void *to, int byte, size_t size);
#endif
"""
PARTS_H = """#ifndef BASE_PARTS_H
#define BASE_PARTS_H
#define CB_PART(room)
#define NET_PART(room, member) member
#endif
"""
CB_H = """#ifndef BASE_CB_H
#define BASE_CB_H
#include "net/base/list.h"
#include "net/base/parts.h"
struct low {
    int count;
    struct list queue;
    int last[4];
};
struct high {
    int count;
    struct list queue;
    int last[4];
};
struct cb {
    int anyone;
    CB_PART(low) struct low snd;
    CB_PART(high) struct high rcv; /* see CB_PART(nothing) */
    CB_PART(high) int seen;
    CB_PART(high) int up, down : 4;
    struct cb *CB_PART(high) parent;
    CB_PART(high) struct {
        int a;
        int b;
    } pair;
};
_Static_assert(sizeof(struct cb) == 120, "the same, whoever looks");
#endif
"""
STACK_H = """#ifndef NET_STACK_H
#define NET_STACK_H
#include "net/base/cb.h"
struct net {
    int now;
    NET_PART(low, struct low low);
    NET_PART(high, struct high high);
};
_Static_assert(sizeof(struct net) == 88, "the same, whoever looks");
#endif
"""
LOW_H = """#ifndef LOW_H
#define LOW_H
struct cb;
struct net;
int low_count(const struct cb *c);
int low_more(int count);
#endif
"""
LOW_C = """#include "net/low/low.h"
#include "net/base/cb.h"
#include "net/stack.h"

int low_count(const struct cb *c)
{
    return low_more(c->snd.count) + c->rcv.count;
}

void low_write(struct cb *c, struct net *n)
{
    struct list *it;
    list_for_each (it, &c->rcv.queue) {
        c->anyone = 1;
    }
    list_push(&c->snd.queue, it);
    memset(&c->snd, 0, sizeof(c->snd));
    n->low.count = n->now;
}
"""
TREE = {
    "Makefile": MAKEFILE,
    "net/base/list.h": LIST_H,
    "net/base/parts.h": PARTS_H,
    "net/base/cb.h": CB_H,
    "net/stack.h": STACK_H,
    "net/low/low.h": LOW_H,
    "net/low/low.c": LOW_C,
    "net/low/more.c": '#include "net/low/low.h"\n'
                      "int low_more(int count)\n{\n    return count;\n}\n",
    "net/low/own.h": "#ifndef OWN_H\n#define OWN_H\n#endif\n",
    "net/high/high.h": "#ifndef HIGH_H\n#define HIGH_H\nstruct cb;\nstruct net;\n"
                       "int high_do(struct cb *c, struct net *n);\n#endif\n",
    "net/high/high.c": '#include "net/high/high.h"\n#include "net/low/low.h"\n'
                       '#include "net/stack.h"\n'
                       "int high_do(struct cb *c, struct net *n)\n{\n"
                       "    c->rcv.count = low_count(c);\n"
                       "    c->parent = 0;\n    return n->low.count + c->pair.a++;\n}\n",
    "net/top.c": '#include "net/high/high.h"\n#include "net/stack.h"\n'
                 "int top(struct cb *c, struct net *n)\n{\n    return high_do(c, n);\n}\n",
    "app/main.c": '#include "net/high/high.h"\nint app;\n',
    "map.md": "| room | holds | may use |\n|---|---|---|\n| `net/base/` | a | nothing |\n"
              "| `net/low/` | b | `net/base/` |\n| `net/high/` | c | `net/base/`, `net/low/` |\n"
              "| `net/` | d | all above |\n\n| who counts? | `net/low/low.c:low_count` |\n",
}
ROOMS = {"net": {
    "net/base": Room((), ANY, "a"),
    "net/low": Room(("net/base",), ("low.h",), "b"),
    "net/high": Room(("net/base", "net/low"), ("high.h",), "c"),
    "net": Room(ABOVE, (), "d"),
}}
PARTS = {
    "CB_PART": Parts("net/base/parts.h", ("net/base/cb.h",), False,
                     {"low": ("net/low",), "high": ("net/high",)}),
    "NET_PART": Parts("net/base/parts.h", ("net/stack.h",), True,
                      {"low": ("net/low",), "high": ("net/high/*",)}),
}
RULES = Rules(ROOMS, {"net/stack.h": "all parts"}, (), {"everywhere": "why"}, PARTS, "map.md", (),
              {}, ())


def problems(folder, changed=None, rules=RULES, enforced=("net", "map.md")):
    """What the rules say of the clean tree with some files changed or added."""
    for name, text in {**TREE, **(changed or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree = Tree(str(folder))
    check(tree, rules, enforced)
    return tree.problems


def low(text):
    """low.c with a statement more in low_write(), on line 18 and following."""
    return {"net/low/low.c": LOW_C.replace("    n->low.count", f"    {text}\n    n->low.count")}


def only(found, *patterns):
    assert len(found) == len(patterns), found
    for text, pattern in zip(found, patterns):
        assert re.search(pattern, text), found


def test_clean_tree(tmp_path):
    assert problems(tmp_path) == []


def test_include_against_the_direction(tmp_path):
    only(problems(tmp_path, {"net/low/more.c": '#include "net/high/high.h"\n'
                                               + TREE["net/low/more.c"]}),
         r'^net/low/more.c:1: includes "net/high/high.h" of net/high; net/low may use net/base$')


def test_include_of_a_private_header(tmp_path):
    text = '#include "net/low/own.h"\n'
    only(problems(tmp_path, {"net/high/high.c": text + TREE["net/high/high.c"]}),
         r'^net/high/high.c:1: includes "net/low/own.h", which is private to net/low')
    only(problems(tmp_path, {"app/main.c": text, "net/high/high.c": TREE["net/high/high.c"]}),
         r'^app/main.c:1: includes "net/low/own.h", which is private to net/')
    only(problems(tmp_path, {"app/main.c": '\n#include "net/stack.h"\n'}),
         r'^app/main.c:2: includes "net/stack.h", which is private to net/')


def test_symbol_against_the_direction(tmp_path):
    text = "int top(void *c, void *n);\nint low_more(int count)\n{\n    return top(0, 0);\n}\n"
    found = problems(tmp_path, {"net/low/more.c": text})
    only(found, r"^net/low/more.c:1: uses top of net/top.c, in net; net/low may use net/base$",
         r"^net/\S+.c:\d+: a circle of 4 files; the shortest way round: net/\S+ -> ")


def test_circle(tmp_path):
    text = ("int low_count(const void *c);\nint low_more(int count)\n{\n"
            "    return low_count(0);\n}\n")
    way = r"net/low/low.c -> net/low/more.c \(low_more\) -> net/low/low.c \(low_count\)$"
    rules = lambda *files: RULES._replace(circles=(Circle(frozenset(files), "why"),))
    only(problems(tmp_path, {"net/low/more.c": text}),
         r"^net/low/low.c:7: a circle of 2 files; the shortest way round: " + way)
    assert problems(tmp_path, {"net/low/more.c": text},
                    rules("net/low/low.c", "net/low/more.c")) == []
    only(problems(tmp_path, {"net/low/more.c": text}, rules("net/low/low.c", "net/top.c")),
         r"^net/low/more.c:1: the circle that CIRCLES lists \(why\) has grown by net/low/more.c: "
         r"net/low/more.c -> net/low/low.c \(low_count\) -> net/low/more.c \(low_more\)$")
    only(problems(tmp_path, {"net/low/more.c": text},
                  rules("net/low/low.c", "net/low/more.c", "net/top.c")),
         r"^net/low/low.c:1: .* has shrunk to net/low/low.c, net/low/more.c: shorten the list")


def test_symbol_of_everywhere(tmp_path):
    assert problems(tmp_path, {
        "net/low/more.c": "void everywhere(void);\nint low_more(int count)\n{\n"
                          "    everywhere();\n    return count;\n}\n",
        "net/top.c": TREE["net/top.c"] + "void everywhere(void)\n{\n}\n"}) == []


def test_listed_circle_that_is_gone(tmp_path):
    rules = RULES._replace(circles=(Circle(frozenset({"net/low/low.c", "net/top.c"}), "why"),))
    only(problems(tmp_path, rules=rules), r"^net/low/low.c:1: CIRCLES lists a circle of "
                                          r"net/low/low.c, net/top.c, which is gone")


WRITES = [
    ("c->rcv.count = 1;", "rcv"),
    ("c->rcv.last[2]++;", "rcv"),
    ("c->seen |= c->snd.count;", "seen"),
    ("c->snd.count = c->seen = 1;", "seen"),
    ("c->parent = c;", "parent"),
    ("c->pair.b = 1;", "pair"),
    ("c->up = 1;", "up"),
    ("c->down = 1;", "down"),
    ("struct high *h = &c->rcv; h->count = 1;", "rcv"),
    ("struct high *h; h = &c->rcv; h->count = 1;", "rcv"),
    ("int *last = c->rcv.last; *last = 1;", "rcv"),
    ("memset(&c->rcv, 0, sizeof(c->rcv));", "rcv"),
    ("memset(&c->rcv, 0, sizeof(c->snd));", "rcv"),
    ("list_push(&c->rcv.queue, &c->snd.queue);", "rcv"),
    ("list_push(&c->snd.queue, &c->rcv.queue);", "rcv"),
    ("((struct high *)&c->rcv)->count = 1;", "rcv"),
    ("container_of(&c->rcv.queue, struct high, queue)->count = 1;", "rcv"),
    ("c->rcv = (struct high){0};", "rcv"),
]


def test_writes_to_the_part_of_another_room(tmp_path):
    found = problems(tmp_path, low("\n    ".join(f"{{ {text} }}" for text, _ in WRITES)))
    only(found, *(rf"^net/low/low.c:{line}: writes `{name}`, which net/high/ owns; "
                  r"(point to const, or )?call a function of that room "
                  for line, (_, name) in enumerate(WRITES, 18)))


def test_write_over_two_lines(tmp_path):
    only(problems(tmp_path, low("memset(\n        &c->rcv, 0, sizeof(c->snd));")),
         r"^net/low/low.c:19: writes `rcv`, which net/high/ owns")


def test_write_of_the_whole(tmp_path):
    only(problems(tmp_path, low("*c = (struct cb){0};")),
         r"^net/low/low.c:18: writes another room's part: ")


def test_write_in_a_header(tmp_path):
    inline = "static inline void low_set(struct cb *c)\n{\n    c->rcv.count = 1;\n}\n#endif\n"
    only(problems(tmp_path, {"net/low/own.h": '#ifndef OWN_H\n#define OWN_H\n'
                                              '#include "net/base/cb.h"\n' + inline}),
         r"^net/low/own.h:6: writes `rcv`, which net/high/ owns")


def test_owners_inline_function_in_another_room(tmp_path):
    inline = "static inline void high_set(struct cb *c)\n{\n    c->rcv.count = 1;\n}\n#endif\n"
    assert problems(tmp_path, {
        "net/high/high.h": TREE["net/high/high.h"].replace(
            "#endif\n", '#include "net/base/cb.h"\n' + inline),
        "net/top.c": TREE["net/top.c"].replace("    return", "    high_set(c);\n    return")}) == []


def test_parts_of_the_stack(tmp_path):
    only(problems(tmp_path, low("c->anyone = n->high.count;")),
         r"^net/low/low.c:18: uses `high`, which net/high/ owns and net/low may not see$")
    text = TREE["net/top.c"].replace("    return", "    n->low.count = 1;\n    return")
    only(problems(tmp_path, {"net/low/low.c": LOW_C, "net/top.c": text}),
         r"^net/top.c:5: writes `low`, which net/low/ owns; call a function of that room")


def test_rooms_below_an_owner(tmp_path):
    rooms = {"net": {**{r: ROOMS["net"][r] for r in ("net/base", "net/low")},
                     "net/high/in": Room(("net/base",), ANY, "e"),
                     **{r: ROOMS["net"][r] for r in ("net/high", "net")}}}
    text = ('#include "net/stack.h"\nvoid in(struct cb *c, struct net *n)\n{\n'
            "    n->high.count = 1;\n    c->rcv.count = 1;\n}\n")
    only(problems(tmp_path, {"net/high/in/in.c": text}, RULES._replace(rooms=rooms), ("net",)),
         r"^net/high/in/in.c:5: writes `rcv`, which net/high/ owns")


def test_marks_that_guard_nothing(tmp_path):
    text = CB_H.replace("struct cb *CB_PART(high) parent", "CB_PART(high) struct cb *parent")
    found = problems(tmp_path, {"net/base/cb.h": text})
    assert re.match(r"net/base/cb.h:21: CB_PART of `parent` guards what it points to", found[0])
    text = CB_H.replace("CB_PART(high) int seen", "CB_PART(hgih) int seen")
    found = problems(tmp_path, {"net/base/cb.h": text})
    assert re.match(r"net/base/cb.h:19: CB_PART\(hgih\): no such mark", found[0])


def test_header_of_marks_that_is_gone(tmp_path):
    parts = {"CB_PART": PARTS["CB_PART"]._replace(data=("net/base/gone.h",))}
    only(problems(tmp_path, rules=RULES._replace(parts=parts)),
         r"^net/base/gone.h:1: does not exist; PARTS")


def test_data_without_marks(tmp_path):
    found = problems(tmp_path, {"net/stack.h": STACK_H.replace("NET_PART(", "PART(").replace(
        "struct net {", "#define PART(room, member) member\nstruct net {")})
    only(found, r"^net/stack.h:1: marks nothing with NET_PART")


def test_compiler_that_fails(tmp_path):
    found = problems(tmp_path, {"Makefile": MAKEFILE.replace("echo '$(CC)'", "echo false")})
    assert found and re.match(r"Makefile:1: false -fsyntax-only .* fails", found[0])


def test_table_that_names_what_is_not_there(tmp_path):
    rooms = {"net": {"net/gone": Room((), ANY, "e"), **ROOMS["net"],
                     "net/low": Room(("net/base",), ("low.h", "gone.h"), "b")}}
    parts = {**PARTS, "CB_PART": PARTS["CB_PART"]._replace(
        owners={**PARTS["CB_PART"].owners, "lost": ("net/lost",)})}
    rules = RULES._replace(rooms=rooms, parts=parts, composite={**RULES.composite, "net/no.h": "-"})
    only(problems(tmp_path, rules=rules, enforced=("net",)),
         r"^tools/rooms.py:1: net/gone holds no file$",
         r"^tools/rooms.py:1: gone.h is to be public in net/low, which has no such header$",
         r"^tools/rooms.py:1: COMPOSITE names net/no.h, which does not exist$",
         r"^tools/rooms.py:1: net/lost owns parts by CB_PART, and is no room$")


def test_folder_that_is_no_room(tmp_path):
    new = {"net/new/a.c": "int new_a;\n", "net/new/b.c": "int new_b;\n"}
    only(problems(tmp_path, new, enforced=("net",)),
         r"^net/new/a.c:1: net/new/ is no room in tools/rooms.py, as all in net/ are$")
    rooms = {"net": {**ROOMS["net"], "net/low/in": Room((), ANY, "-")}}
    found = problems(tmp_path, {"net/low/on/on.c": "int on;\n"}, RULES._replace(rooms=rooms),
                     ("net",))
    assert any("net/low/on/ is no room" in text for text in found), found


def test_table_with_a_circle(tmp_path):
    rooms = {"net": {**ROOMS["net"], "net/low": Room(("net/high",), ("low.h",), "b")}}
    only(problems(tmp_path, rules=RULES._replace(rooms=rooms), enforced=()),
         r"^tools/rooms.py:1: net: net/low may use net/high, which does not stand before it")


@pytest.mark.parametrize("old, new, pattern", [
    ("low.c:low_count", "lo.c:low_count", r"^map.md:8: names net/low/lo.c, which does not exist; "
     "low_count is in net/low/low.c$"),
    ("low_count", "low_counts", r"^map.md:8: names low_counts in net/low/low.c, which has no such"),
    ("| `net/base/` |\n", "| nothing |\n", r"^map.md:4: net/low/ may use net/base, by tools"),
    ("| `net/low/` |", "| `net/lower/` |", r"^map.md:4: net/lower/ is no room"),
    ("| `net/` | d | all above |\n", "", r"^map.md:1: has no row for net/$"),
])
def test_map(tmp_path, old, new, pattern):
    found = problems(tmp_path, {"map.md": TREE["map.md"].replace(old, new)}, enforced=("map.md",))
    assert found and re.search(pattern, found[0]), found


def test_page_that_names_what_is_not_there(tmp_path):
    text = "x `net/low/low.c:low_count` y `net/low/`\n`net/low/gone.c`, `net/low/low.c:gone`\n"
    only(problems(tmp_path, {"page.md": text}, RULES._replace(pages=("page.md",)), ("map.md",)),
         r"^page.md:2: names net/low/gone.c, which does not exist$",
         r"^page.md:2: names gone in net/low/low.c, which has no such function$")


def test_map_that_is_not_there(tmp_path):
    only(problems(tmp_path, rules=RULES._replace(map_page="gone.md"), enforced=("gone.md",)),
         r"^gone.md:1: does not exist$")
