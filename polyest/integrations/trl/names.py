"""The name of a reward, under which a trainer logs it: its form, and settings that are not the defaults."""

from collections.abc import Mapping

from polyest.integrations.reader import KIND, word
from polyest.integrations.trl.rows import GROUP, Reading
from polyest.rewards.registry import REWARDS, UNANSWERED


def name_of(form: str, settings: Mapping[str, object], reading: Reading) -> str:
    """The form and all settings that are not the defaults, joined by hyphens."""
    usual = {
        "beta": 1.0,
        "bonus": 0.0,
        "dyadic": True,
        "unanswered": UNANSWERED,
        **REWARDS[form].options,
    }
    parts = [
        f"{key}{word(value)}"
        for key, value in sorted(settings.items())
        if value is not (but := usual.get(key)) and value != but
    ]
    reader = reading.reader
    read_by = {
        "column": (reading.group or GROUP, GROUP),
        "orbit": (reading.orbit or "orbit_id", "orbit_id"),
        "size": (reading.orbit_size, 0),
        "kind": (reader.kind, KIND),
        "equivalence": (reader.equivalence, None),
        **{name: (value, None) for name, value in reader.options.items()},
        "end": (reading.end_token, None),
        "G": (reading.num_generations, None),
        "gather": (reading.gather, "auto"),
        "broken": (reading.broken, "raise"),
        "truth": (reading.truth or "answer", "answer") if not reading.gated else (None, None),
        "where": ((reading.truth or reading.judge) if reading.gated else None, None),
        "prior": (reading.prior, None),
    }
    parts += [f"{key}{word(value)}" for key, (value, but) in read_by.items() if value != but]
    return "-".join([form, *parts])
