"""Draw the sheets of new poses for the README: `python scripts/generated.py [bodies] [animals]`.

The samplers and models that come with the package draw twenty poses with seed 7, none left out, and each of four people
gets five of them; each of the three animals of the data set `animals` (npr data build animals) gets five of a fox's.
"""
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from npr import InputError, generate, load_dataset, load_pretrained, load_sampler, transfer
from npr.app.samplers import sampler_path
from npr.geometry.plot import CLAY, show_sheet

IMAGES = Path(__file__).resolve().parent.parent / "nbs/images"
SHEETS = {"bodies": ("bodies-2k", ["child", "old_woman", "heavy_man", "tall_man"]),
          "animals": ("animals", ["dog", "panda", "horse"])}
COLUMNS = 5


def main() -> int:
    "Write a picture for each sheet."
    for name in sys.argv[1:] or SHEETS:
        data, targets = SHEETS[name]
        try:
            dataset = load_dataset(data)
        except InputError as error:
            print(f"left out: {error}")
            continue
        model = load_pretrained(name)[0]
        drawn = generate(load_sampler(sampler_path(None, name) or ""), COLUMNS * len(targets), seed=7)
        rows = []
        for number, target in enumerate(targets):
            some = drawn[COLUMNS * number : COLUMNS * (number + 1)]
            given = transfer(model, some, dataset.targets[target].poses.template, progress=False)
            rows.append([given[i] for i in range(COLUMNS)])
        content = BytesIO()
        view = (25, 12) if name == "bodies" else (60, 12)
        titles = [target.replace("_", " ") for target in targets]
        figure = show_sheet(rows, titles, colors=[CLAY] * len(rows), view=view)
        figure.savefig(content, dpi=90, bbox_inches="tight")
        picture = Image.open(content).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        picture.save(IMAGES / f"generated-{name}.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
