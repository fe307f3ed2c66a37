"""`motiongrpo` and `python -m motiongrpo`, in the project's folder."""

from pathlib import Path

from kedro.framework.project import configure_project


def main() -> None:
    """The project's commands; `run` is that of Kedro."""
    configure_project(Path(__file__).parent.name)
    from motiongrpo.cli import cli

    cli(prog_name="motiongrpo")


if __name__ == "__main__":
    main()
