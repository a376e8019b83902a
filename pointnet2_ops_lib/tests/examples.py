"""Seeded inputs: clouds that are hard on searches, features, indices, odd layouts."""

import torch
from hypothesis import strategies as st

KINDS = ("normal", "grid", "line", "one place", "far away", "huge", "flat", "near origin")


def make_cloud(
    kind: str,  # one of KINDS
    clouds: int,  # B
    count: int,  # N
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:  # (B, N, 3)
    "A seeded cloud: grids and lines have many ties and duplicates, huge ones overflow when squared."
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(clouds, count, 3, generator=generator, dtype=torch.float64)
    cloud = {
        "normal": normal,
        "grid": normal.mul(2).round(),
        "line": normal[..., :1] * torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64),
        "one place": normal[:, :1].expand(-1, count, -1),
        "far away": normal + torch.tensor([1e6, -1e6, 3e5], dtype=torch.float64),
        "huge": normal * 1e25,
        "flat": normal * torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64),
        "near origin": normal * 0.03,
    }[kind]
    return cloud.to(dtype)


clouds = st.builds(
    make_cloud,
    kind=st.sampled_from(KINDS),
    clouds=st.integers(0, 3),
    count=st.integers(1, 300),
    seed=st.integers(0, 1000),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)


def uneven(tensor: torch.Tensor) -> torch.Tensor:
    "The same values laid out so that no dimension is contiguous."
    spread = torch.stack([tensor, torch.full_like(tensor, 7)], dim=-1).transpose(0, -2)
    return spread.contiguous().transpose(0, -2)[..., 0]


INDEX_DTYPES = [torch.int32, torch.int64]


def random_features(clouds, channels, points, dtype=torch.float32, seed=0) -> torch.Tensor:
    "Seeded (clouds, channels, points) features."
    return torch.randn(clouds, channels, points, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def random_indices(points, shape, dtype=torch.int32, seed=0) -> torch.Tensor:
    "Seeded indices below `points`."
    return torch.randint(points, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
