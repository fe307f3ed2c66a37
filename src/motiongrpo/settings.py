"""The settings that Kedro reads of this project."""

from motiongrpo.base.run_names import first_run
from motiongrpo.hooks import CommandChecks, OneWriter, RunSummary

HOOKS = (OneWriter(), CommandChecks(), RunSummary())  # pluggy calls the last first: a lock comes after checks

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "custom_resolvers": {"first_run": first_run},
}
