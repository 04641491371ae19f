"""What users see of targets: `polyest.Target`, with which they make one of a formula of their own.

Every target is an instance.  What a target says of its phi is in target.py.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from polyest.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Target(Record):
    """What a table estimates: a function phi of an answer's probability p, in the place of its name.

    `polyest.solve` and `polyest.load` take a target or its name, such as "log" or "tsallis:0.5".

    Examples
    --------
    >>> from polyest.functions import sqrt
    >>> Target.custom(lambda p: 1 / sqrt(p + 0.01), name="floored").name
    'floored'
    """

    @classmethod
    def custom(cls, phi: "Callable[[Any], Any] | str", name: str | None = None) -> "Any":
        """Return the target of a function of p, or of an expression, solved and certified like others.

        Parameters
        ----------
        phi : callable or str
            A formula of p, made of + - * / ** and the functions of `polyest.functions`, or its expression,
            such as "1/sqrt(p+0.01)".  It has to be finite and smooth on (0, 1], and p phi(p) has to vanish
            at 0.
        name : str or None
            The name of a function's target; that of the function where none is given.

        Returns
        -------
        Target
            The target.  A table of an expression can be written to a file, one of a function cannot.

        Raises
        ------
        InvalidProblem
            If phi is not a formula of p, or is not finite on (0, 1].
        NotProved
            If phi is not proved to be smooth on (0, 1], or p phi(p) to vanish at 0.

        Examples
        --------
        >>> from polyest.functions import sqrt
        >>> Target.custom(lambda p: 1 / sqrt(p + 0.01), name="floored").name
        'floored'
        >>> Target.custom("(p + 0.01)**-0.5").name
        'custom:1/sqrt(p+0.01)'
        """
        return import_module("polyest.problem.targets.custom").custom(phi, name)
