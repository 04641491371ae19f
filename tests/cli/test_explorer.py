"""The page of a frontier as a file: it holds the tables, asks for nothing else, is written whole."""

import json
import re
import sys

import pytest
from commands import full_disk, names, refused, run

import polyest
from polyest import frontier
from polyest import rivals as rival_tables
from polyest.cli import explorer, plot
from polyest.cli.explorer import explorer_page
from polyest.cli.frontier import explored, of_other_shapes
from polyest.errors import CannotStore, NotConverged
from polyest.problem.claims import STATED
from polyest.problem.criteria import CRITERIA
from polyest.problem.targets import WRITTEN
from polyest.tables.format import dumps, loads

BUDGETS = (0.5, 1.0, 2.0, 8.0, 1e6)


@pytest.fixture(scope="module")
def curve():
    return frontier.sweep(5, budgets=BUDGETS)


@pytest.fixture(scope="module")
def rivals():
    return frontier.comparison(5)


@pytest.fixture
def few(monkeypatch):
    """Fewer budgets, so that a test takes no time."""
    monkeypatch.setattr(frontier, "BUDGETS", (1.0, 2.0))
    monkeypatch.setattr(frontier, "MOST_BETWEEN", 0)
    monkeypatch.setattr(rival_tables, "RATIOS", ())


@pytest.fixture
def untouched(monkeypatch):
    """The solver may not be reached."""

    def reached(*words, **keywords):
        raise AssertionError("this was to be refused before")

    monkeypatch.setattr(frontier, "solve", reached)


def stored(page):
    """The block of data in a page."""
    (block,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page.decode(), re.DOTALL
    )
    return json.loads(block)


def foreign(page):
    """What a page would fetch from elsewhere."""
    return re.findall(
        r"(?:https?:)?//[\w.]+\.\w+|\bsrc\s*=|\bhref\s*=|@import|url\((?!#)|\bimport\(|\bfetch\(|XMLHttp"
        r"|WebSocket|EventSource|sendBeacon",
        page.decode(),
    )


def test_the_page_refers_to_nothing_outside(curve, rivals):
    page = explorer_page(explored(curve, rivals))
    assert foreign(page) == []
    assert b"default-src 'none'" in page
    for spoiled in (
        b'<img src="a.png">',
        b"@import 'a.css'",
        b"fetch('a')",
        b"https://a.org",
        b"url(a)",
    ):
        assert foreign(page.replace(b"</body>", spoiled + b"</body>"))


def test_the_tables_of_the_page_are_those_of_the_frontier_to_the_last_digit(curve, rivals):
    data = stored(explorer_page(explored(curve, rivals)))
    tables = [loads(json.dumps(point["table"])) for point in data["points"]]
    assert [*map(dumps, tables)] == [dumps(point.table) for point in curve.points]
    assert [float(point["noise"]) for point in data["points"]] == [p.noise for p in curve.points]
    assert [mark["label"] for mark in data["marks"]] == list(rivals)
    for mark, versus in zip(data["marks"], rivals.values(), strict=True):
        assert dumps(loads(json.dumps(mark["table"]))) == dumps(versus.rival)
        assert float(mark["noise"]) == versus.noise
    log = polyest.closed_forms.log_count(5)
    assert [*map(float, data["plug_in"])] == log.coefficients.tolist()
    assert float(data["least"]) == curve.least.upper
    assert data["notes"] == [f"The curve ends {curve.ended}."]
    assert data["others"] == []
    polyest.verify(tables[0])


def test_the_script_knows_phi_of_every_target():
    script = (explorer.FOLDER / "binomial.js").read_text()
    (targets,) = re.findall(r"^const TARGETS = \{\n(.*?)^\};", script, re.M | re.S)
    assert re.findall(r"^  (\w+): \(p", targets, re.M) == list(WRITTEN)


def test_no_script_names_a_criterion():
    words = {word for row in CRITERIA.values() for word in (row.name, row.attribute)}
    for part in explorer.PARTS:
        script = (explorer.FOLDER / part).read_text()
        assert not words & set(re.findall(r"[\w-]+", script)) - {"variance"}  # its own, of a table


def test_numbers_are_shortened_so_that_they_are_still_proved(curve, rivals):
    data = stored(explorer_page(explored(curve, rivals)))
    plain = curve.plug_in
    for point, shown in zip(curve.points, data["points"], strict=True):
        noise, bias, times = map(float, shown["shown"])
        assert noise == pytest.approx(point.noise, rel=1e-3)
        assert point.table.bias.upper <= bias < point.table.bias.upper * 1.001
        lies = shown["beside"].removesuffix(" log((X+1)/(K+1))")
        claimed = plain.bias.lower / point.table.bias.upper
        if claimed < 1:
            claimed = point.table.bias.lower / plain.bias.upper
        assert lies == ("times above" if point.noise < 0.9 else "times below")
        assert claimed * 0.999 < times <= claimed
        assert times >= 1
        rows = {name: value for name, value, _ in shown["rows"]}
        low, high = map(float, rows["optimum"].split(" .. "))
        assert low <= point.table.optimum.lower <= point.table.optimum.upper <= high
        for criterion in STATED:
            claim = point.table.certificate.criterion(criterion)
            assert claim <= float(rows[criterion]) < claim * 1.001
        assert float(rows["in E*"]) == pytest.approx(
            point.table.bias.upper / curve.least.lower, rel=1e-3
        )
    marks = {mark["label"]: mark for mark in data["marks"]}
    assert marks["log_count"]["shown"][2] == "1.000"  # it is the unit
    assert marks["log_count"]["beside"] == "times that of log((X+1)/(K+1))"
    versus = rivals["schuermann"]
    (meaning,) = [row[2] for row in marks["schuermann"]["rows"] if row[0] == "the best"]
    times = float(re.search(r"([\d.]+) times less", meaning)[1])
    assert versus.ratio.lower * 0.999 < times <= versus.ratio.lower


def test_the_python_that_is_shown_gives_the_table(curve, rivals):
    data = stored(explorer_page(explored(curve, rivals)))
    for entry in (*data["points"], *data["marks"]):
        if entry["code"]:
            table = eval(entry["code"], {"polyest": polyest})
            wanted = [*map(float, entry["table"]["coefficients"])]
            assert table.coefficients.tolist() == wanted
    assert [bool(mark["code"]) for mark in data["marks"]] == [True] * 7 + [False]  # 5 blocks of 1
    assert data["points"][-1]["code"] == 'polyest.load(5, criterion="minimax")'  # no noise of 1e6
    assert [point["heading"] for point in data["points"]][-2:] == [
        "least bias at noise 8.000",
        f"the minimax table, noise {data['points'][-1]['shown'][0]}",
    ]


def test_the_page_has_the_curves_of_every_shape_and_says_which_groups_it_is_for(few):
    curve = frontier.sweep(5)
    data = stored(explorer_page(explored(curve, {}, of_other_shapes(curve))))
    assert data["shape"] == "free"
    assert [other["shape"] for other in data["others"]] == ["monotone", "concave"]
    for other in data["others"]:
        wanted = frontier.sweep(5, shape=other["shape"])
        tables = [loads(json.dumps(point["table"])) for point in other["points"]]
        assert [table.shape for table in tables] == [other["shape"]] * len(wanted.points)
        assert [*map(dumps, tables)] == [dumps(point.table) for point in wanted.points]
        for point in other["points"]:
            table = eval(point["code"], {"polyest": polyest})
            assert table.coefficients.tolist() == [*map(float, point["table"]["coefficients"])]
            assert (
                f"of {other['shape']} tables" in point["heading"] or "minimax" in point["heading"]
            )
    assert data["groups"].startswith("For groups of 7 completions where the trainer subtracts")
    monotone = frontier.sweep(5, shape="monotone")
    data = stored(explorer_page(explored(monotone, {}, of_other_shapes(monotone))))
    assert [data["shape"], *(other["shape"] for other in data["others"])] == [
        "monotone",
        "free",
        "concave",
    ]


def test_a_curve_of_a_shape_that_there_is_none_of_is_said(few):
    curve = frontier.sweep(4, "polynomial:0,1,-1,2")
    others = of_other_shapes(curve)
    assert {name for name, other in others.items() if isinstance(other, str)} <= {
        "monotone tables",
        "concave tables",
    }
    rising = frontier.sweep(4, "polynomial:0,1,-1")
    notes = stored(explorer_page(explored(rising, {}, of_other_shapes(rising))))["notes"]
    assert any(
        note.startswith("Left out: monotone tables: target polynomial:0,1,-1 rises and falls")
        for note in notes
    )


def test_a_large_page_has_one_curve_and_says_how_to_get_the_others(curve, monkeypatch):
    monkeypatch.setattr("polyest.cli.frontier.MOST_WITH_SHAPES", 4)
    assert of_other_shapes(curve) == dict.fromkeys(
        ("monotone tables", "concave tables"), "above K = 4 the page has one curve, see --shape"
    )


def test_words_of_a_failure_do_not_end_the_block_of_data(curve):
    words = "</script><script>alert(1)</script><!-- \\ \" ' {{page.js}} ü"
    page = explorer_page(explored(curve, {"taylor": words}))
    assert stored(page)["notes"][1] == f"Left out: taylor: {words}"
    assert page.count(b"</script>") == 2
    assert b"<!--" not in page.split(b"</head>")[1]


@pytest.mark.parametrize("name", ["out.htm", "out", "html", ".html", "out.html.txt", "out.png"])
def test_a_file_that_no_browser_opens_as_a_page_is_refused(untouched, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    message = refused("frontier", "--K", 4, "--html", name)
    assert message.startswith(f"{name}: the name of the page's file ends in ")
    assert message.endswith("expected .html")
    assert names(tmp_path) == []
    with pytest.raises(CannotStore):
        explorer.check(name)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_solved(untouched, tmp_path):
    (tmp_path / "folder.html").mkdir()
    assert "this is a folder" in refused("frontier", "--K", 4, "--html", tmp_path / "folder.html")
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "such.html"
    assert "name another" in refused("frontier", "--K", 4, "--html", below)


def test_the_command_writes_the_page_beside_what_it_prints(few, tmp_path):
    path = tmp_path / "out.HTML"
    path.write_text("what was there")
    result = run("frontier", "--K", 3, "--html", path)
    assert (result.exit_code, result.stderr) == (0, f"polyest: wrote {path}\n")
    assert result.stdout == run("frontier", "--K", 3).stdout
    curve = frontier.sweep(3)
    whole = explored(curve, frontier.comparison(3), of_other_shapes(curve))
    assert path.read_bytes() == explorer_page(whole)
    assert names(tmp_path) == [path.name]


def test_a_page_goes_with_json_and_with_a_figure(few, tmp_path):
    page, figure = tmp_path / "a.html", tmp_path / "a.svg"
    result = run("frontier", "--K", 2, "--json", "--html", page, "--plot", figure)
    assert result.exit_code == 0
    assert result.stdout == run("frontier", "--K", 2, "--json").stdout
    assert result.stderr.splitlines() == [f"polyest: wrote {figure}", f"polyest: wrote {page}"]
    data = stored(page.read_bytes())
    assert [mark["label"] for mark in data["marks"]] == list(frontier.comparison(2))
    points, _ = frontier.marks(2)
    wanted = plot.pareto(frontier.records(frontier.sweep(2), points), "svg")
    assert figure.read_bytes() == wanted


def test_a_page_needs_no_matplotlib(few, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("frontier", "--K", 1, "--html", tmp_path / "a.html").exit_code == 0


def test_a_rival_that_is_not_settled_is_said_on_the_page(few, tmp_path, monkeypatch):
    right = frontier.against

    def failing(rival, criterion):
        if rival.criterion == "taylor":
            raise NotConverged("gave up")
        return right(rival, criterion)

    monkeypatch.setattr(frontier, "against", failing)
    assert run("frontier", "--K", 2, "--html", tmp_path / "a.html").exit_code == 0
    data = stored((tmp_path / "a.html").read_bytes())
    assert data["notes"][1] == "Left out: taylor: gave up"
    assert "taylor" not in [mark["label"] for mark in data["marks"]]


def test_a_page_that_fails_leaves_what_was_there(few, monkeypatch, tmp_path):
    path = tmp_path / "t.html"
    path.write_text("what was there")

    full_disk(monkeypatch)
    result = run("frontier", "--K", 1, "--html", path)
    assert result.exit_code == 1
    assert "no space left on device" in result.stderr
    assert path.read_text() == "what was there"
    assert names(tmp_path) == ["t.html"]
