"""What a calibration asks, of which prompts, and what the model knows of them before it is trained."""

from dataclasses import dataclass
from math import log
from pathlib import Path

import closed_prompts
import smollm
import torch
from adapters import MASKED, Settings, Stack
from closed_prompts import Asked
from torch import Tensor


@dataclass(frozen=True)
class Setting:
    """What is asked, and the completions of a step."""

    families: dict[str, tuple[tuple[str, str], str | range]]
    each: int  # wordings of a family
    held: int  # prompts that are held out
    group: int = 16
    groups: int = 1
    upper: int = 2  # layers with adapters
    steps: int = 120
    kl: float = 0.01
    uniform: bool = False  # whether Q is uniform instead of Zipf's law
    own: bool = False  # whether multipliers are tuned here, instead of carried over from the core

    def at(self, rate: float) -> Settings:
        return Settings(self.steps, rate, self.group, self.groups, self.kl)


@dataclass(frozen=True)
class Asking:
    """The prompts of a setting as the model has read them; trained ones, then those held out."""

    read: smollm.Read
    base: Tensor  # log nu (P, A) before training
    target: Tensor  # log Q (P, A), MASKED at pads
    asked: list[Asked]
    trained: int
    kl: float


def pose(model: smollm.Model, folder: Path, setting: Setting) -> Asking:
    """The model reads the prompts of a setting."""
    trained, held = closed_prompts.split(setting.families, setting.each, setting.held)
    asked = [*trained, *held]
    prompts = smollm.tokens(folder, [one.text for one in asked], [one.answers for one in asked])
    read = smollm.read(model, prompts, setting.upper)
    with torch.no_grad():
        base = Stack(model, setting.upper, [0])(read)[0]
    target = torch.full_like(base, MASKED)
    for row, one in zip(target, asked, strict=True):
        law = torch.tensor(closed_prompts.law(one)).log()
        row[: len(law)] = -log(len(law)) if setting.uniform else law
    return Asking(read, base, target, asked, len(trained), setting.kl)
