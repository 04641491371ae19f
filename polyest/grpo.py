"""This module is a reference loop of group-relative policy optimisation (GRPO), written to be read.

A step samples a batch of groups, rewards the completions, centres the rewards and takes `epochs` ascent
steps on

    L = mean over completions of
        ( sum_t min(rho_t A, clip(rho_t, 1 - clip, 1 + clip) A) - kl d^2/2 ) / length
    rho_t = pi(y_t)/pi_old(y_t),
    d = log pi(y) - log pi_ref(y) of the whole completion

as in Mohri, Schneider and Wu (2026), eq. (5) and (8), who do not clip.  With one epoch nothing is
clipped, because rho = 1.  The loop then plays the game of `polyest.games` with beta = kl.  With a group
mean in place of `leave_one_out` the rewards shrink by (G-1)/G, and beta is kl G/(G-1).

The penalty is d^2/2 because its gradient d grad log pi(y) has the gradient of KL(pi, pi_ref) as its mean.
GRPO's own penalty, r - 1 - log r with r = pi_ref/pi of a token, estimates the same KL but has the gradient
(1 - r) grad log pi, whose mean is that of KL(pi_ref, pi): a policy that is trained with it ends elsewhere
(tests/test_grpo.py).

The loop takes everything as an argument and does not depend on text, tables or prompts:

    sampler(step)       -> Traces: the completions that were drawn, and their answers
    policy(drawn)       -> log-probabilities (N, T) of the tokens; T = 1 if a completion
                           is a single choice
    reward(traces)      -> rewards in the shape of the answers, nan for a completion that
                           is left out
    history             records the answers of every step after they were rewarded; a
                           reward that uses the history holds its own reference to it
    advantage(rewards)  -> advantages of the same shape; `leave_one_out` by default

The loop leaves out generation engines and their drift from the trainer (there is no importance correction
between the two), several devices, mixed precision, gradient accumulation, asynchronous sampling, value
functions, checkpoints and logging.  To resume a run, restore the states of policy, optimizer and history
and set `Config.first`.  The loop yields one record per step and prints nothing; `Step.metrics` computes the
numbers of `polyest.metrics` from a record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Unpack

from polyest import advantages, metrics
from polyest.errors import InvalidReward, NotInstalled
from polyest.history.history import History
from polyest.values import real, shown, whole

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise NotInstalled(
        "the reference loop needs torch, which is not installed: pip install 'polyest[torch]'"
    ) from None

if TYPE_CHECKING:
    from polyest.rewards.options import Which


@dataclass(frozen=True)
class Config:
    """The settings of a run, which are checked when they are made and never changed.

    InvalidReward is raised for a number out of range.

    Parameters
    ----------
    steps : int
        The number of batches.
    rate : float
        The learning rate at the start.
    epochs : int
        The number of gradient steps on each batch.
    clip : float
        The ratio rho is clipped to [1 - clip, 1 + clip]; inf does not clip.
    kl : float
        The weight of the penalty d^2/2; if it is positive, a reference policy is needed.
    norm : float
        The greatest norm of a gradient, to which longer ones are scaled down; inf does not scale.
    decay : bool
        Whether the learning rate falls linearly to 0.
    per_length : bool
        Whether the sum over a completion's tokens is divided by its own length (GRPO).  Otherwise it is
        divided by the length of the longest completion of the batch (Dr. GRPO), so that short completions
        are not favoured.
    first : int
        The number of the first step; above 0 if a run is resumed.

    Examples
    --------
    >>> Config(steps=10, rate=1e-3).clip
    0.2
    """

    steps: int
    rate: float
    epochs: int = 1
    clip: float = 0.2
    kl: float = 0.0
    norm: float = 1.0
    decay: bool = False
    per_length: bool = False
    first: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, least in (("steps", 0), ("epochs", 1), ("first", 0)):
            value = getattr(self, name)
            if not whole(value, least):
                raise InvalidReward(
                    f"{name} is {shown(value)}: expected an integer of at least {least}"
                )
        if not (0 < real(self.rate) < inf and real(self.clip) > 0 and real(self.norm) > 0):
            raise InvalidReward(
                f"rate {shown(self.rate)}, clip {shown(self.clip)}, norm {shown(self.norm)}: expected "
                "positive numbers, the rate finite"
            )
        if not 0 <= real(self.kl) < inf:
            raise InvalidReward(f"kl is {shown(self.kl)}: expected a finite number, not negative")


@dataclass(frozen=True)
class Traces:
    """A batch of groups: the completions in the form that the policy scores, and their answers.

    Parameters
    ----------
    drawn : Any
        The N completions, in the order of the answers and in any form that the policy scores.
    answers : integer tensor (prompts, G) or (orbits, m, G)
        The answer of each completion.
    mask : tensor (N, T) or None
        1 for a token that counts and 0 for padding; None if all tokens count.
    extra : Any
        Any further data that the reward needs.
    prompts : sequence of int or str, or None
        The id of each prompt, orbit after orbit; needed by a history.
    """

    drawn: Any
    answers: Tensor
    mask: Tensor | None = None
    extra: Any = None
    prompts: Any = None


@dataclass(frozen=True)
class Step:
    """The record of a step; numbers that depend on the policy are those before its last gradient step.

    Attributes
    ----------
    step : int
        The number of the step, from 0.
    traces : Traces
        The batch.
    rewards : float64 tensor
        The rewards, in the shape of the answers.
    reward : float
        The mean of the rewards that are not nan.
    loss : float
        The loss -L.
    kl : float
        The mean of d, an estimate of KL(pi, pi_ref); 0 without a reference.
    clipped : float
        The share of tokens whose ratio was clipped, so that they no longer move the policy.
    norm : float
        The norm of the gradient before it was scaled down.
    """

    step: int
    traces: Traces
    rewards: Tensor
    reward: float  # mean of the rewards that are not nan
    loss: float
    kl: float  # mean of d, an estimate of KL(pi, pi_ref); 0 without reference
    clipped: float  # share of tokens whose gain was clipped; they no longer move the policy
    norm: float  # norm of the gradient before it was clipped

    def metrics(
        self, history: History | None = None, **options: Unpack["Which"]
    ) -> dict[str, float]:
        """Compute the numbers of `polyest.metrics` for the batch.

        Parameters
        ----------
        history : History or None
            The history of the run, whose current drift is included.
        **options : Which
            The keywords that choose the table which estimates the entropy, as in `metrics.of_batch`.

        Returns
        -------
        dict of str to float
            The numbers by the names of `polyest.metrics`.

        Raises
        ------
        CountOutOfRange
            If the answers are not integers in groups.

        Examples
        --------
        >>> drawn = torch.tensor([[7, 7, 3, -1]])
        >>> step = Step(0, Traces(drawn, drawn), torch.zeros(1, 4), *[0.0] * 5)
        >>> numbers = step.metrics()
        >>> numbers["no_answer"], numbers["majority_share"], numbers["no_signal"]
        (0.25, 0.5, 1.0)
        """
        answers = self.traces.answers
        return metrics.of_batch(
            answers.flatten(0, -2), rewards=self.rewards, history=history, **options
        )


def train(
    policy: nn.Module,
    sampler: Callable[[int], Traces],
    reward: Callable[[Traces], Tensor],
    config: Config,
    *,
    advantage: Callable[[Tensor], Tensor] = advantages.leave_one_out,
    reference: Callable[[Any], Tensor] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    history: History | None = None,
) -> Iterator[Step]:
    """Train the policy in place, and yield one record per step.

    Parameters
    ----------
    policy : torch.nn.Module
        The policy, a function from `Traces.drawn` to the log-probabilities (N, T) of the tokens.
    sampler : callable
        A function from the number of a step to its batch, a `Traces`.
    reward : callable
        A function from a batch to its rewards, in the shape of the answers; nan leaves a completion out.
    config : Config
        The settings.
    advantage : callable
        A function from rewards to advantages of the same shape.
    reference : callable or None
        The reference policy of the KL penalty, a function to log-probabilities (N, T) like `policy`.
    optimizer : torch.optim.Optimizer or None
        The optimizer; by default Adam of the policy's parameters.  Its learning rate is set at every step.
    history : History or None
        A history, which records the answers of each step after they were rewarded and before the policy
        is changed.

    Yields
    ------
    Step
        The record of each step.

    Raises
    ------
    InvalidReward
        If kl is positive without a reference, rewards or advantages do not have the shape of the answers,
        or an advantage is not finite.  The policy is then unchanged by that step.
    InvalidHistory
        If the history refuses the answers of a step.  The policy is then unchanged by that step.

    References
    ----------
    Shao et al. (2024), arXiv 2402.03300, for GRPO.  Liu et al. (2025), arXiv 2503.20783, for Dr. GRPO.

    Examples
    --------
    >>> class Coin(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.logits = nn.Parameter(torch.zeros(2))
    ...     def forward(self, drawn):
    ...         return self.logits.log_softmax(0)[drawn].reshape(-1, 1)
    >>> coin, chance = Coin(), torch.Generator().manual_seed(0)
    >>> def sampler(step):
    ...     drawn = torch.multinomial(coin.logits.exp(), 16, True, generator=chance).reshape(2, 8)
    ...     return Traces(drawn, drawn)
    >>> steps = list(train(coin, sampler, lambda traces: traces.answers.double(), Config(60, 0.1)))
    >>> len(steps), bool(coin.logits.softmax(0)[1] > 0.9)
    (60, True)
    """
    if config.kl and reference is None:
        raise InvalidReward(
            f"kl is {config.kl} without reference=: give the reference policy of the penalty"
        )
    optimizer = optimizer or torch.optim.Adam(policy.parameters(), lr=config.rate)
    trained = [x for group in optimizer.param_groups for x in group["params"]]
    for step in range(config.first, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * (1 - step / config.steps if config.decay else 1.0)
        traces = sampler(step)
        rewards = torch.as_tensor(reward(traces)).to(torch.float64)
        centred = _checked(rewards, advantage(rewards), traces)
        if history is not None:
            history.record(traces.answers.flatten(0, -2), prompts=traces.prompts, step=step)
        with torch.no_grad():
            before = policy(traces.drawn)
            anchor = None if reference is None else reference(traces.drawn)
        mask = _mask(before, traces)
        for _ in range(config.epochs):
            now = policy(traces.drawn)
            loss, kl, clipped = _loss(now, before, anchor, centred.to(now), mask, config)
            policy.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(trained, config.norm)
            optimizer.step()
        given = rewards[~rewards.isnan()]
        mean = float(given.mean()) if len(given) else 0.0
        measures = (float(x) for x in (loss.detach(), kl, clipped, norm))
        yield Step(step, traces, rewards, mean, *measures)


def _loss(
    now: Tensor,
    before: Tensor,
    anchor: Tensor | None,
    centred: Tensor,
    mask: Tensor,
    config: Config,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return -L, the mean of d, and the share of tokens whose gain was clipped."""
    ratio = torch.where(mask, now - before, 0.0).exp()
    cut = ratio.clip(1 - config.clip, 1 + config.clip)
    gain = torch.minimum(ratio * centred, cut * centred).masked_fill(~mask, 0.0).sum(1)
    away = torch.zeros_like(gain)
    if anchor is not None:
        away = torch.where(mask, now - anchor, 0.0).sum(1)
    length = mask.sum(1).clip(min=1) if config.per_length else mask.sum(1).max().clip(min=1)
    loss = -((gain - config.kl * away.square() / 2) / length).mean()
    lost = (cut * centred < ratio * centred) & mask
    return loss, away.detach().mean(), lost.sum() / mask.sum().clip(min=1)


def _mask(before: Tensor, traces: Traces) -> Tensor:
    """Return the mask of the tokens (N, T) that count; raise InvalidReward if a shape does not fit."""
    mask = torch.ones_like(before) if traces.mask is None else traces.mask
    if before.ndim != 2 or len(before) != traces.answers.numel() or mask.shape != before.shape:
        raise InvalidReward(
            f"log-probabilities of shape {tuple(before.shape)}, mask of shape {tuple(mask.shape)} for "
            f"{traces.answers.numel()} completions: expected (N, T) for both"
        )
    return mask.to(before.device).bool()


def _checked(rewards: Tensor, centred: Tensor, traces: Traces) -> Tensor:
    """Return the advantages of the batch as (N, 1); raise InvalidReward unless they fit and are finite."""
    shape = traces.answers.shape
    if rewards.shape != shape or centred.shape != shape:
        raise InvalidReward(
            f"rewards {tuple(rewards.shape)}, advantages {tuple(centred.shape)}: expected the shape "
            f"{tuple(shape)} of the answers"
        )
    if not torch.isfinite(centred).all():
        raise InvalidReward(
            "an advantage is nan or infinite: expected finite ones; leave completions without reward out "
            "(nan, with the functions of polyest.advantages), and give the others finite rewards"
        )
    return centred.reshape(-1, 1)
