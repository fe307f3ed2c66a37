"""The project's `kedro run`: a refusal is one sentence, not a traceback."""

from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import KedroCliError
from kedro.io import DatasetError

from motiongrpo.errors import InputError


@click.group(name="motiongrpo")
def cli() -> None:
    """Commands of the project."""


class OneSentence(click.Command):
    """Turns an InputError, however deep, into one line and exit code 1; `kedro --verbose` shows all of it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (InputError, DatasetError) as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, InputError):
                cause = cause.__cause__
            if cause is None or KedroCliError.VERBOSE_ERROR:
                raise
            raise click.ClickException(str(cause)) from error


run = OneSentence(name="run", callback=kedro_run.callback, params=kedro_run.params, help=kedro_run.help)
cli.add_command(run)
