"""One step of TRL in an environment that has TRL, and polyest without its dependencies.

    pip install torch trl && pip install --no-deps . && python tests/support/light_trl.py

It fails where a dependency of the solvers is installed, which would prove nothing.
"""

import sys
from importlib.util import find_spec
from tempfile import TemporaryDirectory

from trl_training import Recorded, trainer

from polyest.integrations import trl

if __name__ == "__main__":
    installed = [name for name in ("flint", "highspy", "scipy", "threadpoolctl") if find_spec(name)]
    if installed:
        sys.exit(f"expected an environment without {', '.join(installed)}")
    reward = Recorded(trl.log_probability(beta=0.1))
    with TemporaryDirectory() as folder:
        loop = trainer(folder, [reward], callbacks=[trl.Check(reward.reward)], max_steps=1)
        loop.train()
    (call,) = reward.calls
    assert loop.state.global_step == 1
    assert len(set(call["paid"])) > 1, call["paid"]
    print(
        f"one step of TRL, 24 completions paid from {min(call['paid']):.3f} to {max(call['paid']):.3f}"
    )
