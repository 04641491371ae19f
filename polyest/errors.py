"""What can go wrong, by name; each error is also the builtin a caller would expect."""


class PolyestError(Exception):
    """Base of every error that polyest raises on purpose: value, expectation, repair."""


class InvalidProblem(PolyestError, ValueError):
    """A problem that cannot be posed: K, target, criterion or budget is not acceptable."""


class Unattainable(InvalidProblem):
    """A budget below what any table attains; the message says what is attainable."""


class NotConverged(PolyestError, ArithmeticError):
    """A solver stopped short of its tolerance; the message says what it reached."""


class NotProved(PolyestError, ArithmeticError):
    """A claim about a table that ball arithmetic does not confirm."""


class PrecisionChanged(PolyestError, RuntimeError):
    """Another thread changed the precision of python-flint; no claim was made, none is denied."""


class TableNotFound(PolyestError, LookupError):
    """No released table answers these keywords; the message lists what exists."""


class CorruptTable(PolyestError, ValueError):
    """A table file that is not what was released; the message names file and line."""


class CorruptRows(PolyestError, ValueError):
    """A file of measurements that no figure can be drawn from; the message names file and line."""


class FigureNotFound(PolyestError, LookupError):
    """No figure of this name, or no checkout to draw it in; the message lists what exists."""


class CountOutOfRange(PolyestError, IndexError, ValueError):
    """A count that is no integer in 0..K, or counts that do not fit together."""


class InvalidAnswer(PolyestError, ValueError):
    """A text or key that no answer can be read from: of the wrong type or an unknown kind."""


class Mismatch(PolyestError, ValueError):
    """A table, a baseline and counts that do not belong together: their numbers of draws differ."""


class BrokenOrbit(PolyestError, ValueError):
    """Prompts of an orbit, or their groups, that do not fit together; the message names one."""


class UnknownOption(PolyestError, TypeError):
    """A keyword that a reward does not know, or has no use for; the message lists those it takes."""


class BrokenBatch(PolyestError, ValueError):
    """Rows of a trainer's batch that are not the groups they should be; the message names some."""


class MissingColumn(BrokenBatch, LookupError):
    """A column that the dataset does not have; the message lists those that it has."""


class InvalidReward(PolyestError, ValueError):
    """Arguments of a reward or an advantage that give no finite number."""


class NotWrittenOut(PolyestError, AttributeError):
    """A list of coefficients that a table for any K does not have; look counts up."""


class CannotStore(PolyestError, OSError):
    """A place that takes no tables: it cannot be written, is in use, or holds something else."""


class Unreachable(PolyestError, ConnectionError):
    """A scheduler that does not answer; the message has its address."""


class WorkerLost(PolyestError, RuntimeError):
    """Work that no worker brought to an end; the message says what is left of it."""


class InvalidGame(PolyestError, ValueError):
    """A game that cannot be played: a policy, a reference or a goal is not acceptable."""


class NotConvex(InvalidGame):
    """A generator that is not strictly convex on [0, 1]; the message names the place."""


class Infeasible(InvalidGame):
    """A safe set that no policy of the game reaches; the message has the least cost there is."""


class NotInstalled(PolyestError, ImportError):
    """An extra that is needed and not there; the message has the command that installs it."""


class MissingModule(PolyestError, AttributeError):
    """A module whose extra is not installed, asked for as an attribute; the message has the command."""


class UnsupportedVersion(PolyestError, ImportError):
    """A trainer in a version that does not work; the message says which ones do."""


class RuinedByRounding(UserWarning):
    """A table that rounding makes much worse; the message has its bias before and after."""


class ScaleLost(UserWarning):
    """An advantage that does not depend on the size of the reward, and hence not on beta."""


class AnotherObjective(UserWarning):
    """A switch of a trainer under which what is climbed is not the reward; the message names it."""


class UnreadableLabel(UserWarning):
    """A right answer that cannot be read; the message has its column and value."""


class NotRegistered(UserWarning):
    """Estimators that a trainer asked for and does not get; the message says why."""


class StartedAgain(UserWarning):
    """A multiplier that begins at its start although training is resumed."""


class WorkerReplaced(UserWarning):
    """A process that died and whose work was begun again."""


class NotPromised(UserWarning):
    """A file that is written, on storage that does less than others; the message says what is missing."""


class EqualsOnlyItself(UserWarning):
    """An answer that is too long or too large to be compared with others by its value."""
