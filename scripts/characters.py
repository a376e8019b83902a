"""Draw the README's picture of a dressed character: `python scripts/characters.py`.

A man of the data set quaternius-people (npr data fetch quaternius-people) gets the poses that come with the package, as
anybody would do it: npr transfer --pretrained bodies man-t-pose.glb --root stay --out man.glb. The file is opened in
three.js, as in scripts/check_glb.py.
"""
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from check_glb import Player, missing_tools, open_player
from PIL import Image

from npr import InputError
from npr.data.downloads import fetch
from npr.files.gltf import read_rig

PICTURE = Path(__file__).resolve().parent.parent / "nbs/images/characters.png"
CHARACTER = "man-t-pose.glb"
CLIPS = ["walk", "kick", "wave"]  # their last poses
HEIGHT, GAP = 460, 36  # of the picture, and around each figure, in pixels
FRONT = (0.5, 0.22, 1.0)  # from where the camera looks; y is up


def cut(
    picture: Image.Image,
) -> Image.Image:  # without empty columns at the sides
    "Keep a figure and a little paper beside it."
    rows = np.asarray(picture).astype(int)
    columns = np.flatnonzero((np.abs(rows - rows[0, 0]).max(axis=-1) > 8).any(axis=0))
    return picture.crop((max(columns[0] - GAP, 0), 0, min(columns[-1] + GAP, picture.width), picture.height))


def draw_row(
    player: Player,
    path: Path,  # of the animated file
) -> Image.Image:
    "The file at rest, then in a pose of each clip, by one camera."
    rig = read_rig(path)
    ends = {name: max(channel.times[-1] for channel in rig.clips[name]) for name in CLIPS}
    moments: list[tuple[str | None, float]] = [(None, 0.0), *((name, float(ends[name])) for name in CLIPS)]
    player.load(path, (2 * HEIGHT, 2 * HEIGHT))
    player.frame(moments, FRONT)
    with tempfile.TemporaryDirectory() as folder:
        shots = [player.shot(clip, seconds, Path(folder) / f"{clip}.png") for clip, seconds in moments]
        figures = [cut(Image.open(shot).convert("RGB")) for shot in shots]
    row = Image.fromarray(np.concatenate([np.asarray(figure) for figure in figures], axis=1))
    return row.resize((round(row.width * HEIGHT / row.height), HEIGHT), Image.Resampling.LANCZOS)


def main() -> int:
    if fault := missing_tools():
        print(f"skipped: {fault}")
        return 0
    try:
        character = fetch("quaternius-people")[CHARACTER]
    except InputError as error:
        print(f"skipped: {error}")
        return 0
    with tempfile.TemporaryDirectory() as folder, open_player() as player:
        path = Path(folder) / "character.glb"
        options = ["--pretrained", "bodies", "--root", "stay", "--out", path]
        subprocess.run([Path(sys.executable).parent / "npr", "transfer", character, *options], check=True)
        row, content = draw_row(player, path), BytesIO()
    row.quantize(256, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    PICTURE.write_bytes(content.getvalue())
    print(f"{PICTURE}: {row.width} x {row.height}, {len(content.getvalue()) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
