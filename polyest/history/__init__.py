"""Earlier completions of a prompt, counted with those of now: kept, looked up, and what a moved policy costs.

past = polyest.History()
r = rewards.log_probability(answers, history=past, prompts=ids)     # K = W + G - 2
past.record(answers, prompts=ids)                                   # after the reward
"""

from polyest.history.delay import stable_gain
from polyest.history.moves import bias_after_move

__all__ = ["bias_after_move", "stable_gain"]
