"""tools/bench without a machine: words of the command line, what clients print, statistics, and the
report with its pictures from a stored run."""
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
sys.path.insert(0, os.path.join(ROOT, "tools", "bench"))
import clients  # noqa: E402
import numbers_of  # noqa: E402
import plan  # noqa: E402
import report  # noqa: E402
import svg  # noqa: E402
import targets  # noqa: E402

WRK = """Running 2s test @ http://10.65.1.2:80/healthz
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.07ms  311.79us   9.85ms   87.91%
    Req/Sec    59.77k     5.33k   66.11k    75.00%
  118912 requests in 2.00s, 15.54MB read
Requests/sec:  59453.11
Transfer/sec:      7.77MB
result {"requests": 118912, "seconds": 2.000107, "errors": 0, "p50_us": 1045.00, "p90_us": 1200.00}
"""
STORED = {
    "about": {"commit": "1234567", "qemu": "QEMU 7.2", "wrk": "wrk 4.1", "compiler": "gcc 12",
              "linux": "6.1.0", "processors": 2, "system": "6.1", "memory": "512M", "seconds": 2,
              "rounds": 1, "runs_on_one_boot": 3, "load_before": 0.1},
    "listening": [{"nic": "e1000", "ms": 20.0}], "failed": [],
    "image_bytes": {"text": 200 * 1024, "rodata": 40 * 1024, "data": 10 * 1024},
    "small": [{"nic": "e1000", "memory": "16M", "connections": 1000, "errors": 0, "rate": 1.0}],
}
PEER_US = {"ringside": 10.0, "linux": 72.0, "nginx": 100.0}


def stored():
    """A run in which Ringside costs 10 us a request and Linux 7.2 times as much; MB alike."""
    data = json.loads(json.dumps(STORED))
    data["run"] = []
    for load in plan.LOADS.values():
        for peer, us in {**PEER_US, "reflect": 2.0}.items():
            if not plan.can(peer, load):
                continue
            row = {"nic": "e1000", "load": load.name, "peer": peer, "rate": 1e6 / us,
                   "vcpu_us": us, "main_us": us / 4, "errors": 0, "requests": 1000,
                   "p50_us": 6 * us, "p90_us": 7 * us, "p99_us": 9 * us, "p999_us": 20 * us}
            if load.kind == "idle":
                row.update(before_rate=1e6 / us, before_vcpu_us=us, after_rate=0.96e6 / us,
                           after_vcpu_us=us)
            data["run"] += [dict(row, rate=row["rate"] * n) for n in (0.8, 1, 1.2)]
    return data


def row_of(rows, text):
    return next(r for r in rows if text in r.text)


@pytest.mark.parametrize("name, text, allowed, found", [
    ("LOADS", "", plan.LOADS, list(plan.LOADS)),
    ("LOADS", "all", plan.LOADS, list(plan.LOADS)),
    ("LOADS", "new32 keep64", plan.LOADS, ["keep64", "new32"]),
    ("PEERS", "linux,ringside", plan.PEERS, ["ringside", "linux"]),
    ("NICS", "e1000e", plan.NICS, ["e1000e"]),
])
def test_words_that_select(name, text, allowed, found):
    assert plan.chosen(name, text, allowed) == found


@pytest.mark.parametrize("words, named", [
    (["--loads", "keep65"], ["LOADS=keep65", "keep64", "idle20k"]),
    (["--peers", "ringside lwip"], ["PEERS=ringside lwip", "lwip is not there", "nginx"]),
    (["--nics", "e100"], ["NICS=e100", "e1000, e1000e"]),
    (["--rounds", "0"], ["ROUNDS=0", "from 1 to 100"]),
    (["--rounds", "many"], ["ROUNDS=many", "from 1 to 100"]),
])
def test_wrong_words_are_named_with_what_is_allowed(words, named):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "bench"), "--check", *words],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    for part in named:
        assert part in done.stderr


def test_the_page_names_all_there_is():
    with open(os.path.join(ROOT, "docs", "performance.md"), encoding="utf-8") as f:
        page = f.read()
    for name in (*plan.LOADS, *plan.PEERS, *plan.NICS):
        assert f"`{name}`" in page, name


def test_every_load_has_peers_that_can():
    for load in plan.LOADS.values():
        assert [p for p in plan.PEERS if plan.can(p, load)], load
        assert plan.can("ringside", load) == (load.kind != "frames")
    assert not plan.can("nginx", plan.LOADS["echo"])


def test_wrk():
    assert clients.parse_wrk(WRK) == {"requests": 118912, "seconds": 2.000107, "errors": 0,
                                      "p50_us": 1045.0, "p90_us": 1200.0}


@pytest.mark.parametrize("text", ["unable to connect to 10.65.1.2:80 Connection refused\n",
                                  'result {"requests": 0, "seconds": 2.0, "errors": 64}\n'])
def test_wrk_without_an_answer(text):
    with pytest.raises(clients.ClientFailed, match="wrk"):
        clients.parse_wrk(text)


def test_a_percentile_that_wrk_lost_is_left_out():
    text = 'result {"requests": 9, "seconds": 2.0, "errors": 0, "p50_us": 7.00, "p99_us": 0.00}\n'
    assert set(clients.parse_wrk(text)) == {"requests", "seconds", "errors", "p50_us"}


def test_wrk_says_what_the_parser_wants(tmp_path):
    """The script that wrk runs at its end has the fields of the result, by name."""
    clients.start_wrk("http://127.0.0.1:1/", str(tmp_path), 1, 1).communicate(timeout=60)
    script = (tmp_path / "wrk.lua").read_text()
    for field in ("requests", "seconds", "errors", "p50_us", "p99_us", "p999_us"):
        assert field in script


def test_statistics():
    assert numbers_of.spread([5.0]) == numbers_of.spread([4.0, 6.0]) == 0
    assert numbers_of.spread([90.0, 100.0, 110.0]) == pytest.approx(0.05)
    assert numbers_of.ratio(None, 2.0) is None and numbers_of.ratio(3.0, 2.0) == 1.5
    assert [numbers_of.count(v) for v in (58312.4, 151.26, 15.12, 0.894, 0, None)] == [
        "58,300", "151", "15.1", "0.89", "0", "-"]


def test_what_was_reached():
    rows = targets.of_runs(stored(), "e1000")
    cost = row_of(rows, "CPU time of the emulated processor")
    assert cost.met and cost.reached.startswith("Linux / 7.2 (10.0 us, 72.0 us)")
    assert row_of(rows, "a new connection each").met is False  # 9 is wanted
    assert row_of(rows, "requests/s at 64").reached == (
        "keep64 7.20 (CPU time 7.20); keep1000 7.20 (CPU time 7.20)")
    assert row_of(rows, "requests/s at 64").met
    assert row_of(rows, "one connection").reached == "60 us (Linux 432, reflector + 48)"
    assert row_of(rows, "20,000 idle").met is False  # 96% after they went
    assert row_of(rows, "from 16 to 1,000").met and row_of(rows, "1,000 connections from").met
    assert row_of(rows, "read-only data").reached == "250 KiB (text 200, rodata 40, data 10)"
    assert row_of(rows, "read-only data").met and row_of(rows, "listening").reached == "20 ms"


def test_what_was_not_measured_is_not_judged():
    data = stored()
    data["run"] = [r for r in data["run"] if r["load"] == "keep64"]
    data["small"], data["listening"], data["image_bytes"] = [], [], {}
    rows = targets.of_runs(data, "e1000")
    assert row_of(rows, "a new connection each").reached == targets.NOT_MEASURED
    assert row_of(rows, "requests/s at 64").met is None  # a half of it
    assert {r.met for r in rows} == {True, None}
    assert all(r.reached == targets.NOT_MEASURED for r in targets.of_figures({}))


def test_figures():
    rows = targets.of_figures({"echo": 1650, "cycle": 9500})
    assert [r.met for r in rows] == [True, None, False, None, None]
    assert rows[0].reached == "1,650"


def test_layers_of_a_request():
    assert report.layers({"echo": 1650}) == []
    lines = report.layers({"request": 3600, "request.tcp": 900, "request.httpd": 700})
    assert "| tcp | 900 | 25% |" in lines and "| httpd | 700 | 19% |" in lines


def test_report():
    data = stored()
    data["failed"].append({"nic": "e1000", "load": "send", "peer": "nginx", "why": "waited 5 s"})
    data["run"][0]["errors"] = 3
    text = report.markdown(data, ["cost-e1000.svg"])
    assert "| keep-alive /healthz, 64 connections, requests/s | 100,000 ±10% " in text
    assert "| keep64, one request | 10.0 + 2.50 | 72.0 + 18.0 | 100 + 25.0 | **7.2** |" in text
    assert "| bulk echo of 128 MiB, one connection, MB/s | 100,000 ±10% | 13,900 ±10% | - |" in text
    assert "| keep1 | 60.0 / 90.0 / 200 |" in text
    assert "| idle20k | Ringside | 100,000/s, 10.0 us | 100,000/s, 10.0 us | 96,000/s," in text
    assert "| L2 frames, 64 in flight | 500,000 ±10% | 2.00 |" in text
    assert "* e1000, send, nginx: waited 5 s" in text and "keep1, ringside: 3 of 1000" in text
    assert "![cost-e1000](cost-e1000.svg)" in text
    for block in text.split("\n\n"):
        if block.startswith("| "):
            assert len({line.count("|") for line in block.split("\n")}) == 1, block


def test_a_busy_host_is_told():
    assert report.busy([{"rate": 1.0}]) == []
    calm, busy = (report.busy([{"starved": s}, {"starved": 0.6}, {"starved": s}])[0]
                  for s in (0.1, 0.5))
    assert "10% of the time" in calm and "at most 60%" in calm and "**" not in calm
    assert "busy with something else" in busy
    data = stored()
    assert "10.0 us, 72.0 us) | yes |" in report.markdown(data)
    for row in data["run"]:
        row["starved"] = 0.5
    assert "10.0 us, 72.0 us) | host busy |" in report.markdown(data)
    assert "yes" not in report.table(data) and "  ?   CPU time" in report.table(data)


def test_report_of_one_load():
    data = stored()
    data["run"] = [r for r in data["run"] if r["load"] == "keep64"]
    assert "The reflector was not measured." in report.markdown(data)
    assert "keep64" in report.table(data)


def test_written_again_from_its_own_json(tmp_path):
    (tmp_path / "cost-e1000e.svg").write_text("of an older run")
    names = report.write(stored(), tmp_path)
    assert not (tmp_path / "cost-e1000e.svg").exists()
    assert {"report.md", "report.json", "throughput-e1000.svg", "cost-e1000.svg",
            "latency-keep1-e1000.svg", "latency-keep64-e1000.svg"} == set(names)
    first = {n: (tmp_path / n).read_text() for n in names}
    report.write(json.loads(first["report.json"]), tmp_path)
    assert first == {n: (tmp_path / n).read_text() for n in names}


def test_pictures(tmp_path):
    for name, text in report.pictures(report.View(stored())).items():
        root = xml.etree.ElementTree.fromstring(text)
        words = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
        assert "Ringside, apps/httpd" in words and "Linux, nginx" in words, name
        assert ("1000" if "latency" not in name else "99.9") in words
        lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
        assert len(lines) == 3
        for line in lines:
            for x, y in re.findall(r"([\d.]+),([\d.]+)", line.get("points")):
                assert svg.LEFT <= float(x) <= svg.WIDTH - svg.RIGHT
                assert svg.TOP <= float(y) <= svg.HEIGHT - svg.BOTTOM
    assert svg.picture("t", "x", "y", ["1"], {"a": {}}) is None


@pytest.mark.parametrize("most, step", [(5, 1), (58000, 20000), (9.9, 2), (0.4, 0.1)])
def test_steps_of_an_axis(most, step):
    assert svg.nice_step(most) == pytest.approx(step)
