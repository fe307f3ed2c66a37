"""The entry point of `motiongrpo` and `python -m motiongrpo`, which run in the project's folder."""

from pathlib import Path

from kedro.framework.project import configure_project


def main() -> None:
    """Configure the project for Kedro, then run the command."""
    configure_project(Path(__file__).parent.name)
    from motiongrpo.cli import cli

    cli(prog_name="motiongrpo")


if __name__ == "__main__":
    main()
