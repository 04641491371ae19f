"""Whole groups of texts -> rewards, for trainers that hand them over: slime, ART, tinker, prime-rl, rLLM.

    reward = GroupReward("log_probability", kind="boxed", beta=0.1)
    reward(texts)                       # the texts of one group -> list of finite floats

These trainers subtract the group's mean themselves, so the table is that of K = G - 2 draws.  They know no
missing reward: a completion without answer earns what the rarest answer could (`unanswered="lowest"`), or
exactly the mean, with centred=True and unanswered="exclude".  A completion that was cut, or that ends in a
call of a tool, has no answer.  Each trainer calls one of the hooks below, which lie in files of the
trainers' names; none imports a trainer.  Switch off every division by a standard deviation.
"""

from polyest.integrations.art import art, final
from polyest.integrations.group_reward import GroupReward
from polyest.integrations.rllm import rllm
from polyest.integrations.skyrl import skyrl
from polyest.integrations.slime import has_signal, slime
from polyest.integrations.tinker import tinker

__all__ = ["GroupReward", "art", "final", "has_signal", "rllm", "skyrl", "slime", "tinker"]
