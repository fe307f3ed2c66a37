"""Activities in place, and the plan of a whole clip: a sequence of activities with idle movements over it.

Every activity in place draws its own part of the plan; walking, running, turning and side-stepping are drawn
by `locomotion`.
"""

from collections.abc import Callable

import numpy as np

from motiongrpo.motion.sources.synthetic.locomotion import MOVING, draw_bout
from motiongrpo.motion.sources.synthetic.plan import (
    HOP_SETTLES,
    Activity,
    ArmAngles,
    ArmChange,
    Hop,
    Plan,
    Posture,
    PostureChange,
    Segment,
    Travel,
    Velocity,
)
from motiongrpo.motion.sources.synthetic.primitives import Span
from motiongrpo.motion.sources.synthetic.subject import Style

MOVING_SHARE = 0.55  # of the choices between going somewhere and staying
HELD_SHARE = 0.35  # share of arms that are held still for part of a clip

HELD_ARMS = (
    ArmAngles(0.55, 0.15, 0.35, 2.0, 0.6, 0.0),  # a telephone to look at
    ArmAngles(0.9, 0.35, 0.0, 2.3, 0.2, 0.1),  # a hand to the ear
    ArmAngles(0.25, 0.15, 0.15, 1.5, -0.3, 0.0),  # a tray
    ArmAngles(-0.25, 0.65, 0.5, 1.5, 0.3, 0.3),  # a hand on the hip
    ArmAngles(-0.15, 0.2, 0.25, 0.75, 0.2, 0.0),  # a hand in the pocket
    ArmAngles(-0.35, 0.15, 0.95, 1.0, 0.8, 0.0),  # a hand behind the back
    ArmAngles(0.55, 0.1, 1.0, 1.75, 0.4, 0.0),  # an arm across the chest
    ArmAngles(0.0, 0.25, 0.0, 0.05, 0.1, 0.0),  # a bag, hanging straight
)
Draw = Callable[[float, np.random.Generator], Plan]


def draw_plan(activities: tuple[Activity, ...], until: float, style: Style, rng: np.random.Generator) -> Plan:
    """A plan of successive activities from time 0 until at least `until` seconds."""
    moving: list[Activity] = [activity for activity in activities if activity in MOVING]
    staying: list[Activity] = [activity for activity in activities if activity not in MOVING]
    plan = Plan(postures=_fidgets(until, rng), arms=_held_arms(until, rng))
    time = 0.0
    while time < until:
        if moving and (not staying or rng.random() < MOVING_SHARE):
            plan += draw_bout(time, moving, style, rng)
        else:
            plan += STATIONARY[staying[rng.integers(len(staying))]](time, rng)
        time = plan.stop + rng.uniform(0.2, 0.5)
    return plan


def _held_arms(until: float, rng: np.random.Generator) -> tuple[ArmChange, ...]:
    """Arms held still for part of the clip, which the motion of the head does not reveal."""
    changes = []
    for side in range(2):
        if rng.random() < HELD_SHARE:
            start = rng.uniform(-2.0, 0.5 * until)
            span = Span(start, 0.8, start + rng.uniform(2.0, until + 2.0), 0.8)
            held = np.array(HELD_ARMS[rng.integers(len(HELD_ARMS))])
            changes.append(ArmChange(span, side, ArmAngles(*(held * rng.uniform(0.85, 1.1, 6)))))
    return tuple(changes)


def _fidgets(until: float, rng: np.random.Generator) -> tuple[PostureChange, ...]:
    """Small random shifts of weight, trunk and gaze, one about every second."""
    changes, time = [], -1.5
    while time < until:
        span = Span(time, rng.uniform(0.6, 1.2), time + rng.uniform(1.2, 2.5), rng.uniform(0.6, 1.2))
        n = rng.normal(size=7)
        small = Posture(
            back=0.012 * n[0],
            aside=0.02 * n[1],
            pitch=0.02 * n[2],
            yaw=0.04 * n[3],
            roll=0.02 * n[4],
            gaze_yaw=0.1 * n[5],
            gaze_pitch=0.06 * n[6],
        )
        changes.append(PostureChange(span, small))
        time += rng.uniform(0.6, 1.6)
    return tuple(changes)


def stand(start: float, rng: np.random.Generator) -> Plan:
    """Standing and looking around."""
    changes, time = [], start
    for _ in range(rng.integers(1, 4)):
        span = draw_span(time, rng, rise=(0.4, 0.9), hold=(0.2, 1.2))
        gaze = Posture(gaze_yaw=rng.uniform(-1.2, 1.2), gaze_pitch=rng.uniform(-0.35, 0.55))
        changes.append(PostureChange(span, gaze._replace(yaw=0.3 * gaze.gaze_yaw)))
        time = span.stop + span.fall * rng.uniform(0.3, 1.0)
    stop = changes[-1].span.stop + changes[-1].span.fall
    return Plan(segments=(Segment("stand", start, stop),), postures=tuple(changes))


def squat(start: float, rng: np.random.Generator) -> Plan:
    """Squatting down and getting up, the hips behind the heels and sometimes the arms ahead for balance."""
    span = draw_span(start, rng, rise=(0.7, 1.3), hold=(0.0, 1.5))
    drop = rng.uniform(0.2, 0.5)
    posture = Posture(drop=drop, back=0.3 * drop, pitch=rng.uniform(1.0, 1.5) * drop)
    arms = ArmAngles(rng.uniform(0.8, 1.5), 0.1, 0.1, rng.uniform(0.1, 0.6), 0.3, 0.0)
    return Plan(
        segments=(Segment("squat", start, span.stop + span.fall),),
        postures=(PostureChange(span, posture),),
        arms=both_arms(span, arms, rng) if rng.random() < 0.5 else (),
    )


def sit(start: float, rng: np.random.Generator) -> Plan:
    """Sitting down on a seat of about knee height, and standing up again; the trunk leans into both."""
    span = draw_span(start + 0.3, rng, rise=(1.0, 1.5), hold=(1.0, 4.0))
    seat = Posture(drop=rng.uniform(0.42, 0.52), back=rng.uniform(0.36, 0.44), pitch=rng.uniform(-0.1, 0.15))
    lean = Posture(pitch=rng.uniform(0.45, 0.7))
    down = Span(start, 0.6 * span.rise, start + 0.3 + 0.6 * span.rise, 0.6 * span.rise)
    up = Span(span.stop - 0.4, 0.5 * span.fall, span.stop + 0.4 * span.fall, 0.6 * span.fall)
    hands = ArmAngles(rng.uniform(0.25, 0.5), 0.1, rng.uniform(0.0, 0.3), rng.uniform(0.55, 1.0), 0.5, 0.1)
    look = Posture(gaze_yaw=rng.uniform(-0.8, 0.8), gaze_pitch=rng.uniform(-0.1, 0.4))
    return Plan(
        segments=(Segment("sit", start, span.stop + span.fall),),
        postures=(
            PostureChange(span, seat),
            PostureChange(down, lean),
            PostureChange(up, lean),
            PostureChange(Span(down.stop, 0.7, span.stop - 0.4, 0.6), look),
        ),
        arms=both_arms(span, hands, rng),
    )


def reach(start: float, rng: np.random.Generator) -> Plan:
    """Reaching with one hand or both: high, ahead, aside, or to the floor, with the trunk following."""
    span = draw_span(start, rng, rise=(0.6, 1.2), hold=(0.1, 1.5))
    low = rng.random() < 0.35
    drop = rng.uniform(0.1, 0.35) if low else 0.0
    flexion = rng.uniform(0.3, 1.2) if low else rng.uniform(0.7, 2.6)
    arm = ArmAngles(flexion, rng.uniform(0.0, 0.7), rng.uniform(-0.3, 0.4), rng.uniform(0.1, 0.9), 0.3, 0.0)
    side = int(rng.integers(2))
    towards = (1 - 2 * side) * rng.uniform(-0.5, 0.2)  # the reaching shoulder comes forward
    posture = Posture(
        drop=drop,
        back=0.25 * drop + 0.08 * low,
        pitch=rng.uniform(0.6, 1.1) if low else rng.uniform(-0.05, 0.25),
        yaw=towards,
        roll=(2 * side - 1) * rng.uniform(-0.1, 0.12),
        gaze_yaw=rng.uniform(-0.3, 0.3) + 0.5 * towards,
        gaze_pitch=0.35 * (1.3 - flexion) + rng.uniform(-0.1, 0.1),
    )
    both = rng.random() < 0.3
    return Plan(
        segments=(Segment("reach", start, span.stop + span.fall),),
        postures=(PostureChange(span, posture),),
        arms=both_arms(span, arm, rng) if both else (ArmChange(span, side, arm),),
    )


def jump(start: float, rng: np.random.Generator) -> Plan:
    """Jumping off both feet, on the spot or forwards, with the arms thrown up."""
    crouch, speed = rng.uniform(0.12, 0.25), rng.uniform(1.3, 2.3)
    push = Hop(0.0, speed, crouch).push
    hop = Hop(start + 0.5 + push, speed, crouch)
    ahead = rng.choice([0.0, rng.uniform(0.3, 1.0)])
    flight = Span(hop.takeoff - push, push, hop.landing, HOP_SETTLES)
    stop = hop.landing + push + 0.6
    bent = Posture(pitch=rng.uniform(0.3, 0.6), back=0.06)
    before = Span(start, 0.5, hop.takeoff - push, push)
    after = Span(hop.landing - 0.05, push + 0.05, hop.landing + push, 0.6)
    back = ArmAngles(-0.6, 0.2, 0.1, 0.3, 0.2, 0.0)
    up = ArmAngles(rng.uniform(1.0, 2.4), 0.25, 0.0, 0.4, 0.2, 0.0)
    return Plan(
        segments=(Segment("jump", start, stop),),
        travels=(Travel(flight, Velocity(forward=ahead)),),
        hops=(hop,),
        postures=(PostureChange(before, bent), PostureChange(after, bent)),
        arms=(
            *both_arms(before, back, rng),
            *both_arms(Span(hop.takeoff - push, push + 0.2, hop.landing, 0.7), up, rng),
        ),
    )


STATIONARY: dict[Activity, Draw] = {
    "stand": stand,
    "squat": squat,
    "sit": sit,
    "reach": reach,
    "jump": jump,
}


def draw_span(
    start: float, rng: np.random.Generator, rise: tuple[float, float], hold: tuple[float, float]
) -> Span:
    """A span from `start` with random rise, hold and fall, in seconds between the given bounds."""
    up = rng.uniform(*rise)
    return Span(start, up, start + up + rng.uniform(*hold), rng.uniform(*rise))


def both_arms(span: Span, angles: ArmAngles, rng: np.random.Generator) -> tuple[ArmChange, ArmChange]:
    """Both arms held alike, with random factors between 0.85 and 1.15 on each angle."""
    factors = rng.uniform(0.85, 1.15, (2, len(ArmAngles._fields)))
    left, right = (ArmAngles(*(np.array(angles) * factor)) for factor in factors)
    return ArmChange(span, 0, left), ArmChange(span, 1, right)
