"""The page of a frontier in a browser: the curves of shapes, titles of axes, and values below the pointer."""

from itertools import pairwise

import pytest
from browser import ABSENT, PROGRAM, Browser

from polyest import frontier
from polyest.cli.explorer import explorer_page
from polyest.cli.frontier import explored

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=ABSENT)
BUDGETS = (0.5, 2.0, 8.0, 1e6)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "out.html"
    others = {
        shape: frontier.sweep(8, budgets=BUDGETS, shape=shape) for shape in ("monotone", "concave")
    }
    path.write_bytes(explorer_page(explored(frontier.sweep(8, budgets=BUDGETS), {}, others)))
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    browser.open(address)
    yield browser
    assert browser.complaints() == []


def test_the_shape_of_the_entries_is_a_choice(page):
    assert page.value("document.querySelectorAll('#frontier path.family').length") == 2
    for place, shape in ((2, "monotone"), (3, "concave"), (1, "free")):
        page.click(*page.middle(f"#families label:nth-child({place}) input"))
        assert page.value("families.find(f => f.points === points).shape") == shape
        rows = page.value("chosen.entries")
        rising = all(a <= b + 1e-15 for a, b in pairwise(rows))
        assert rising == (shape != "free")
        kind = "point" if shape == "free" else shape
        assert page.value("location.hash").startswith(f"#{kind}=")
        assert page.value("byId('slider').max") == str(page.value("points.length") - 1)


@pytest.mark.parametrize(
    ("place", "heading"),
    [("#monotone=0", "least bias of monotone tables at"), ("#concave=99", "least bias at")],
)
def test_an_address_names_a_point_of_a_shape(browser, address, place, heading):
    browser.open(address + place)
    assert browser.value("chosen.heading").startswith(heading)
    assert browser.value("points.includes(chosen)")


def test_axes_have_titles_with_units_and_the_entry_below_the_pointer_is_read_off(page):
    titles = page.value("[...document.querySelectorAll('text.title')].map(t => t.textContent)")
    assert titles == [
        "noise, in plug-in units", "sup|e| (nats)",
        "p, the probability of an answer", "weighted bias e(p) (nats)",
        "p, the probability of an answer", "noise (nats\u00b2)",
        "log((k+1)/(K+1))", "entry (nats)",
    ]  # fmt: skip
    page.middle("#coefficients")
    x, y = page.value(
        "(box => [box.x + plots.coefficients.x(shares[3]), box.y + 60])"
        "(byId('coefficients').getBoundingClientRect())"
    )
    page.pointer("mouseMoved", x, y)
    said = page.value("byId('coefficients-there').textContent").replace("\u2212", "-")
    entry, plain = (float(page.value(f"{name}.entries[3]")) for name in ("chosen", "plain"))
    assert said == f"4 times in its group: c_3 = {entry:.4g}, plug-in {plain:.4g}"
    page.pointer("mouseMoved", 5, 5)
    assert page.value("byId('coefficients-there').textContent") == ""


def test_a_table_with_more_bias_than_the_plug_in_lies_above_it(page):
    page.press("Home")  # noise 1/2
    assert page.value("byId('below').textContent") == "times above log((X+1)/(K+1))"
    assert float(page.value("byId('times').textContent")) > 1
    page.press("End")
    assert page.value("byId('below').textContent") == "times below log((X+1)/(K+1))"
