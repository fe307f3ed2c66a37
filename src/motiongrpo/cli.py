"""Commands of the project: `run`, which is Kedro's with clearer refusals; `recover` and `view`, ours.

Imports here delay even `--help`, so torch is imported by the commands that need it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml
from kedro.framework.cli.project import run as kedro_run
from kedro.utils import find_kedro_project
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from motiongrpo.app.commands import COMMANDS
from motiongrpo.app.refusals import sentence_of
from motiongrpo.base.config import nearest
from motiongrpo.base.words import shown
from motiongrpo.pipeline_registry import pipeline_names

UNREADABLE = (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError, RecursionError)
"""Exceptions that Kedro does not catch where configuration is not YAML, or does not fit together."""


class OneSentence(click.Command):
    """A command that reports a refusal in one line with exit code 1; with `--verbose`, by its traceback."""

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


class Run(OneSentence):
    """Kedro's `run`; a pipeline or environment that does not exist is refused with the nearest valid name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except (yaml.YAMLError, OmegaConfBaseException) as error:
            raise click.BadParameter(f"a value is not YAML: {' '.join(str(error).split())}") from error
        except click.UsageError as error:
            item = re.search(r"`params` option: Item `(.*)` must", error.message, re.DOTALL)
            if item is None:
                raise
            raise click.UsageError(
                f"--params takes name=value, and commas part one from the next, got '{shown(item[1])}'; "
                "a list of several values goes into parameters.yml of an environment in conf/",
                ctx,
            ) from error

    def invoke(self, ctx: click.Context) -> Any:
        if not ctx.params.get("conf_source"):
            _demand_known("environment", ctx.params.get("env") or "base", _environments())
        _demand_plain(ctx.params.get("params") or {})
        pipelines = ctx.params.get("pipelines") or []
        for name in [*pipelines, *filter(None, [ctx.params.get("pipeline")])]:
            _demand_known("pipeline", name, pipeline_names())
        from motiongrpo.base.processes import run_once

        verbose = ctx.params["verbose"]
        try:
            return run_once(lambda: super(Run, self).invoke(ctx))
        except UNREADABLE as error:
            conf = Path(ctx.params.get("conf_source") or "conf")
            sentence = _fault_of_configuration(conf, ctx.params.get("env"), error)
            if sentence is None or verbose:
                raise
            raise click.ClickException(sentence) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_commands(formatter)


class Commands(click.Group):
    """The group of commands; where the first argument is an option, `run` is the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_commands(formatter)


def write_commands(formatter: click.HelpFormatter) -> None:
    """Write every command with its sentence."""
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


def _fault_of_configuration(conf: Path, env: str | None, error: Exception) -> str | None:
    """The sentence about a configuration file that is not YAML; None for a bug of the program."""
    for folder in filter(None, ("base", env or "local")):
        for path in sorted((conf / folder).rglob("*.yml")):
            try:
                OmegaConf.load(path)
            except (*UNREADABLE, OSError) as fault:
                return f"'{path}' cannot be read as YAML: {shown(str(fault), 160)}"
    if isinstance(error, OmegaConfBaseException | yaml.YAMLError):
        said = shown(str(error).partition("\n")[0], 160)
        return f"the parameters do not fit together: {said}; look at --params and '{conf}'"
    return None


def _demand_known(what: str, name: str, valid: list[str]) -> None:
    if name not in valid:
        raise click.ClickException(f"there is no {what} '{name}'; {nearest(name, valid)}")


def _demand_plain(given: dict[str, Any], below: str = "") -> None:
    """Refuse values that OmegaConf would interpolate."""
    for name, value in given.items():
        if isinstance(value, dict):
            _demand_plain(value, f"{below}{name}.")
        elif "${" in str(value):
            raise click.ClickException(
                f"--params takes values as they are, got {below}{name}={value}; write out what it stands for"
            )


def _plain(option: str, value: str) -> Any:
    """The value of an option, read as YAML."""
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError) as error:
        said = shown(str(error).partition("\n")[0], 120)
        raise click.BadParameter(f"'{shown(value)}' cannot be read ({said})", param_hint=option) from error


def _plain_path(path: Path) -> str:
    """The path as text; refused where OmegaConf would interpolate a part of it."""
    if "${" in str(path):
        raise click.BadParameter(f"a path must not hold '${{', got '{shown(str(path), 120)}'; rename it")
    return str(path)


@click.group(name="motiongrpo", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Recovers a moving 3D body from the path of a headset.

    `motiongrpo run` is `kedro run`, and `run` may be left out before an option: motiongrpo --pipelines grpo.
    """


run = Run(
    "run",
    callback=kedro_run.callback,
    params=kedro_run.params,
    help="Run pipelines with the parameters in conf/; without --pipelines, the whole chain.",
)
cli.add_command(run)


@cli.command(cls=OneSentence)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    help="The file's format, such as aria, openxr, tum or csv; recognised from its header if omitted.",
)
@click.option(
    "--axes",
    metavar="R,U,F",
    help="The axes that point right, up and forward of a level head, such as x,y,-z.",
)
@click.option("--unit", metavar="U", help="The unit of lengths in the file: m, cm or mm.")
@click.option("--to", metavar="KINDS", help="Formats of the body, with commas: bvh,glb,npz,parquet,mp4.")
@click.option(
    "--floor-m",
    metavar="M",
    help="Height of the floor in the file's world, in metres, such as -1.6; or estimate.",
)
@click.option(
    "--offset",
    metavar="O",
    help='Offset from the device to the eyes: 0, aria_gen1, or "[left,up,forward,w,x,y,z]", in metres.',
)
@click.option("--checkpoint", metavar="C", help="The model: policy, pretrained, or the path of a checkpoint.")
@click.option("--live", is_flag=True, help="Receive poses from a socket and show bodies in a browser.")
@click.option("--env", "-e", metavar="ENV", help="A configuration environment of conf/, such as mocap.")
@click.option("--params", metavar="P", help="Further parameters, as for run, such as run=NAME,threads=2.")
@click.pass_context
def recover(
    ctx: click.Context,
    file: Path | None,
    live: bool,
    env: str | None,
    params: str | None,
    **given: str | None,
) -> None:
    """Recover a moving body from a headset's recording, or from each one of a folder.

    The model is the run's policy or, without one, its pretrained denoiser. Results and a report are written
    to data/07_model_output/RUN/recovered. docs/recovery.md describes formats, repairs and refusals.
    """
    if (file is None) != live:
        raise click.UsageError("give a recording, a folder of them, or --live")
    named = {name.rstrip("_"): value for name, value in given.items() if value is not None}
    if "to" in named:
        named["to"] = f"[{named['to']}]"
    wanted = {name: _plain(f"--{name}", value) for name, value in named.items()}
    wanted |= {} if file is None else {"input": _plain_path(file.resolve())}
    arguments = ["--pipelines", "live" if live else "recovery"]
    for option, value in (("--env", env), ("--params", params)):
        arguments += [option, value] if value else []
    with run.make_context("run", arguments, parent=ctx.parent) as inner:
        merged = OmegaConf.merge(inner.params["params"] or {}, {"recovery": wanted})
        inner.params["params"] = OmegaConf.to_container(merged)
        run.invoke(inner)


@cli.command(cls=OneSentence)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--body", help="The body file or folder of the recording; the open body if omitted.")
@click.option(
    "--gender", default="neutral", show_default=True, help="The gender of the body, where --body is a folder."
)
@click.option(
    "--host",
    default="localhost",
    show_default=True,
    help="The address to serve at; 0.0.0.0 admits other machines.",
)
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port; 0 takes any free one.",
)
def view(files: tuple[Path, ...], body: str | None, gender: str, host: str, port: int) -> None:
    """Show recordings in a browser: npz files of the viewer pipeline, or folders of them."""
    from motiongrpo.body.body_model import body_file, load_body_model
    from motiongrpo.body.mesh import Mesher
    from motiongrpo.diffusion.recording import load_recordings
    from motiongrpo.viz.viewer import server

    server.demand_viser()
    path = body_file(body, gender)
    server.view(
        load_recordings(list(files)),
        load_body_model(path),
        Mesher(path),
        server.ServerConfig(host=host, port=port, open_seconds=None),
        lambda address: click.echo(f"Open {address} in a browser; Ctrl-C ends it."),
    )
