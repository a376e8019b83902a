"""How long a training step of the preset paper takes on bodies-2k: `python scripts/step_times.py [--out FILE]`.

For several numbers of poses a step: with kernels started one by one, and, on a GPU, recorded as a CUDA graph (the page
03_training). Beside them what the machine can do at best: a product of large matrices. Medians of 20 steps.
"""
import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch

from npr import PoseModel, load_dataset
from npr.app.benchmark import describe_machine
from npr.app.runs import choose_device
from npr.model import find_preset
from npr.outputs import write_atomically
from npr.training import Run, Sources, _quick_products, _step, record_networks


def median_seconds(
    task: Callable[[], object],
    repeats: int = 20,
) -> float:
    "The median over some calls after two that do not count."
    times = []
    for _ in range(repeats + 2):
        start = perf_counter()
        task()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(perf_counter() - start)
    return sorted(times[2:])[repeats // 2]


def best_product(
    device: torch.device,
    size: int,
) -> float:  # TFLOP/s
    "The rate of a product of two square matrices in single precision, with TF32 on a GPU."
    matrix = torch.randn(size, size, device=device)
    with _quick_products(device):
        return 2e-12 * size**3 / median_seconds(lambda: matrix @ matrix)


def step_seconds(
    sources: Sources,
    model: PoseModel,
    batch_size: int,
    recorded: bool,
) -> tuple[float, float]:  # seconds, and GiB at most on a GPU
    "One step of the optimiser."
    options = replace(model.preset.training, batch_size=batch_size, steps=10**6)
    run, source = Run(model, options, Path("unused"), ""), sources.parts[0]
    source.recorded.clear()
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()

    def one() -> None:
        _step(run, sources)
        run.progress.step = (run.progress.step + 1) % (len(sources) // batch_size)

    with _quick_products(model.device):
        if recorded:
            record_networks(source, model, batch_size)
        seconds = median_seconds(one, 20 if model.device.type == "cuda" else 4)
    return seconds, torch.cuda.max_memory_allocated() / 2**30 if model.device.type == "cuda" else 0.0


def main() -> int:
    "Print the table and write it."
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write all of it as JSON")
    settings = parser.parse_args()
    device, data = choose_device("auto"), load_dataset("bodies-2k")
    on_gpu = device.type == "cuda"
    model = PoseModel(data.train.template, find_preset("paper")).to(device).train()
    sources = Sources(model, [data.train if on_gpu else data.train[:8]])
    rate = best_product(device, 8192 if on_gpu else 1024)
    table: dict = {"machine": describe_machine(device), "product_tflops": rate, "steps": []}
    print(f"{table['machine']}; product of matrices {rate:.2f} TFLOP/s")
    for batch_size in (1, 8, 16, 32) if on_gpu else (1, 4):
        for recorded in (False, True) if on_gpu else (False,):
            seconds, memory = step_seconds(sources, model, batch_size, recorded)
            table["steps"].append({"poses": batch_size, "recorded": recorded, "seconds": seconds, "gib": memory})
            print(f"{batch_size:3} poses a step{', recorded' if recorded else '':10} {1e3 * seconds:8.2f} ms "
                  f"{batch_size / seconds:8.1f} poses/s {memory:6.2f} GiB", flush=True)
    if settings.out is not None:
        write_atomically(settings.out, json.dumps(table, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
