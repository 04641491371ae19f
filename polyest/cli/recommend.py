"""This module is `polyest recommend`, which says which released table to use with each kind of trainer."""

import click

from polyest.cli import options
from polyest.cli.terminal import Helping, print_lines, progress, say


@click.command(
    "recommend",
    cls=Helping,
    examples=(
        ("8 prompts per step, 16 completions each", "polyest recommend --group 16 --prompts 8"),
        (
            "the same with 16 earlier completions of each prompt",
            "polyest recommend --group 16 --prompts 8 --history 16",
        ),
        ("as JSON for other programs", "polyest recommend --group 16 --prompts 8 --json"),
    ),
)
@click.option(
    "--group", type=int, metavar="G", required=True, help="Number of completions per prompt."
)
@click.option(
    "--prompts",
    type=int,
    metavar="N",
    required=True,
    help="Number of prompts whose gradients are averaged in a step.",
)
@click.option(
    "--history",
    type=int,
    metavar="W",
    default=0,
    show_default=True,
    help="Number of earlier completions of each prompt that are counted too.",
)
@click.option(
    "--steps",
    type=int,
    metavar="N",
    default=200,
    show_default=True,
    help="Steps of the training.",
)
@click.option(
    "--standardised",
    is_flag=True,
    help="The trainer divides by the standard deviation of a group, as GRPO does by default.",
)
@click.option(
    "--one-prompt",
    is_flag=True,
    help="All groups of a step answer the same prompt; --prompts is their number.",
)
@options.as_json
def command(
    group: int,
    prompts: int,
    history: int,
    steps: int,
    standardised: bool,
    one_prompt: bool,
    as_json: bool,
) -> None:
    """Say which table to use.

    The page recommends one table for a trainer that subtracts the group mean and one for a trainer that
    does not.  The recommended table has the least gradient error, bias and noise together, after averaging.
    What the runner-up would cost, and the error of the plug-in log, log(count/G), are shown for comparison.

    With --history K is larger by the number of earlier completions.  The proved bias then holds if the
    policy has not changed since; the page says how much bias a change adds.
    """
    from functools import partial

    from polyest.cli.objects import object_line
    from polyest.cli.pages.recommendation import recommendation_page, recommendation_record
    from polyest.errors import CountOutOfRange
    from polyest.gradients import BASELINES
    from polyest.recommendation import recommend

    advise = partial(
        recommend,
        history=history,
        steps=steps,
        standardised=standardised,
        one_prompt=one_prompt,
    )
    recommendations, remark, baselines = [], "", BASELINES[::-1]
    with progress("baselines") as update:
        for done, baseline in enumerate(baselines):
            update(done, len(baselines))
            try:
                recommendations.append(advise(group, prompts, baseline))
            except CountOutOfRange as error:
                if not recommendations:
                    raise
                remark = str(error)
    for recommendation in recommendations[::-1]:
        if as_json:
            print_lines([object_line(recommendation_record(recommendation))])
        else:
            print_lines(recommendation_page(recommendation))
    if remark:
        say(f"warning: {remark}")
