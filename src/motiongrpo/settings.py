"""The settings that Kedro reads of this project."""

from motiongrpo.base.run_names import first_run
from motiongrpo.hooks import CommandChecks, JudgedModels, OneWriter, RunSummary

# pluggy calls the last first: models are found, then all is checked, then the lock is taken
HOOKS = (OneWriter(), CommandChecks(), JudgedModels(), RunSummary())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "custom_resolvers": {"first_run": first_run},
}
