"""The project's `kedro run`: a refusal is one sentence, not a traceback."""

from collections.abc import Callable
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DatasetError

from motiongrpo.errors import InputError


@click.group(name="motiongrpo")
def cli() -> None:
    """Commands of the project."""


class OneSentence(click.Command):
    """Turns an InputError, however deep, into one line and exit code 1; `--verbose` shows all of it."""

    def __init__(self, name: str, callback: Callable[..., Any] | None, params: list[click.Parameter]) -> None:
        verbose = click.Option(["--verbose", "-v"], is_flag=True, help="Show the traceback of a refusal.")
        super().__init__(name, callback=callback, params=[*params, verbose], help=kedro_run.help)

    def invoke(self, ctx: click.Context) -> Any:
        verbose = ctx.params.pop("verbose")
        try:
            return super().invoke(ctx)
        except (InputError, DatasetError) as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, InputError):
                cause = cause.__cause__
            if cause is None or verbose:
                raise
            raise click.ClickException(str(cause)) from error


run = OneSentence("run", kedro_run.callback, kedro_run.params)
cli.add_command(run)
