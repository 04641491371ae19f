"""The example of TRL: the tiny model is calibrated by it, and a model of a folder is trained too."""

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

import trl_training as trl_training  # offline, before transformers is imported

# Those of other people's modules do not matter; the example sets no switch that `check` warns of.
pytestmark = pytest.mark.filterwarnings(
    "ignore", "error::polyest.errors.ScaleLost", "error::polyest.errors.AnotherObjective"
)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def train(monkeypatch, capsys):
    """Runs the example with these words, and gives KL(nu, Q) before and after, and what was logged."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import trl_calibration

    def run(*words):
        monkeypatch.setattr("sys.argv", ["trl_calibration.py", *words])
        trl_calibration.main()
        said = capsys.readouterr().out
        before, after = re.search(r"KL\(nu, Q\) ([\d.]+) before, ([\d.]+) after", said).groups()
        return float(before), float(after), said

    return run


def test_the_tiny_model_learns_the_laws_and_logs_what_the_page_names(train):
    before, after, said = train()
    assert 0.4 < before < 0.6
    assert after < before / 5
    for name in re.findall(
        r"^ {4}([\w/]+) {2,}", (EXAMPLES / "trl_calibration.py").read_text(), re.M
    ):
        assert f"'{name}'" in said, name


def test_a_model_of_a_folder_is_trained(train, tmp_path):
    from urns import rows, tiny

    for part in tiny(rows(2)):
        part.save_pretrained(tmp_path)
    before, after, _ = train(
        "--model", str(tmp_path), "--urns", "2", "--steps", "2", "--paid", "log"
    )
    assert before > 0 < after
