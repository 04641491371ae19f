"""Write the prompts of this example, which have many right answers each: python examples/verl/data.py."""

from pathlib import Path

FOLDER = Path(__file__).parent / "data"
TEST = range(5, 26, 5)  # divisors that are not trained on
TRAIN = [divisor for divisor in range(2, 26) if divisor not in TEST]
WORDINGS = (
    "Name a multiple of {divisor} between 1 and 100.",
    "Which number up to 100 can be divided by {divisor}? Choose one.",
    "Give me any positive number that is at most 100 and divisible by {divisor}.",
    "Choose a number between 1 and 100 that {divisor} divides.",
)
ORDER = " End your answer with the number."


def rows(divisors):
    """A row for each divisor and wording, as verl's datasets have them."""
    pairs = [(divisor, wording) for divisor in divisors for wording in WORDINGS]
    return [
        {
            "data_source": "multiples",
            "prompt": [{"role": "user", "content": wording.format(divisor=divisor) + ORDER}],
            "reward_model": {"style": "rule", "ground_truth": str(divisor)},
            "extra_info": {"index": index},
        }
        for index, (divisor, wording) in enumerate(pairs)
    ]


def main():
    """Write the training and the test prompts."""
    import pandas  # verl needs it too

    FOLDER.mkdir(exist_ok=True)
    for name, divisors in (("train", TRAIN), ("test", TEST)):
        pandas.DataFrame(rows(divisors)).to_parquet(FOLDER / f"{name}.parquet")


if __name__ == "__main__":
    main()
