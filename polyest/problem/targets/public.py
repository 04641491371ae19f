"""This module has `polyest.Target`, with which users make a target of their own formula.

Every target is an instance of it.  The functions that a target defines for its phi are listed in target.py.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from polyest.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Target(Record):
    """A target: the function phi(p) of an answer's probability p that a table estimates.

    `polyest.solve` and `polyest.load` take a target or its name, such as "log" or "tsallis:0.5".

    Examples
    --------
    >>> from polyest.functions import sqrt
    >>> Target.custom(lambda p: 1 / sqrt(p + 0.01), name="floored").name
    'floored'
    """

    @classmethod
    def custom(cls, phi: "Callable[[Any], Any] | str", name: str | None = None) -> "Any":
        """Make a target of a formula of p, which is solved and certified like the others.

        Parameters
        ----------
        phi : callable or str
            A Python function of p that uses only + - * / ** and the functions of `polyest.functions`, or an
            expression such as "1/sqrt(p+0.01)".  It has to be finite and smooth on (0, 1], and p phi(p) has
            to vanish at 0.
        name : str or None
            The name of the target of a Python function; by default that of the function.

        Returns
        -------
        Target
            The target.  A table for an expression can be written to a file, one for a Python function
            cannot.

        Raises
        ------
        InvalidProblem
            If phi is not a formula of p, or is not finite on (0, 1].
        NotProved
            If it cannot be proved that phi is smooth on (0, 1] and that p phi(p) vanishes at 0.

        Examples
        --------
        >>> from polyest.functions import sqrt
        >>> Target.custom(lambda p: 1 / sqrt(p + 0.01), name="floored").name
        'floored'
        >>> Target.custom("(p + 0.01)**-0.5").name
        'custom:1/sqrt(p+0.01)'
        """
        return import_module("polyest.problem.targets.custom").custom(phi, name)
