"""The estimators in common use that have a formula, as tables that are certified like the others.

A table has the entries c_0..c_K and is looked up at a count X ~ Binomial(K, p).  Let j = X+1 of N = K+1
completions, among them the rewarded one, have the same answer.  Every entropy estimator sum_z a_{n_z} with
a_0 = 0, where n_z is the count of the answer z, is then a table,

    c_{j-1} = -a_j N/j,        E sum_z a_{n_z} = -sum_z p_z P(p_z),

because p B_{j-1,K}(p) = (j/N) B_{j,N}(p).  H_X denotes the harmonic numbers.

    log_count       log(j/N)
    log_smoothed    log(max(X, 1/2)/K)
    miller_madow    log(j/N) - (1 - j/N)/(2j)
    taylor          log(x/K) + (1 - x/K)/(2x), x = max(X, 1/2)
    harmonic        H_X - H_K, the estimator of Zhang and the digamma estimator
    jackknife       a_j = N h(j,N) - ((N-1)/N) (j h(j-1,N-1) + (N-j) h(j,N-1))
    schuermann      log xi - H_K + sum_{i<=X} (1 - (-T)^i)/i, T = 1/xi - 1
    polynomial      U-statistics, which are unbiased and exist up to degree K
    pass_at         the U-statistic of 1 - (1-p)^k
    split           the mean of a small table over blocks of the draws, given the count
    subsets         the same over all subsets of as many draws as it has

Every stored entry is the correctly rounded value of its formula (closed_forms/entries.py).  The
certificate is about the stored entries, and is proved when it is first requested.
"""

from polyest.closed_forms.logarithms import (
    LOGS,
    SCHUERMANN_XI,
    harmonic,
    jackknife,
    log_count,
    log_smoothed,
    miller_madow,
    schuermann,
    taylor,
)
from polyest.closed_forms.logarithms import harmonic_entries as harmonic_entries
from polyest.closed_forms.u_statistics import pass_at, polynomial, split, subsets

__all__ = [
    "LOGS",
    "SCHUERMANN_XI",
    "harmonic",
    "jackknife",
    "log_count",
    "log_smoothed",
    "miller_madow",
    "pass_at",
    "polynomial",
    "schuermann",
    "split",
    "subsets",
    "taylor",
]
FORMS = {"log": LOGS}  # the closed forms that take K alone, by target
