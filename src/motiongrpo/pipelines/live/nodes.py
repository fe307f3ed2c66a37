"""Live recovery: the run's model waits for poses and shows bodies."""

import logging
from functools import partial

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.body.body_model import BodyModel, body_file
from motiongrpo.body.mesh import Mesher
from motiongrpo.diffusion.streaming import StreamingRecovery
from motiongrpo.recovery.config import RecoveryConfig
from motiongrpo.recovery.live import to_pupils
from motiongrpo.recovery.model import chosen_model
from motiongrpo.viz.viewer.live import serve_live
from motiongrpo.viz.viewer.server import ViewerConfig

logger = logging.getLogger(__name__)


def recover_live(
    pretrained: Checkpoint | None,
    policy: Checkpoint | None,
    body: BodyModel,
    config: RecoveryConfig,
    viewer: ViewerConfig,
    body_path: str | None,
    gender: str,
) -> None:
    """Take poses from a socket on this machine and show bodies in a browser, until Ctrl-C."""
    model = chosen_model(config.checkpoint, pretrained, policy, body)
    logger.info("live recovery: bodies from %s", model.name)
    live, mesher = config.live, Mesher(body_file(body_path, gender))
    begin = partial(StreamingRecovery, model, body, live.streaming, config.repair, live.seed)
    serve_live(begin, mesher, live, viewer.server, to_pupils(config), logger.info)
