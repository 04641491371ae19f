"""Two visits of a prompt under the harmonic table, c_k = H_k - H_K, computed by hand."""

import numpy as np

HARMONIC = {"table": "harmonic"}
MONDAY, FRIDAY = ["7", "so 7", "7.0", "3"], ["7", "7", "5", "3"]
# Of Friday beside Monday: K = 6, M + X - 1 = 4, 4, 0, 1, so c is -11/30 twice, -49/20 and -29/20.
EARNED = np.array([-11 / 30, -11 / 30, -49 / 20, -29 / 20])
ALONE = np.array([-1 / 2, -1 / 2, -3 / 2, -3 / 2])  # K = 2
CLOSE = {"abs": 2**-13}  # of the dyadic grid
FIRST = np.array([0.375, 0.375, 0.375, -1.125])  # Monday's advantages, K = 2
