"""Names for the shapes that pass between modules.

Axis words are few and fixed: `batch`, `condition` (one head trajectory), `sample` (one
rollout under it), `frame` (motion time), `joint`, `feature`, `level` (diffusion noise).
Annotations are checked by jaxtyping and beartype in the test run, and only there.
"""

from jaxtyping import Bool, Float
from torch import Tensor

Motion = Float[Tensor, "batch frame feature"]
FrameMask = Bool[Tensor, "batch frame"]  # True is real
NoiseLevel = Float[Tensor, "*#batch"]  # a value per level, broadcast against a motion
PerSequence = Float[Tensor, " batch"]

Rollout = Float[Tensor, "condition sample frame feature"]
PerSample = Float[Tensor, "condition sample"]
PerRowSample = Float[Tensor, "row sample_of_row"]  # the same values by (group, noise track)

Quaternions = Float[Tensor, "*batch 4"]  # wxyz, unit
Rotations = Float[Tensor, "*batch 3 3"]
Points = Float[Tensor, "*batch 3"]
Poses = Float[Tensor, "*batch 7"]  # wxyz_xyz, at file boundaries
