"""The earlier visits of every prompt, so that a reward counts more completions than its group has.

M of W earlier completions of a prompt have the answer z.  Under a group mean c[M + X - 1] is exactly the
table of K = W + G - 2 draws, if the policy has not moved (docs/howto/history.md).  That needs:

    * a group is recorded after it was rewarded, never before: its own draws would count twice;
    * every group that was drawn is recorded, also those that a trainer drops;
    * neither W nor what is forgotten depends on the counts that are looked at: bounds are numbers of
      prompts, visits and completions, and visits="auto" decides by other prompts;
    * the id of an answer is the same in every batch.
"""

from collections.abc import Callable, Sequence
from typing import Literal, SupportsIndex
from warnings import warn

import numpy as np

from polyest import tallies
from polyest.arrays import Array, Bools, Ints
from polyest.errors import DelayedFeedback, InvalidHistory
from polyest.history import drift
from polyest.history.batch import fresh, one_prompt_each, visits_of
from polyest.history.delay import stable_gain
from polyest.history.ids import NONE, Name, check_names, check_stable, host_answers, names_of
from polyest.history.state import State, packed, unpacked
from polyest.history.visits import Made, Visits
from polyest.tallies import NO_ANSWER
from polyest.values import shown, whole

AUTO = 8  # the most visits that "auto" looks back at
MOST = 64  # visits
LARGEST = 2**31  # prompts, and answers of a visit


class History:
    """Keep the answers of the last visits of every prompt, for rewards that count them too.

        reward c[M + X - 1],    K = W + G - 2 under a group mean,    M the count among W earlier completions

    What is proved of the table holds for a policy that has not moved since those visits.  A reward never
    changes the history; `record` does, once the group has its reward.

    Parameters
    ----------
    visits : int or "auto"
        How many of the last visits of a prompt are looked at, 1 to 64.  More than one is a delayed feedback
        (`stable_gain`).  "auto" looks at 0 to 8 by the drift of other prompts, at none until that is known.
    prompts : int
        The most prompts that are kept; the least recently seen ones go first.
    answers : int
        The most completions of a visit that are kept, the first ones.
    stable_ids : bool
        The caller's word that ids of answers mean the same in every batch, where they are small integers.

    Raises
    ------
    InvalidHistory
        If an argument is not valid.

    Warns
    -----
    DelayedFeedback
        If `visits` is above 1.

    Examples
    --------
    >>> from polyest import rewards
    >>> past = History(stable_ids=True)
    >>> group = [[7, 7, 7, 3]]
    >>> rewards.log_probability(group, table="harmonic", history=past, prompts=["2+5"]).tolist()  # K = 2
    [[0.0, 0.0, 0.0, -1.5]]
    >>> past.record(group, prompts=["2+5"])
    >>> new = rewards.log_probability([[7, 7, 5, 3]], table="harmonic", history=past, prompts=["2+5"])
    >>> new.round(3).tolist()  # K = 6, M + X - 1 = 4, 0 and 1
    [[-0.367, -0.367, -2.45, -1.45]]
    """

    def __init__(
        self,
        visits: SupportsIndex | Literal["auto"] = 1,
        *,
        prompts: int = 100_000,
        answers: int = 1024,
        stable_ids: bool = False,
    ) -> None:
        """An empty history."""
        self.auto = isinstance(visits, str) and visits == "auto"
        if not self.auto and not whole(visits, 1, MOST):
            raise InvalidHistory(
                f'visits is {shown(visits)}: expected "auto" or an integer from 1 to {MOST}; leave the '
                "history out to look back at none"
            )
        for name, bound in (("prompts", prompts), ("answers", answers)):
            if not whole(bound, 1, LARGEST):
                raise InvalidHistory(
                    f"{name} is {shown(bound)}: expected an integer from 1 to {LARGEST}"
                )
        if not isinstance(stable_ids, bool):
            raise InvalidHistory(f"stable_ids is {shown(stable_ids)}: expected True or False")
        self.visits = AUTO if self.auto else int(visits)
        if self.visits > 1 and not self.auto:
            warn(
                DelayedFeedback(
                    f"visits is {self.visits}: rewards pay for what the policy was up to {self.visits} "
                    f"visits ago, and updates of a gain above {stable_gain(self.visits):.2g} (2 for "
                    'visits=1) make it swing; use visits=1 or "auto" unless it hardly moves between visits'
                ),
                stacklevel=2,
            )
        self.answers, self.stable_ids = int(answers), stable_ids
        self.reads: str | None = None  # how answers were read, where an integration says so
        self.step = -1
        self._kept = Visits(self.visits, int(prompts), int(answers))

    def __repr__(self) -> str:
        looks = "auto" if self.auto else self.visits
        return f"<History of {self._kept.known()} prompts, visits={looks!r}>"

    def record(
        self,
        answers: Array,
        *,
        prompts: Sequence[Name] | Array,
        step: SupportsIndex | None = None,
        no_answer: int = NO_ANSWER,
    ) -> None:
        """Keep a batch, once it has its rewards; nothing is kept of a batch that raises an error.

        A pair of a prompt and a step counts once, however often it is recorded.  Every process records the
        whole batch, as `gathering.whole` gives it, and never that of an evaluation.

        Parameters
        ----------
        answers : integer Array (prompts, G) or (N,)
            The answers of all groups that were drawn, also those that are not trained on.
        prompts : sequence of int or str
            The id of the prompt of each row, (prompts,), or of each completion, (N,), where answers are flat.
            All completions of a flat batch with one id are one visit.
        step : int or None
            The number of the step, at least 0, not below the last one of a prompt; None for the next one.
        no_answer : int
            The integer that marks a completion without an answer.

        Raises
        ------
        CountOutOfRange
            If answers are not integers.
        InvalidHistory
            If ids of prompts are missing, or do not fit, ids of answers seem to be numbered anew for the
            batch, a prompt has two contents at one step, or steps go back.
        """
        if step is None:
            number = self.step + 1
        elif whole(step, 0):
            number = int(step)
        else:
            raise InvalidHistory(
                f"step is {shown(step)}: expected an integer of at least 0, or None"
            )
        drawn = host_answers(answers, no_answer)
        each = names_of(prompts, len(drawn))
        check_names(each)
        names, made = visits_of(drawn, each, self._kept.most)
        if not self.stable_ids:
            check_stable(drawn)
        if len(names) > self._kept.prompts:
            raise InvalidHistory(
                f"a batch of {len(names)} prompts: expected at most {self._kept.prompts}; raise prompts= of "
                "the history"
            )
        new = fresh(self._kept, names, made.contents, number)
        if not len(new):
            return
        names, made = [names[i] for i in new.tolist()], Made(*(array[new] for array in made))
        slots = self._kept.found(names)
        then, W = self._kept.answers[slots, 0], self._kept.sizes[slots, 0]
        pairs = drift.pairs_of(made.answers, made.sizes, then, W)
        at = self._kept.add(names, made, number)
        self._kept.pairs[at] = pairs
        self.step = max(self.step, number)

    def counted(
        self,
        answers: Array,
        prompts: Sequence[Name] | Array,
        *,
        groups: Array | None = None,
        no_answer: int = NO_ANSWER,
        fits: Callable[[Ints], Bools] | None = None,
    ) -> tuple[Ints, int | Ints]:
        """Count answers among earlier completions of their prompts, as `counts.in_group` takes it.

        Parameters
        ----------
        answers : integer Array (prompts, G) or (N,)
            The answer of each completion: (N,) with `groups`.
        prompts : sequence of int or str
            The id of the prompt of each row, (prompts,), or of each completion, (N,).
        groups : integer Array (N,) or None
            The id of each completion's group.
        no_answer : int
            The integer that marks a completion without an answer.
        fits : callable or None
            Which numbers W, an int64 array (rows, windows), have a table; "auto" looks at no others.

        Returns
        -------
        times : int64 array
            How often each answer occurs among earlier completions, M, in the shape of the answers.
        earlier : int or int64 array
            The number of those, W: (prompts, 1) or (N,) where prompts have different ones.

        Raises
        ------
        CountOutOfRange
            If answers are not integers.
        InvalidHistory
            If ids of prompts are missing or do not fit, or ids of answers seem to be numbered anew for the
            batch.

        Examples
        --------
        >>> past = History(stable_ids=True)
        >>> past.record([[7, 7, 3]], prompts=["a"])
        >>> [M.tolist() for M in past.counted([[7, 5], [7, 3]], ["a", "b"])]
        [[[2, 0], [0, 0]], [[3], [0]]]
        """
        drawn = host_answers(answers, no_answer)
        pool, W = self._earlier(drawn, prompts, groups, fits)
        table = drawn if drawn.ndim == 2 else drawn[:, None]
        times = tallies.in_pool(np, table, pool).reshape(drawn.shape)
        if drawn.min() == NONE:
            times = np.where(drawn == NONE, 0, times)
        return times, W if drawn.ndim == 2 or isinstance(W, int) else W[:, 0]

    def earlier(
        self,
        answers: Array,
        prompts: Sequence[Name] | Array,
        *,
        no_answer: int = NO_ANSWER,
        fits: Callable[[Ints], Bools] | None = None,
    ) -> tallies.Pool:
        """Give the earlier completions that `counted` counts, so that both counts take one pass.

        Parameters
        ----------
        answers : integer Array (prompts, G)
            The answer of each completion.
        prompts : sequence of int or str
            The id of the prompt of each row.
        no_answer : int
            The integer that marks a completion without an answer.
        fits : callable or None
            As of `counted`.

        Returns
        -------
        Pool
            A pair, as `counts.in_group` takes it too: their answers, int64 (prompts, m), filled up with
            -2^63, which is none; and their number W, int or int64 (prompts, 1).

        Raises
        ------
        CountOutOfRange
            If answers are not integers.
        InvalidHistory
            As `counted` does.

        Examples
        --------
        >>> past = History(stable_ids=True)
        >>> past.record([[7, 7, 3]], prompts=["a"])
        >>> past.earlier([[7, 5]], ["a"])
        Pool(answers=array([[7, 7, 3]]), number=3)
        """
        return self._earlier(host_answers(answers, no_answer), prompts, None, fits)

    def drift(self) -> float | None:
        """Estimate how far the policy moves between two visits of a prompt, relative to |p|^2.

            D = sum_x [U_G(n) + U_W(m) - 2 n.m/(G W)] / sum_x U_G(n), at least 0

        It is that of the last two visits of the 4096 prompts seen last.  The policy learned from the earlier
        visit, so that D is too large where rare answers are paid more and too small where frequent ones are:
        the smaller the share that one prompt has in a step, the less.

        Returns
        -------
        float or None
            The estimate D; None where no prompt was visited twice, or no answer drawn twice.

        Examples
        --------
        >>> past = History(stable_ids=True)
        >>> past.record([[7, 7, 3, 3]], prompts=[0])
        >>> past.record([[7, 7, 7, 3]], prompts=[0])
        >>> past.drift()  # 1/2 + 1/3 - 2 8/16 is below 0
        0.0
        """
        kept = self._kept
        return drift.ratio(kept.pairs[drift.recent(kept.pairs, kept.stamps, kept.clock)])

    def state_dict(self) -> State:
        """Give what a checkpoint keeps: texts, integers and lists, with a digest.

        Returns
        -------
        dict
            The state; it is equal in every process that recorded the same.
        """
        return packed(self._kept, self.step, self.reads)

    def load_state_dict(self, state: State) -> None:
        """Take up a state that was kept, in place of what is here; an error leaves that as it was.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave, of any number of processes.  Of more visits the newest are taken.

        Raises
        ------
        InvalidHistory
            If it is no state, was cut short or changed, is too large, or of answers that were read otherwise.
        """
        kept = Visits(self.visits, self._kept.prompts, self._kept.most)
        step, reads = unpacked(state, kept)
        if None not in (reads, self.reads) and reads != self.reads:
            raise InvalidHistory(
                f"state of answers that were read as {shown(reads)}, here {shown(self.reads)}: expected one "
                "way, as ids would mean something else; start with an empty history"
            )
        self._kept, self.step, self.reads = kept, step, reads or self.reads

    def read_as(self, reads: str) -> None:
        """Say how answers are read, which all rewards that share a history, and its states, have in common.

        Parameters
        ----------
        reads : str
            A description of the reader.

        Raises
        ------
        InvalidHistory
            If answers of this history are read in another way.
        """
        if self.reads not in (None, reads):
            raise InvalidHistory(
                f"a history of answers that are read as {shown(self.reads)}, beside {shown(reads)}: expected "
                "one way, as ids would mean something else; give each reader its own history"
            )
        self.reads = reads

    def _earlier(
        self, drawn: Ints, prompts: object, groups: Array, fits: Callable[[Ints], Bools] | None
    ) -> tallies.Pool:
        """Earlier completions of each row of answers."""
        names = names_of(prompts, len(drawn))
        if groups is not None:
            one_prompt_each(names, groups)
        if not self.stable_ids:
            check_stable(drawn)
        kept, slots = self._kept, self._kept.found(names)
        if slots.min() < 0:
            check_names([names[i] for i in np.flatnonzero(slots < 0).tolist()])
        pool, sizes = kept.answers.take(slots, 0), kept.sizes.take(slots, 0)
        if self.auto:
            beyond = np.arange(self.visits) >= self._windows(slots, drawn, fits)[:, None]
            pool, sizes = np.where(beyond[..., None], NONE, pool), np.where(beyond, 0, sizes)
        W = sizes.sum(1, keepdims=True)
        least = int(W.min())
        return tallies.Pool(pool.reshape(len(pool), -1), least if least == W.max() else W)

    def _windows(self, slots: Ints, answers: Ints, fits: Callable[[Ints], Bools] | None) -> Ints:
        """How many visits "auto" looks back at, for each row: sizes decide, and other prompts."""
        kept = self._kept
        read = drift.recent(kept.pairs, kept.stamps, kept.clock)
        group = answers.shape[1] if answers.ndim == 2 else int(kept.sizes[:, 0].max())
        best = drift.windows(kept.pairs, read, slots, max(group, 1), self.visits, kept.known())
        if fits is None:
            return best
        windows = np.arange(self.visits + 1)
        W = np.cumsum(np.pad(kept.sizes[slots], ((0, 0), (1, 0))), axis=1)
        allowed = (windows <= best[:, None]) & (fits(W) | (windows == 0))
        return np.asarray((windows * allowed).max(1))
