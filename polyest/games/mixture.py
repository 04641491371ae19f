"""This module defines a mixture, a reward that combines functions of an answer's probabilities for all
prompts.

    diversity -log nu                    mixing -1, offset 0
    targeted exploration log(Q/nu)       mixing -1, offset log Q
    log of a geometric mean              mixing the weights of an orbit: one look-up for each member

Each of these can be computed from probabilities, and estimated with a table of counts.
"""

from dataclasses import dataclass

import numpy as np

from polyest.arrays import Floats
from polyest.games.bregman import LEAST
from polyest.problem.targets import LOG, Target


@dataclass(frozen=True, eq=False)
class Mixture:
    """A reward of answers that combines functions of their probabilities for all prompts.

        r_x(z) = offset_xz + sum_j mixing_xj phi(nu_j(z))

    Parameters
    ----------
    mixing : float64 array (prompts, prompts)
        The weights of the functions.
    offset : float64 array (prompts, answers)
        The numbers that are added.
    target : Target
        The function phi, by default the log.
    """

    mixing: Floats
    offset: Floats
    target: Target = LOG

    def exact(self, nu: Floats) -> Floats:
        """Return the exact rewards for given answer distributions.

            r_x(z) = offset_xz + sum_j mixing_xj phi(nu_j(z))

        Parameters
        ----------
        nu : float64 array (prompts, answers)
            Answer distributions; a probability of 0 is treated as 1e-300.

        Returns
        -------
        float64 array (prompts, answers)
            The rewards.
        """
        return self.of(self.target.phi(np.maximum(nu, LEAST)))

    def of(self, phi: Floats) -> Floats:
        """Return the rewards for values of phi, or for estimates of them.

        Parameters
        ----------
        phi : float64 array (prompts, answers)
            Values of phi, or estimates of them.

        Returns
        -------
        float64 array (prompts, answers)
            The rewards.
        """
        return np.asarray(self.mixing @ phi + self.offset)
