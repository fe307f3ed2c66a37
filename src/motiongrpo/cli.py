"""Commands of the project: `run`, which is Kedro's, and what only `motiongrpo` has.

A refusal is one sentence, not a traceback; `--verbose` shows all of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml
from kedro.framework.cli.project import run as kedro_run
from kedro.utils import find_kedro_project

from motiongrpo.commands import COMMANDS
from motiongrpo.config import nearest
from motiongrpo.hooks import all_pipelines
from motiongrpo.refusals import sentence_of


class OneSentence(click.Command):
    """Turns a refusal, however deep, into one line and exit code 1; `--verbose` shows all of it."""

    def __init__(self, *args: Any, params: Sequence[click.Parameter] = (), **kwargs: Any) -> None:
        verbose = click.Option(["--verbose", "-v"], is_flag=True, help="Show the traceback of a refusal.")
        super().__init__(*args, params=[*params, verbose], **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        verbose = ctx.params.pop("verbose")
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None or verbose:
                raise
            raise click.ClickException(sentence) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_commands(formatter)


class Run(OneSentence):
    """Kedro's `run`; names that do not exist are told before Kedro looks for them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except yaml.YAMLError as error:
            raise click.BadParameter(f"a value is not YAML: {' '.join(str(error).split())}") from error

    def invoke(self, ctx: click.Context) -> Any:
        pipelines = ctx.params.get("pipelines") or []
        for name in [*pipelines, *filter(None, [ctx.params.get("pipeline")])]:
            _demand_known("pipeline", name, ["__default__", *all_pipelines()])
        if not ctx.params.get("conf_source"):
            _demand_known("environment", ctx.params.get("env") or "base", _environments())
        return super().invoke(ctx)


class Commands(click.Group):
    """`motiongrpo --pipelines grpo` means `motiongrpo run --pipelines grpo`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_commands(formatter)


def write_commands(formatter: click.HelpFormatter) -> None:
    """What a user can do, in the words of the README."""
    with formatter.section("What you can do, in the project's folder"):
        for command, sentence in COMMANDS:
            formatter.write_text(click.style(command, bold=True))
            with formatter.indentation():
                formatter.write_text(f"{sentence[0].upper()}{sentence[1:]}.")


def _environments() -> list[str]:
    conf = (find_kedro_project(Path.cwd()) or Path.cwd()) / "conf"
    if not (conf / "base").is_dir():
        raise click.ClickException(
            f"there is no project here: '{conf / 'base'}' is missing; go to the project's folder first"
        )
    return [path.name for path in conf.iterdir() if path.is_dir()]


def _demand_known(what: str, name: str, valid: list[str]) -> None:
    if name not in valid:
        raise click.ClickException(f"there is no {what} '{name}'; {nearest(name, valid)}")


@click.group(name="motiongrpo", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Recovers a moving 3D body from the path of a headset.

    `motiongrpo run` is `kedro run`, and `run` may be left out before an option: motiongrpo --pipelines grpo.
    """


run = Run(
    "run",
    callback=kedro_run.callback,
    params=kedro_run.params,
    help="Run pipelines on what is in conf/ and data/; without --pipelines, the whole chain.",
)
cli.add_command(run)
