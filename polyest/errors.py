"""The errors and warnings of polyest; each error is also a subclass of the builtin that fits it."""


class PolyestError(Exception):
    """Base class of polyest's errors; a message has the value, what was expected and what to do."""


class InvalidProblem(PolyestError, ValueError):
    """Raised when K, the target, the criterion, a budget or another keyword is invalid; correct it."""


class Unattainable(InvalidProblem):
    """Raised when no table meets the budget; use at least the value that the message names."""


class NotConverged(PolyestError, ArithmeticError):
    """Raised when a solver stops before it meets its tolerance; relax the budget or use another method."""


class NotProved(PolyestError, ArithmeticError):
    """Raised when ball arithmetic does not confirm a claim about a table; do not use that table."""


class PrecisionChanged(PolyestError, RuntimeError):
    """Raised when another thread changes python-flint's precision during a proof; stop it and prove again."""


class TableNotFound(PolyestError, LookupError):
    """Raised when no released table matches the keywords; choose a listed one, or solve for it."""


class CorruptTable(PolyestError, ValueError):
    """Raised when a table file is damaged or altered at the named line; restore the original file."""


class CorruptRows(PolyestError, ValueError):
    """Raised when no figure can be drawn from a file of measurements; make it anew as the message says."""


class FigureNotFound(PolyestError, LookupError):
    """Raised when a figure is unknown or there is no checkout; use a listed name inside a checkout."""


class CountOutOfRange(PolyestError, IndexError, ValueError):
    """Raised when a count is not an integer in 0..K or arrays of counts do not fit; correct the counts."""


class InvalidAnswer(PolyestError, ValueError):
    """Raised when a text, an answer key or an option for reading them is invalid; correct that argument."""


class Mismatch(PolyestError, ValueError):
    """Raised when a table does not fit a group and its baseline; use the sample size K that is named."""


class BrokenOrbit(PolyestError, ValueError):
    """Raised when the prompts of an orbit or their groups differ in size; correct the one that is named."""


class UnknownOption(PolyestError, TypeError):
    """Raised when a reward does not take a keyword; use one of those that the message lists."""


class BrokenBatch(PolyestError, ValueError):
    """Raised when a trainer's batch does not consist of the expected groups; correct the named rows."""


class MissingColumn(BrokenBatch, LookupError):
    """Raised when the dataset lacks a column; name one of the columns that the message lists."""


class InvalidReward(PolyestError, ValueError):
    """Raised when the arguments of a reward or an advantage give no finite number; correct them."""


class InvalidHistory(PolyestError, ValueError):
    """Raised when ids, a step or a state are not valid for a history of answers; correct the named one."""


class NotWrittenOut(PolyestError, AttributeError):
    """Raised when the entries of a universal table are requested as a list; look counts up instead."""


class CannotStore(PolyestError, OSError):
    """Raised when a file cannot be written or belongs to another sweep; wait, or use another path."""


class Unreachable(PolyestError, ConnectionError):
    """Raised when no scheduler answers at the address; start one there, or correct the address."""


class WorkerLost(PolyestError, RuntimeError):
    """Raised when a worker process ended before its work was done; run the same command again."""


class InvalidGame(PolyestError, ValueError):
    """Raised when a policy, a reference or a goal of a game is not valid; correct that argument."""


class NotConvex(InvalidGame):
    """Raised when a generator is not strictly convex on [0, 1] at the named place; use one that is."""


class Infeasible(InvalidGame):
    """Raised when the safety budgets of a game cannot be met; raise those that are named."""


class NotInstalled(PolyestError, ImportError):
    """Raised when an optional dependency is missing; install it with the command in the message."""


class MissingModule(PolyestError, AttributeError):
    """Raised when an attribute is a module whose extra is not installed; run the command in the message."""


class UnsupportedVersion(PolyestError, ImportError):
    """Raised when the installed version of a trainer is not supported; install one that is named."""


class RuinedByRounding(UserWarning):
    """Warns that rounding to a grid more than doubled the bias of a table; use a finer grid."""


class ScaleLost(UserWarning):
    """Warns that an advantage does not depend on the scale of the reward, so that beta has no effect."""


class AnotherObjective(UserWarning):
    """Warns that an option of the trainer makes it optimise something else; change that option."""


class RightPaidLess(UserWarning):
    """Warns that a right answer can earn less than a wrong one; give the bonus that is named."""


class UnevenGate(UserWarning):
    """Warns that completions of one answer are both right and wrong; let `where` depend on the answer."""


class PartialCredit(UserWarning):
    """Warns that a score between 0 and 1 was rounded, as an answer is right or not; give 0 or 1."""


class UnreadableLabel(UserWarning):
    """Warns that a right answer in the dataset cannot be read; correct or drop the row that is named."""


class NotRegistered(UserWarning):
    """Warns that a trainer's advantage estimators could not be registered; the message says why."""


class StartedAgain(UserWarning):
    """Warns that a multiplier or a history is empty although training resumes; restore its state."""


class DelayedFeedback(UserWarning):
    """Warns that a reward depends on much earlier policies through a history; use visits=1 or "auto"."""


class WorkerReplaced(UserWarning):
    """Warns that a process died and that its work was started again; you need not do anything."""


class NotPromised(UserWarning):
    """Warns that something cannot be guaranteed, such as a lock or exact sums; the message says what."""


class EqualsOnlyItself(UserWarning):
    """Warns that an answer is too long or too large to compare by value; it equals only the same text."""
