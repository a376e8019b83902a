"""Pictures of meshes, and a small network that looks at them: the paper's kind of figure, without its network.

The paper renders meshes from four sides and gives FID and KID, distances between the features that a network finds in
pictures of generated and of true meshes, and the share of generated meshes that a classifier names rightly. Our network
is trained here, on pictures of true poses alone: which of the bodies is it, and of which family is the pose? So figures
can be compared with one another, and not with the paper's.
"""
from time import process_time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from npr.geometry.mesh import Mesh, diagonal
from npr.geometry.poses import PoseSet

SIZE = 64  # pixels to a side of a picture
SIDES = 4


def depth_pictures(
    verts: Tensor,  # (P, V, 3) poses, z up
    mesh: Mesh,  # rest pose; its diagonal is 0.9 of a picture's side
) -> Tensor:  # (4 P, SIZE, SIZE) from 0, nothing there, to 1, nearest; the four sides of a pose follow one another
    "Depth from the front, the right, the back and the left, of points spread over the faces."
    weights = torch.tensor([[4, 1, 1], [1, 4, 1], [1, 1, 4], [1, 2, 2], [2, 1, 2], [2, 2, 1]], dtype=torch.float64)
    weights = weights / weights.sum(dim=1, keepdim=True)
    verts = (verts - verts.mean(dim=1, keepdim=True)) * (0.9 / diagonal(mesh))
    points = torch.einsum("kc,pfci->pfki", weights, verts[:, mesh.faces]).flatten(1, 2)
    across, away, up = points.unbind(dim=-1)
    sides = ((across, away), (away, -across), (-across, -away), (-away, across))
    columns, depths = (torch.stack([side[i] for side in sides], dim=1).flatten(0, 1) for i in (0, 1))
    rows = up.repeat_interleave(SIDES, dim=0)
    pixels = [((place + 0.5) * SIZE).long().clamp(0, SIZE - 1) for place in (-rows, columns)]
    nearness = (0.6 - 0.8 * depths).clamp(0.05, 1).float()
    pictures = torch.zeros(len(rows), SIZE * SIZE)
    return pictures.scatter_reduce(1, pixels[0] * SIZE + pixels[1], nearness, "amax").view(-1, SIZE, SIZE)


class PictureNetwork(nn.Module):
    "Convolutions down to 96 features, from which the body and the family of the pose are told."

    def __init__(
        self,
        bodies: int,  # kinds of bodies
        families: int,  # kinds of poses
    ):
        super().__init__()
        sizes = (1, 16, 32, 64, 96)
        self.layers = nn.Sequential(*(layer for before, after in zip(sizes, sizes[1:]) for layer in (
            nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU())))
        self.body, self.family = nn.Linear(sizes[-1], bodies), nn.Linear(sizes[-1], families)

    def forward(
        self,
        pictures: Tensor,  # (N, SIZE, SIZE)
    ) -> Tensor:  # (N, 96) features
        "The mean of the last layer over the picture."
        return self.layers(pictures[:, None]).mean(dim=(2, 3))


def train_network(
    pictures: Tensor,  # (N, SIZE, SIZE)
    labels: Tensor,  # (N, 2) int64: body and family
    rounds: int = 12,  # times that each picture is seen
    seed: int = 2024,
) -> PictureNetwork:  # in evaluation mode
    "Learn from true poses."
    torch.manual_seed(seed)
    network = PictureNetwork(*(int(count) + 1 for count in labels.amax(dim=0)))
    steps = rounds * (len(pictures) // 64)
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(rounds):
        for rows in torch.randperm(len(pictures))[: len(pictures) // 64 * 64].split(64):
            shift = torch.randint(-2, 3, (2,)).tolist()
            features = network(pictures[rows].roll(shift, dims=(1, 2)))
            loss = (F.cross_entropy(network.body(features), labels[rows, 0])
                    + F.cross_entropy(network.family(features), labels[rows, 1]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def frechet_distance(
    one: Tensor,  # (N, C) features
    two: Tensor,  # (M, C)
) -> float:
    "The distance between the Gaussians of two sets of features, squared, as in FID."
    first, second = torch.cov(one.T), torch.cov(two.T)
    root = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
    return ((one.mean(dim=0) - two.mean(dim=0)).square().sum() + first.trace() + second.trace() - 2 * root).item()


def kernel_distance(
    one: Tensor,  # (N, C) features
    two: Tensor,  # (M, C)
) -> float:
    "Unbiased squared maximum mean discrepancy with the kernel (x y / C + 1)^3, as in KID."
    among, across, true = ((a @ b.T / one.shape[1] + 1) ** 3 for a, b in ((one, one), (one, two), (two, two)))
    own, others = ((kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1)) for kernel in (among, true))
    return (own + others - 2 * across.mean()).item()


def all_pictures(
    bodies: dict[str, PoseSet],
) -> tuple[Tensor, Tensor]:  # (N, SIZE, SIZE) pictures of all, (N,) int64 number of the body
    "Pictures of several bodies."
    pictures = [depth_pictures(poses.posed, poses.template) for poses in bodies.values()]
    numbers = torch.arange(len(bodies)).repeat_interleave(torch.tensor([len(some) for some in pictures]))
    return torch.cat(pictures), numbers


def family_numbers(
    bodies: dict[str, PoseSet],  # poses named such as walk-003
    families: list[str],
) -> Tensor:  # (N,) int64, as many as `all_pictures` gives
    "The number of the family of each picture's pose."
    numbers = [families.index(name.rsplit("-", 1)[0]) for poses in bodies.values() for name in poses.names]
    return torch.tensor(numbers).repeat_interleave(SIDES)


@torch.no_grad()
def compare_pictures(
    network: PictureNetwork,
    rows: dict[str, dict[str, PoseSet]],  # by row and body; the row "true poses" is what others are compared with
    bodies: list[str],  # all that the network knows, in order
) -> dict[str, dict[str, float]]:  # by row
    "Fréchet and kernel distance to pictures of true poses, and how often the network names the body rightly."
    features, found = {}, {}
    for row, some in rows.items():
        pictures, numbers = all_pictures(some)
        named = torch.tensor([bodies.index(name) for name in some])[numbers]
        parts = [network(part) for part in pictures.split(500)]
        features[row] = torch.cat(parts).double()
        found[row] = {"body %": 100 * (network.body(torch.cat(parts)).argmax(dim=1) == named).double().mean().item()}
        if row != "true poses":
            found[row] |= {"Fréchet distance": frechet_distance(features[row], features["true poses"]),
                           "kernel distance x 100": 100 * kernel_distance(features[row], features["true poses"])}
        print(f"pictures, {row}", *(f"{name} {value:.3f}" for name, value in found[row].items()), sep="; ", flush=True)
    return found


def measure_pictures(
    learned: dict[str, PoseSet],  # bodies in true poses to learn from, named such as walk-003
    groups: dict[str, dict[str, dict[str, PoseSet]]],  # by group, row and body
) -> dict[str, dict]:  # by group and row; and about the network
    "Train a network, and compare the pictures of each group with those of its true poses."
    start, names = process_time(), [name for poses in learned.values() for name in poses.names]
    families = sorted({name.rsplit("-", 1)[0] for name in names})
    pictures, bodies = all_pictures(learned)
    network = train_network(pictures, torch.stack([bodies, family_numbers(learned, families)], dim=1))
    about = {"pictures": len(pictures), "bodies": len(learned), "families": len(families),
             "seconds": round(process_time() - start, 1)}
    true = groups["other bodies"]["true poses"]
    with torch.no_grad():
        guessed = network.family(network(all_pictures(true)[0])).argmax(dim=1)
    about["family of true poses %"] = 100 * (guessed == family_numbers(true, families)).double().mean().item()
    return {"network": about} | {group: compare_pictures(network, rows, list(learned))
                                 for group, rows in groups.items()}
