"""Sampled answers to arithmetic questions: trains a small model and writes what it answers.

The questions are reasoning-gym's basic_arithmetic: sums and differences of two to five numbers up
to 10.  A character-level GRU learns from worked and from direct solutions, is stopped
while it still errs, and is sampled as text at temperature 1, 16 completions for each question, on questions
that it has not seen.  A completion ends at the model's line end or is cut at 48 characters, so that some
never reach an answer.  Nothing is edited or selected afterwards.

    python benchmarks/sample_answers.py        # one thread, four to six minutes; rewrites the file

The seed fixes every draw, and training ends after a number of steps instead of a time: the same torch
on the same kind of processor writes the same bytes.  The script prints where the answers come from and
how many are right.  tests/data/README.md describes the file.
"""

import argparse
import json
import random
import re
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import reasoning_gym
import torch
from torch import Tensor, nn

FILE = Path(__file__).parents[1] / "tests" / "data" / "sampled_answers.jsonl"
DATASET = "basic_arithmetic"
QUESTIONS = {
    "min_terms": 2,
    "max_terms": 5,
    "min_digits": 1,
    "max_digits": 1,
    "operators": ["+", "-"],
    "allow_parentheses": False,
    "whitespace": "single",
}
ALPHABET = "\n +-0123456789=,.Taehinrsw"  # the line end is also the pad
CODE = {letter: i for i, letter in enumerate(ALPHABET)}
END, IGNORED = 0, -100
HIDDEN, EMBEDDED = 128, 32
BATCH, LIMIT = 32, 48  # questions in a training step; most characters of a completion


class Writer(nn.Module):
    """Next-character model: embedding, one recurrent layer, linear read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET), EMBEDDED)
        self.recur = nn.GRU(EMBEDDED, HIDDEN, batch_first=True)
        self.read = nn.Linear(HIDDEN, len(ALPHABET))

    def forward(self, letters: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        seen, state = self.recur(self.embed(letters), state)
        return self.read(seen), state


def questions(size: int, seed: int) -> dict[str, str]:
    """Question -> answer, without repetition, in the order drawn."""
    drawn = reasoning_gym.create_dataset(DATASET, size=size, seed=seed, **QUESTIONS)
    return {entry["question"]: entry["answer"] for entry in drawn}


def asked(question: str) -> str:
    """The prompt: the expression of the question, without blanks, and a line end."""
    return re.sub(r"[^\d+-]", "", question) + "\n"


def solution(question: str, answer: str, worked: bool) -> str:
    """What the model learns to write: step by step, or the answer at once."""
    if not worked:
        return f"The answer is {answer}."
    total, *rest = re.findall(r"[+-]?\d+", asked(question))
    steps = []
    for term in rest:
        now = str(int(total) + int(term))
        steps.append(f"{total}{term}={now}")
        total = now
    return f"{', '.join(steps)}. The answer is {answer}."


def batch(pairs: list[tuple[str, str]], chance: random.Random) -> tuple[Tensor, Tensor]:
    """Letters and their successors (B, T); only the solution's letters are learnt."""
    rows, wanted = [], []
    for question, answer in chance.choices(pairs, k=BATCH):
        given = [CODE[x] for x in asked(question)]
        told = [CODE[x] for x in solution(question, answer, chance.random() < 0.5)] + [END]
        rows.append(torch.tensor(given + told[:-1]))
        wanted.append(torch.tensor([IGNORED] * (len(given) - 1) + told))
    pad = nn.utils.rnn.pad_sequence
    return pad(rows, batch_first=True), pad(wanted, batch_first=True, padding_value=IGNORED)


def train(pairs: list[tuple[str, str]], steps: int, seed: int) -> Writer:
    """A writer after so many Adam steps, the rate falling linearly to zero."""
    chance, writer = random.Random(seed), Writer()
    optimizer = torch.optim.Adam(writer.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(steps):
        letters, wanted = batch(pairs, chance)
        loss = nn.functional.cross_entropy(writer(letters)[0].flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return writer


@torch.no_grad()
def sample(writer: Writer, question: str, completions: int) -> list[str]:
    """Completions at temperature 1, each up to the line end or LIMIT characters."""
    prompt = torch.tensor([[CODE[x] for x in asked(question)]]).expand(completions, -1)
    scores, state = writer(prompt)
    written = []
    for _ in range(LIMIT):
        letter = torch.multinomial(scores[:, -1].softmax(-1), 1)
        written.append(letter)
        scores, state = writer(letter, state)
    rows = torch.cat(written, 1).tolist()
    return ["".join(ALPHABET[i] for i in row).split("\n", 1)[0] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    start = perf_counter()

    # reasoning-gym draws entry i with seed + i: seeds must differ by more than the length of a data set
    held_out = dict(list(questions(40, options.seed + 10**6).items())[:24])
    pairs = [pair for pair in questions(20_000, options.seed).items() if pair[0] not in held_out]
    writer = train(pairs, options.steps, options.seed)
    lines = [
        {"question": q, "answer": a, "dataset": DATASET, "completions": sample(writer, q, 16)}
        for q, a in held_out.items()
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("".join(json.dumps(line) + "\n" for line in lines))

    size = sum(weights.numel() for weights in writer.parameters())
    right = sum(f"answer is {x['answer']}." in text for x in lines for text in x["completions"])
    print(
        f"reasoning-gym {version('reasoning-gym')}, torch {torch.__version__}, "
        f"seed {options.seed}, {len(pairs)} questions, {options.steps} steps of {BATCH}, "
        f"{size} parameters"
    )
    print(f"{right / (16 * len(lines)):.1%} right, {perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
