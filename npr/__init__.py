"""Learn poses from one mesh, give them to any other.

The names below are the public face of the package: `from npr import read_mesh, PoseModel, train, transfer`. Each is
imported from its module when it is first asked for, so that `import npr` and `npr --help` do not wait for torch.
"""
__version__ = "0.2.0.dev0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app.runs import load_pretrained
    from .app.viewer import explore, view
    from .data.datasets import load_dataset
    from .files.models import read_mesh, read_poses
    from .generating.sampler import combine, generate, learn_sampler, load_sampler, mix, reach, save_sampler
    from .geometry.mesh import InputError, Mesh, write_mesh
    from .geometry.poses import PoseSet, load_poses, save_poses, write_poses
    from .interface import TrainingOptions
    from .model import PoseModel, load_model, save_model
    from .refining import refine
    from .training import train
    from .transferring import transfer

_MODULES = {
    "app.runs": ["load_pretrained"],
    "app.viewer": ["explore", "view"],
    "data.datasets": ["load_dataset"],
    "generating.sampler": ["combine", "generate", "learn_sampler", "load_sampler", "mix", "reach", "save_sampler"],
    "files.models": ["read_mesh", "read_poses"],
    "geometry.mesh": ["InputError", "Mesh", "write_mesh"],
    "geometry.poses": ["PoseSet", "load_poses", "save_poses", "write_poses"],
    "interface": ["TrainingOptions"],
    "model": ["PoseModel", "load_model", "save_model"],
    "refining": ["refine"],
    "training": ["train"],
    "transferring": ["transfer"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
__all__ = ["InputError", "Mesh", "PoseModel", "PoseSet", "TrainingOptions", "combine", "explore", "generate",
           "learn_sampler", "load_dataset", "load_model", "load_poses", "load_pretrained", "load_sampler", "mix",
           "reach", "read_mesh", "read_poses", "refine", "save_model", "save_poses", "save_sampler", "train",
           "transfer", "view", "write_mesh", "write_poses"]


def __getattr__(name: str) -> Any:
    "Import a public name from its module when it is first asked for."
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
