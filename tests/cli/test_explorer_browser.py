"""The page of a frontier in a real browser: real keys and pointers, and what it computes, exactly."""

import ast
import json

import pytest
from browser import ABSENT, PROGRAM, Browser
from flint import arb, ctx

import polyest
from polyest import frontier
from polyest.cli.explorer import explorer_page
from polyest.cli.frontier import explored
from polyest.problem.bernstein import expectation

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=ABSENT)

BUDGETS = (0.5, 1.0, 2.0, 8.0, 64.0, 1e6)  # 8 is where the page begins, 1e6 the minimax table
START = 3
SHAPES = ("monotone", "concave")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def curve():
    return frontier.sweep(8, budgets=BUDGETS)


@pytest.fixture(scope="module")
def rivals():
    return frontier.comparison(8)


@pytest.fixture(scope="module")
def address(curve, rivals, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "out.html"
    shapes = {shape: frontier.sweep(8, budgets=BUDGETS, shape=shape) for shape in SHAPES}
    path.write_bytes(explorer_page(explored(curve, rivals, shapes)))
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    """The page, just opened; whatever it complains of fails the test."""
    browser.open(address)
    yield browser
    assert browser.complaints() == []
    assert browser.requests() == [address]


def chosen(page):
    """Which point or mark is chosen, by all that shows it."""
    place = page.value("points.indexOf(chosen)")
    label = page.value("chosen.label ?? null")
    pressed = page.value(
        "[...document.querySelectorAll('[aria-pressed=true]')].map(b => b.textContent)"
    )
    assert pressed == ([] if label is None else [label])
    assert page.value("byId('name').textContent") == page.value("chosen.heading")
    return place if label is None else label


def drawn(page):
    """Everything on the page that is to change with the point or mark that is chosen."""
    paths = ["bias-curve", "noise-curve", "coefficients"]
    words = ["bias", "rows", "name"]
    return [
        *(
            page.value(f"document.querySelector('#{name} path.this').getAttribute('d')")
            for name in paths
        ),
        *(page.value(f"byId('{name}').textContent") for name in words),
        page.value("byId('text').value"),
        page.value("document.querySelector('#frontier .chosen').getAttribute('cx')"),
        *(page.value(f"byId('{name}').getAttribute('aria-label')") for name in paths),
    ]


def spot(page, table):
    """Where on the screen a table lies on the frontier."""
    return page.value(
        f"(box => [box.x + plots.frontier.x({table}.x), box.y + plots.frontier.y({table}.y)])"
        "(byId('frontier').getBoundingClientRect())"
    )


def test_it_begins_at_the_default_noise_and_another_point_changes_everything(page):
    assert chosen(page) == START
    before = drawn(page)
    page.press("ArrowRight")
    assert chosen(page) == START + 1
    assert page.value("location.hash") == f"#point={START + 1}"
    assert all(a != b for a, b in zip(before, drawn(page), strict=True))
    page.press("ArrowLeft")
    assert drawn(page) == before


def test_keys_move_along_the_curve_and_stop_at_its_ends(page):
    for key, place in (
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("End", 5),
        ("ArrowRight", 5),
    ):
        page.press(key)
        assert chosen(page) == place
        assert page.value("byId('slider').valueAsNumber") == place
    page.value("byId('text').focus()")
    page.press("ArrowLeft")
    assert chosen(page) == 5  # there it moves in the text


def test_the_slider_moves_by_its_own_keys_once_and_says_where_it_is(page):
    page.value("byId('slider').focus()")
    page.press("ArrowRight")
    assert chosen(page) == START + 1
    assert page.value("byId('slider').getAttribute('aria-valuetext')").startswith(
        "least bias at noise 64.00, sup|e| "
    )
    x, y = page.middle("#slider")
    page.click(x - page.value("byId('slider').clientWidth") / 2 + 3, y)
    assert chosen(page) == 0


def test_a_pointer_chooses_points_and_marks_and_drags_along_the_curve(page):
    x, y = spot(page, "points[1]")
    page.click(x + 3, y - 3)
    assert chosen(page) == 1
    x, y = spot(page, "marks[1]")
    page.pointer("mouseMoved", x, y)
    assert page.value("byId('frontier-there').textContent").startswith("log_smoothed, noise ")
    page.click(x, y)
    assert chosen(page) == "log_smoothed"
    page.pointer("mousePressed", *spot(page, "points[0]"), 1)
    visited = []
    for i in (2, 4, 5):
        page.pointer("mouseMoved", *spot(page, f"points[{i}]"), 1)
        visited.append(chosen(page))
    page.pointer("mouseReleased", *spot(page, "points[5]"))
    assert visited == [2, 4, 5]
    page.pointer("mouseMoved", *spot(page, "points[0]"))
    assert chosen(page) == 5  # let go


def test_marks_are_buttons_and_arrows_leave_them_for_the_point_beside(page, rivals):
    labels = page.value("[...byId('marks').children].map(b => b.textContent)")
    assert labels == list(rivals)
    shapes = page.value("[...document.querySelectorAll('#marks path')].map(e => e.outerHTML)")
    assert len({*shapes}) == 7 + 1  # one for all blocks
    page.click(*page.middle("#marks button:nth-child(7)"))
    assert chosen(page) == "schuermann"
    assert page.value("location.hash") == "#mark=schuermann"
    bias = float(page.value("byId('bias').textContent"))
    assert bias == pytest.approx(polyest.closed_forms.schuermann(8).bias.upper, rel=1e-3)
    assert page.value("byId('slider').valueAsNumber") == 2  # noise 2
    page.press("ArrowRight")
    assert chosen(page) == 3
    page.value("document.querySelector('#marks button').focus()")
    page.press(" ")
    assert chosen(page) == "log_count"


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("#point=0", 0),
        ("#mark=2_blocks_of_4", "2 blocks of 4"),
        ("#point=99", START),
        ("#%E0", START),
    ],
)
def test_an_address_names_what_is_chosen(browser, address, place, named):
    browser.open(address + place)
    assert browser.value("points.indexOf(chosen)") == (named if isinstance(named, int) else -1)
    assert browser.value("chosen.label ?? points.indexOf(chosen)") == named
    assert browser.complaints() == []


def exact(table, p):
    """e, p Var, Var and E c^2 at a double p, from balls of 400 bits."""
    with ctx.workprec(400):
        x, c = arb(p), [arb(float(entry)) for entry in table.coefficients]
        mean, square = expectation(c, x), expectation([a * a for a in c], x)
        error = x * (mean - table.problem.target.ball(x)) if p else arb(0)
        variance = square - mean * mean
        noise = {"gradient-variance": x * variance, "variance": variance, "second-moment": square}
        return float(error), {name: float(value) for name, value in noise.items()}


@pytest.mark.parametrize(
    ("K", "words", "budgets"),
    [
        (8, {}, BUDGETS),
        (16, {}, (0.25, 8.0, 1e6)),
        (64, {}, (1e6,)),  # entries to 550 and e below 0.0003: doubles alone lose eleven digits
        (5, {"target": "tsallis:0.5", "criterion": "variance"}, (1.0, 8.0)),
        (5, {"target": "power:-0.25"}, (1.0, 4.0)),
        (5, {"target": "polynomial:0,1,0,0,0,-2", "criterion": "second-moment"}, (0.5,)),
    ],
)
def test_curves_agree_with_exact_ones(browser, tmp_path, K, words, budgets):
    curve = frontier.sweep(K, budgets=budgets, **words)
    (tmp_path / "a.html").write_bytes(explorer_page(explored(curve, {})))
    browser.open((tmp_path / "a.html").as_uri())
    ps = browser.value("ps")
    assert (ps[0], ps[-1]) == (0, 1)
    assert len(ps) > 512
    places = [*range(0, len(ps), len(ps) // 60), 1, 2, 3, len(ps) - 2, len(ps) - 1]
    for i, point in enumerate(curve.points):
        computed = browser.value(f"curves(points[{i}])")
        wanted = [exact(point.table, ps[j]) for j in places]
        noises = [noise[curve.criterion] for _, noise in wanted]
        for j, (error, _), noise in zip(places, wanted, noises, strict=True):
            assert abs(computed["bias"][j] - error) <= 1e-12 * point.table.bias.upper
            assert abs(computed["noise"][j] - noise) <= 1e-13 * max(noises)
        highest = max(map(abs, computed["bias"]))
        assert 0.97 * point.table.bias.lower < highest <= point.table.bias.upper * (1 + 1e-12)
    assert browser.complaints() == []


def test_the_curve_that_is_drawn_is_the_one_computed(page):
    across, up = page.value(
        "[plots.curves[0].x(ps[100]), plots.curves[0].y(curves(chosen).bias[100])]"
    )
    path = page.value("document.querySelector('#bias-curve path.this').getAttribute('d')")
    x, y = map(float, path[1:].split("L")[100].split())
    assert (x, y) == pytest.approx((across, up), abs=0.06)
    levels = page.value("[1, -1].map(s => plots.curves[0].y(s * chosen.y).toFixed(1))")
    drawn_at = page.value(
        "[...document.querySelectorAll('#bias-curve path.own')].map(e => e.getAttribute('d'))"
    )
    assert sorted(d.split()[1].split("h")[0] for d in drawn_at) == sorted(levels)
    spots = page.value(
        "[...document.querySelectorAll('#coefficients circle')].map(e => Number(e.getAttribute('cy')))"
    )
    assert len(spots) == 9
    entries = page.value("chosen.entries")
    order = sorted(range(9), key=lambda k: -entries[k])
    assert sorted(range(9), key=lambda k: spots[k]) == order


def test_switches_change_the_axes_and_nothing_else(page):
    text = page.value("byId('rows').textContent")
    for switch, svg in (("close", "bias-curve"), ("even", "noise-curve"), ("near", "frontier")):
        before = page.value(f"byId('{svg}').innerHTML")
        page.click(*page.middle(f"#{switch}"))
        assert page.value(f"byId('{svg}').innerHTML") != before
        page.click(*page.middle(f"#{switch}"))
        assert page.value(f"byId('{svg}').innerHTML") == before
    assert page.value("byId('rows').textContent") == text
    page.click(*page.middle("#near"))
    page.press("End")  # beyond the axis, which gives way
    assert page.value("seen().length == points.length + marks.length")


def test_the_pointer_reads_curves_off(page):
    x, y = page.middle("#bias-curve")
    page.pointer("mouseMoved", x, y)
    for name in ("bias", "noise"):
        value, p = (
            page.value(f"byId('{name}-there').textContent").replace("\u2212", "-").split(" at p = ")
        )
        near = page.value(f"curves(chosen).{name}[ps.findIndex(p => p >= {float(p)} * 0.998)]")
        assert float(value) == pytest.approx(near, rel=0.05, abs=2e-5)
    assert page.value("document.querySelectorAll('.cross path').length") == 2
    page.pointer("mouseMoved", 5, 5)
    assert page.value("byId('bias-there').textContent") == ""
    assert page.value("document.querySelectorAll('.cross path').length") == 0


def test_what_is_copied_is_the_table(page, curve):
    table = curve.points[START].table
    assert ast.literal_eval(page.value("byId('text').value")) == table.coefficients.tolist()
    page.click(*page.middle("[value=json]"))
    copied = polyest.loads(page.value("byId('text').value"))
    polyest.verify(copied)
    assert polyest.dumps(copied) == polyest.dumps(table)
    page.ask("Browser.grantPermissions", permissions=["clipboardReadWrite"])  # to read
    page.click(*page.middle("#copy"))
    assert page.value("byId('copied').textContent") == "copied"
    assert page.value("navigator.clipboard.readText()") == page.value("byId('text').value")
    page.value("document.execCommand = () => false")
    page.click(*page.middle("#copy"))
    assert page.value("byId('copied').textContent") == "selected: press Ctrl+C"
    assert page.value("getSelection().toString()") == page.value("byId('text').value")


OVERLAPS = """[...document.querySelectorAll('main svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
    a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)).length
    + boxes.filter(box => box.left < 0 || box.right > innerWidth).length;
})"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 400, 1000, 1600])
def test_it_fits_and_no_label_lies_on_another(browser, address, width, dark):
    browser.open(address, width=width, dark=dark)
    assert browser.value("document.documentElement.scrollWidth") == width
    for place in range(len(BUDGETS)):
        browser.value(f"choose(points[{place}])")
        assert set(browser.value(OVERLAPS)) == {0}
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") != dark
    assert browser.complaints() == []


def test_everything_to_use_has_a_name(page):
    nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "slider", "checkbox", "radio", "textbox", "img", "image")
    named = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles
    ]
    assert {role for role, _ in named} >= {"button", "slider", "checkbox", "radio", "textbox"}
    assert len(named) >= 11 + 1 + 3 + 2 + 1 + 4
    assert all(name for _, name in named)


def test_a_table_without_bias_is_said_and_a_curve_without_marks_is_drawn(browser, tmp_path):
    curve = frontier.sweep(3, budgets=(0.5, 100.0), target="polynomial:0,1,-1")
    (tmp_path / "a.html").write_bytes(explorer_page(explored(curve, {})))
    browser.open((tmp_path / "a.html").as_uri() + "#point=1")
    assert browser.value("byId('frontier').textContent").endswith("no bias")
    assert browser.value("points[1].y < 1e-12 * points[0].y")
    assert "NaN" not in browser.value("document.body.innerHTML")
    browser.click(*browser.middle("#close"))
    assert "NaN" not in browser.value("document.body.innerHTML")
    assert browser.complaints() == []


@pytest.mark.parametrize(
    "spoiled",
    [
        "<script>throw Error('spoiled')</script>",
        "<script>console.log('spoiled')</script>",
        "<img src='https://example.org/a.png'>",
        "<script>fetch('https://example.org')</script>",
        "<svg><rect width='-1'/></svg>",
    ],
)
def test_a_spoiled_page_is_seen_to_complain(browser, curve, tmp_path, spoiled):
    page = explorer_page(explored(curve, {})).replace(b"</body>", spoiled.encode() + b"</body>")
    (tmp_path / "a.html").write_bytes(page)
    browser.open((tmp_path / "a.html").as_uri())
    said = json.dumps(browser.complaints())
    assert "spoiled" in said or "Content Security Policy" in said or "negative" in said
