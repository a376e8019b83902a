"""Put errors into copies of the code, one at a time, and see which test notices: `scripts/mutants.py [NAME ...]`.

Without names it first runs the notebooks concerned as they are, then with each mutant of the list below. An error is
put into the notebook that defines the code and into the module exported from it, in a copy of the checkout. The exit
status is 1 where a notebook fails without any mutant, where no test notices a mutant, or where the text of a mutant is
not found. `--list` prints the names; `--check` runs nothing and only looks for the texts.
"""
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
PROCESSES, LONGEST = 2, 600  # notebooks at a time; seconds for one cell
SILENT = ["--IPKernelApp.log_level=40"]  # errors alone
FLAGGED = re.compile(r"^#\s*\|\s*(slow|cuda|eval:\s*false)", re.M | re.I)  # cells that nbdev_test passes over
EXPORTED = re.compile(r"^#\s*\|\s*export[si]?\b", re.M)


class Mutant(NamedTuple):
    "An error, and where it should be noticed."

    name: str
    module: str  # that holds the text, such as geometry.operators
    text: str  # stands once in the module
    replacement: str
    notebooks: tuple[str, ...]  # below nbs/, without the ending; one of them must fail
    catcher: str  # which test should notice


MUTANTS = [
    Mutant("weld-joins-nothing", "geometry.mesh",
           "reach = 1e-5 *", "reach = 0 *",
           ("geometry/00_mesh",), "a seam with rounding errors is closed"),
    Mutant("repair-forgets-loose-vertices", "geometry.mesh",
           "restored[..., self.loose, :] +=", "restored[..., self.loose, :] += 0 *",
           ("geometry/00_mesh",), "a vertex without a face moves with the nearest other"),
    Mutant("repair-sees-no-new-faults", "geometry.mesh",
           "kept = (~degenerate_faces(welded))", "kept = (~degenerate_faces(Mesh(mesh.verts[used], corners)))",
           ("geometry/00_mesh",), "welding makes no faces without area"),
    Mutant("objects-sorted-by-material", "geometry.mesh",
           '_plain_obj(path) if kind == "obj" else path', "path",
           ("geometry/00_mesh",), "an OBJ file is read in its order"),
    Mutant("poses-keep-other-vertices", "geometry.poses",
           "(repair.mesh, poses.posed[:, repair.verts]", "(repair.mesh, poses.posed[:, -len(repair.verts) :]",
           ("geometry/02_poses",), "poses are repaired as their rest pose is"),
    Mutant("targets-written-repaired", "app.pipeline",
           "yield posed if repaired else replace(posed",
           "yield posed if True else replace(posed",
           ("app/02_pipeline",), "results have the vertices and faces of the file"),
    Mutant("repair-not-stored-with-the-run", "app.pipeline",
           'template, bool(trained.get("repair")), model.template,', "template,",
           ("app/02_pipeline",), "a repaired run transfers its own poses"),
    Mutant("gradient-axes-swapped", "geometry.operators",
           ".permute(2, 1, 3, 0)", ".permute(2, 1, 0, 3)",
           ("geometry/04_operators",), "the Jacobian of a linear map is its matrix"),
    Mutant("laplacian-sign", "geometry.operators",
           "torch.cat([weights, weights, -weights, -weights])", "torch.cat([-weights, -weights, weights, weights])",
           ("geometry/04_operators",), "no eigenvalue is negative"),
    Mutant("divergence-without-areas", "geometry.poisson",
           "divergence = divergence_matrix(mesh)",
           "divergence = gradient_matrix(mesh).T",
           ("geometry/06_poisson",), "a solved mesh is the posed one; the solver agrees with SciPy"),
    Mutant("neighbours-off-by-one", "geometry.sampling",
           "queries.numpy(), k=k,", "queries.numpy(), k=list(range(2, k + 2)),",
           ("geometry/05_sampling",), "agreement with the naive twin"),
    Mutant("sampling-takes-the-first", "geometry.sampling",
           "    return chosen.reshape(*points.shape[:-2], count)",
           "    return torch.arange(count, device=points.device).expand(*points.shape[:-2], count)",
           ("geometry/05_sampling",), "agreement with the naive twin"),
    Mutant("softmax-over-channels", "paper.layers",
           ".softmax(dim=-2)", ".softmax(dim=-1)",
           ("paper/00_layers",), "weights of equal values; a constant comes out unchanged"),
    Mutant("own-statistics-ignored", "paper.layers",
           "if self.training or not self.own_statistics:", "if True:",
           ("paper/00_layers",), "a pose's result does not depend on remembered averages"),
    Mutant("registration-returns-its-start", "parts.matching",
           "deformed = deform_onto(deformed, target, options.stiffness)",
           "pass",
           ("parts/02_matching",), "the deformed source lies on the target"),
    Mutant("largest-by-vertices", "geometry.poisson",
           "self.largest = int(self.areas.argmax())", "self.largest = int(self.sizes.argmax())",
           ("geometry/06_poisson",), "the largest component of the figure is its chest, not a button"),
    Mutant("gaps-closed-the-wrong-way", "geometry.poisson",
           "index_add(1, self.sides[0], -jumps).index_add(1, self.sides[1], jumps)",
           "index_add(1, self.sides[0], jumps).index_add(1, self.sides[1], -jumps)",
           ("geometry/06_poisson",), "both sides of a gap are wrong alike"),
    Mutant("wide-gaps-count-as-narrow", "geometry.poisson",
           "/ (1 + distances.square()).square()", "* (1 + distances.square())",
           ("geometry/06_poisson",), "a figure of pieces stays together"),
    Mutant("small-pieces-held", "geometry.poisson",
           "areas * (areas / areas.max()).clamp(min=1e-6)", "areas.clone()",
           ("geometry/06_poisson",), "eyes stay in their sockets"),
    Mutant("pieces-not-held", "geometry.poisson",
           "areas * (areas / areas.max()).clamp(min=1e-6)", "1e-6 * areas",
           ("geometry/06_poisson", "01_model"), "errors do not add up from piece to piece"),
    Mutant("pieces-not-placed-by-skin", "model",
           "self.decoder.rough_verts(code, target.queries) if has_pieces else None", "None",
           ("01_model",), "a figure of pieces has at most 1.5 times the error of one body"),
    Mutant("rough-without-parts", "parts.applier",
           "return int((motions.weights > 0).any(dim=0).sum()) > 1", "return True",
           ("parts/09_applier",), "one rigid motion gives no rough positions"),
    Mutant("thin-faces-matched", "parts.applier",
           "self.sound[target.source_faces]", "target.source_faces",
           ("parts/09_applier",), "a face of the source without height gives no Jacobians"),
    Mutant("many-pieces-refused", "model",
           "scraps = int((sizes <= 2).sum())", "scraps = len(sizes)",
           ("01_model",), "a swarm of closed pieces is a target"),
    Mutant("parts-not-learned", "parts.applier",
           "        learn_parts(self.motions, posed)", "        pass",
           ("01_model",), "the model is close to the poses before any step"),
    Mutant("old-targets-accepted", "parts.applier",
           "if target.parts != motions.digest:", "if False:",
           ("parts/09_applier",), "a target from before `initialise` raises an error"),
    Mutant("metrics-not-centred", "metrics",
           "(difference - difference.mean(dim=-2, keepdim=True))", "difference",
           ("02_metrics",), "PMD does not change when the result is moved"),
    Mutant("edge-ratio-without-logarithm", "metrics",
           "return (factors.log().abs().sum(dim=(-2, -1)) / has_length.sum(dim=(-2, -1)).clamp(min=1)).exp()",
           "return factors.mean(dim=(-2, -1))",
           ("02_metrics",), "edges that are half as long count as those of double length"),
    Mutant("edges-without-length-count", "metrics",
           "has_length = true > shortest", "has_length = true >= 0",
           ("02_metrics",), "an edge without length in the truth is left out"),
    Mutant("learning-rate-zero", "training",
           'group["lr"] = learning_rate(step, options)', 'group["lr"] = 0.0',
           ("03_training",), "a training ends better than it began"),
    Mutant("resume-forgets-the-optimiser", "training",
           'self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state})', "pass",
           ("03_training",), "a training that was stopped ends with the same weights as one that was not"),
    Mutant("data-set-trained-on-held-out-poses", "data.datasets",
           "return Dataset(str(name), poses[:split], poses[split:], targets)",
           "return Dataset(str(name), poses, poses[split:], targets)",
           ("data/01_datasets",), "no held-out pose of a data set is among those to learn from"),
    Mutant("target-takes-the-first-weights", "data.datasets",
           "torch.tensordot(weights[first:]", "torch.tensordot(weights[: len(weights) - first]",
           ("data/01_datasets",), "a target of blend shapes is in the held-out poses"),
    Mutant("faces-decimated-with-closed-lips", "data.faces",
           "opened = fine + model.expressions[model.names.index(JAW)]", "opened = fine",
           ("data/10_faces",), "no coarse face reaches from lip to lip"),
    Mutant("mouth-closed-without-open-jaw", "data.faces",
           "rng.uniform() * row[names.index(JAW)]", "rng.uniform()",
           ("data/10_faces",), "the corrective of the open jaw is never alone"),
    Mutant("folder-trained-on-held-out-poses", "data.examples",
           "for i in range(len(poses)) if i not in held_out", "for i in range(len(poses))",
           ("data/05_examples",), "no held-out pose of a folder is among those to learn from"),
    Mutant("placed-without-scale", "transferring",
           "scale_ratio(source, target) * travel", "travel",
           ("04_transferring",), "a target of double size travels twice as far"),
    Mutant("preset-defaults-ignored", "app.pipeline",
           "learning_rate=usual.learning_rate if", "learning_rate=TrainingOptions().learning_rate if",
           ("app/02_pipeline",), "where the user gives no learning rate, the preset's own holds"),
    Mutant("centroid-of-vertices", "parts.matching",
           "center = areas @ centroids\n", "center = mesh.verts.mean(dim=0)\n",
           ("parts/02_matching",), "small faces on one side do not move the centre of a cube"),
    Mutant("registration-tries-everything", "parts.matching",
           "if found[-1].residual <= options.good:", "if False:",
           ("parts/02_matching",), "a good start is taken at once"),
    Mutant("deformation-carried-without-its-start", "parts.matching",
           "(deformed.verts - small.verts)[corners]", "deformed.verts[corners]",
           ("parts/02_matching",), "the carried match agrees with the direct one"),
    Mutant("stance-taken-out-twice", "parts.posture",
           "rotations = skin.rotations @ stance.rotations.mT", "rotations = skin.rotations @ stance.rotations",
           ("parts/05_posture",), "a stance and the pose relative to it make the pose"),
    Mutant("stance-comes-apart", "parts.posture",
           "translations = -torch.linalg.solve(", "translations = torch.linalg.solve(",
           ("parts/05_posture",), "the joints of a stance hold together"),
    Mutant("places-do-not-pull", "geometry.poisson",
           "right = right + weights[:, None]", "right = right + 0 * weights[:, None]",
           ("geometry/06_poisson",), "vertices near their places"),
    Mutant("far-skin-is-believed", "parts.applier",
           "share = closeness * target.trust.float() *",
           "share = target.trust.float() *",
           ("parts/09_applier",), "without closeness the copied Jacobians are all"),
    Mutant("noise-is-carried", "parts.applier",
           "(1 - 2 * noise / whole.clamp(min=1e-12)).clamp(min=0)", "1",
           ("parts/09_applier",), "wrinkles that no skin explains are copied alone"),
    Mutant("detail-stays-behind", "parts.applier",
           "carried = torch.addcmul(copied, share[..., None, None].to(copied.dtype), difference)",
           "carried = difference + own",
           ("parts/09_applier",), "faces are rotated better from meshes than from codes"),
    Mutant("stance-stretches-without-bound", "parts.posture",
           "stretches.clamp(0.5, 2)", "stretches",
           ("parts/05_posture",), "the stance of a folded body stretches at most to double"),
    Mutant("joints-have-no-habits", "parts.posture",
           ".as_rotvec() - usual", ".as_rotvec() * 0",
           ("parts/05_posture",), "parts that slid on the surface come back"),
    Mutant("every-posture-believed", "parts.posture",
           "rotations_and_scales(maps)[0]) > posture.strange:", "rotations_and_scales(maps)[0]) > 1e9:",
           ("parts/05_posture",), "a posture that no joint allows carries a doubt"),
    Mutant("far-pieces-not-joined", "parts.intrinsic",
           "np.concatenate([pairs, _joining_pairs(points, groups)])", "pairs",
           ("parts/03_intrinsic",), "three balls get the two shortest bridges"),
    Mutant("paths-without-bridges", "parts.intrinsic",
           "torch.stack([c, a]), bridges(mesh).T]", "torch.stack([c, a])]",
           ("parts/03_intrinsic",), "mean distances of a body in pieces are those of the whole"),
    Mutant("refined-all-at-once", "parts.intrinsic",
           "range(min(first, last), last + 1, step)", "[last]",
           ("parts/03_intrinsic",), "a refined match is right within a centimetre"),
    Mutant("bridges-are-no-joints", "parts.articulated",
           "torch.cat([_joint_rows(template, weights), _bridge_rows(template, weights)])",
           "_joint_rows(template, weights)",
           ("parts/04_articulated",), "an unconnected eye follows the worm"),
    Mutant("shear-costs-nothing", "parts.articulated",
           "inner = options.shear * shear + ", "inner = ",
           ("parts/04_articulated",), "the gradient of the written-out sum is zero"),
    Mutant("pulled-from-one-side", "parts.articulated",
           " + rows_back.T @ (counted_back * rows_back)", "",
           ("parts/04_articulated",), "fits to strangers come near the true places"),
    Mutant("trimmed-from-the-start", "parts.articulated",
           "1 + (options.trim - 1) * progress, described", "options.trim, described",
           ("parts/04_articulated",), "in the first step all distances count"),
    Mutant("difference-not-averaged", "parts.applier",
           "len(mesh.faces) // (30 * motions.count))",
           "0)",
           ("parts/09_applier",), "what is added to copied Jacobians is smooth where cells are large"),
    Mutant("sizes-never-grow", "parts.preset",
           "if share <= enough or", "if share <= 1.0 or",
           ("parts/10_preset",), "a face takes more keypoints"),
    Mutant("sizes-always-grow", "parts.preset",
           "if share <= enough or", "if share < 0 or",
           ("parts/10_preset",), "people do not take more keypoints"),
    Mutant("given-sizes-ignored", "app.pipeline",
           "return replace(preset, **given)", "return preset",
           ("app/02_pipeline",), "80 keypoints were asked for"),
    Mutant("nothing-saved-without-steps", "training",
           "if options.steps == 0:", "if options.steps < 0:",
           ("app/02_pipeline",), "a run without steps can be opened"),
    Mutant("displacement-with-travel", "viewer.scene",
           "(moved - moved.mean(dim=1, keepdim=True)).norm(dim=-1)", "moved.norm(dim=-1)",
           ("viewer/00_scene",), "a shifted body is not displaced"),
    Mutant("any-weights-explain-motion", "viewer.packing",
           "if (moved - posed).norm(dim=-1).max() > tolerance * diagonal(actor.poses.template):", "if False:",
           ("viewer/01_packing",), "wrong weights are not used"),
    Mutant("segments-unaligned", "viewer.packing",
           "bytes(-numbers.nbytes % 8)", 'b""',
           ("viewer/01_packing",), "each segment begins at a multiple of eight"),
    Mutant("mixture-adds-up-to-anything", "viewer.explorer",
           "table = table / table.sum()", "table = 1 * table",
           ("viewer/04_explorer",), "a single pose of any weight is that pose"),
    Mutant("turns-in-the-wrong-order", "generating.tree",
           "rotations[part] = rotations[parent] @ own", "rotations[part] = own @ rotations[parent]",
           ("generating/01_tree",), "forward kinematics gives the skin back"),
    Mutant("tree-depends-on-the-unit", "generating.tree",
           "apart.sqrt() / diagonal(template)", "apart.sqrt()",
           ("generating/01_tree",), "the same tree in every unit of length"),
    Mutant("mirror-plane-at-the-side", "generating.mirror",
           "* along[:, None] + height", "* along[:, None] - height",
           ("generating/02_mirror",), "the plane of a symmetric mesh is found"),
    Mutant("its-own-nearest-neighbour", "generating.measures",
           "fill_diagonal_(torch.inf).argmin", "argmin",
           ("generating/00_measures",), "shares counted by hand on a line"),
    Mutant("mirrored-copies-are-new", "generating.measures",
           "known = torch.cat([training, mirrored.to(training)])", "known = training",
           ("generating/00_measures",), "mirrored copies have a copy ratio of 0"),
    Mutant("needles-pass-through", "metrics",
           " | _edges_pass(corners[second], corners[first])", "",
           ("02_metrics",), "a needle in a sheet is found in either order"),
    Mutant("sweep-in-the-wrong-order", "metrics",
           "order = low[:, axis].argsort()", "order = high[:, axis].argsort()",
           ("02_metrics",), "the same pairs as the naive search"),
    Mutant("levers-too-short", "generating.reaching",
           "levers = moved - (descent", "levers = moved - 0.9 * (descent",
           ("generating/05_reaching",), "slopes against differences"),
    Mutant("every-step-is-taken", "generating.reaching",
           "better = there.cost < here.cost", "better = there.cost > -1",
           ("generating/05_reaching",), "goals are reached within 0.5 cm"),
    Mutant("residual-in-world-axes", "generating.mixing",
           "verts = skinned + (frames @ poses.residual[..., None])[..., 0]", "verts = skinned + poses.residual",
           ("generating/08_mixing",), "given poses come back exactly"),
    Mutant("clip-starts-late", "generating.mixing",
           "torch.arange(-1, 3)).long()", "torch.arange(0, 4)).long()",
           ("generating/08_mixing",), "a clip passes through its frames"),
    Mutant("any-limb-is-drawn", "generating.sampler",
           "parts = kept_parts(pool, keep)", "parts = kept_parts(pool, keep[:1])",
           ("generating/09_sampler",), "kept limbs keep their distances"),
    Mutant("sampler-of-other-poses", "app.samplers",
           '.get("poses") == mark)', '.get("poses") != mark)',
           ("app/03_samplers",), "a sampler is learned once"),
    Mutant("clip-at-its-own-rate", "app.samplers",
           "dtype=torch.float64) / rate", "dtype=torch.float64)",
           ("app/03_samplers",), "every second frame at half the rate"),
    Mutant("mixtures-without-residual", "viewer.explorer",
           "mixed.residual[0]))", "0 * mixed.residual[0]))",
           ("viewer/04_explorer",), "the horn stays"),
    Mutant("always-the-same-new-poses", "viewer.explorer",
           "seed=len(self.scene.pose_names)", "seed=0",
           ("viewer/04_explorer",), "new poses are others each time"),
    Mutant("twins-are-other-poses", "generating.pool",
           "distances.masked_fill(twins[:, None] == twins, torch.inf)",
           "distances.masked_fill(torch.eye(len(twins)).bool(), torch.inf)",
           ("generating/03_pool",), "novelty counts neither a pose nor its twin"),
    Mutant("every-mirror-fits", "generating.pool",
           "across < most * own", "across < 9 * own",
           ("generating/03_pool",), "a clip that bends to one side has no mirror"),
    Mutant("donors-anywhere", "generating.recombining",
           "donors, parts = pool.near[anchors[:, None], picks]", "donors, parts = (anchors[:, None] + picks) % N",
           ("generating/04_recombining",), "donors are among the nearest"),
    Mutant("parts-weigh-alone", "generating.recombining",
           "carried[:, pool.tree.parents[part]] += carried[:, part]", "pass",
           ("generating/04_recombining",), "moments of what hangs on a part"),
    Mutant("tiny-ridges-look-best", "generating.detail",
           ".clamp(min=1e-9)[:, None]", ".clamp(min=1e-3)[:, None]",
           ("generating/06_detail",), "the leave-one-out error is that of refits"),
    Mutant("flow-asked-at-the-wrong-time", "generating.flow",
           "second = velocity(ahead, after.expand(len(start)))", "second = velocity(ahead, before.expand(len(start)))",
           ("generating/07_flow",), "halving the step quarters the error"),
    Mutant("fresh-poses-are-the-old-ones", "data.bodies",
           "[SEED, recipe.stream]", "[SEED, 0]",
           ("data/07_bodies",), "another seed gives other poses"),
    Mutant("turned-up-mirrored", "app.viewer",
           "torch.linalg.cross(-front, direction)", "torch.linalg.cross(front, direction)",
           ("app/07_viewer",), "bodies are turned, not mirrored"),
    Mutant("views-all-at-the-start", "files.document",
           'view.get("byteOffset", 0) + start', "start",
           ("files/00_document",), "a view keeps its place in the joined buffer"),
    Mutant("attributes-unaligned", "files.document",
           "padding = -length % 4", "padding = 0",
           ("files/00_document",), "rows of vertex attributes start at multiples of four bytes"),
    Mutant("opens-files-anywhere", "files.document",
           "or not beside.is_relative_to(folder)", "or False",
           ("files/00_document",), "no file outside the folder is opened"),
    Mutant("clips-not-from-zero", "files.rigs",
           "(times := clip_times(rig, clip, frames_per_second)) - times[0] for",
           "clip_times(rig, clip, frames_per_second) for",
           ("files/01_rigs",), "times count from the start of the clip"),
    Mutant("welds-what-parts", "files.rigs",
           "first_copies(torch.from_numpy(verts[used]), posed)", "first_copies(torch.from_numpy(verts[used]))",
           ("files/01_rigs",), "copies that part in a pose stay apart"),
    Mutant("first-primitive-only", "files.gltf",
           "np.array(joints), binds, weights, mesh, number)", "np.array(joints), binds, weights, mesh, 0)",
           ("files/02_gltf",), "a part tells which primitive it is"),
    Mutant("seams-forgotten", "files.gltf",
           "nearest[surface.copies[:, 0]] = nearest[surface.copies[:, 1]]", "nearest[surface.copies[:, 0]] = 0",
           ("files/02_gltf",), "results return to both sides of a seam"),
    Mutant("negative-indices-off-by-one", "files.models",
           "str(i if i >= 0 else count + 1 + i)", "str(i if i >= 0 else count + i)",
           ("files/03_models",), "negative numbers in an OBJ file count from the end"),
    Mutant("pieces-short", "files.models",
           "slice(start, end)", "slice(start, end - 1)",
           ("files/03_models",), "pieces cover all vertices"),
    Mutant("byte-order-mark-read", "geometry.mesh",
           'encoding="utf-8-sig", errors', 'encoding="utf-8", errors',
           ("geometry/00_mesh",), "an OBJ file may start with a byte order mark"),
    Mutant("parted-copies-welded", "geometry.mesh",
           "copies = apart[apart != leaders[groups]]", "copies = apart[:0]",
           ("geometry/00_mesh",), "copies that part in a pose stay apart"),
    Mutant("foreign-welding", "geometry.poses",
           "if like is not None and (welding := welding_like(whole.template, like)):",
           "if False and (welding := welding_like(whole.template, like)):",
           ("geometry/02_poses",), "poses are welded as the model's template was"),
    Mutant("welding-looks-at-rest-alone", "geometry.poses",
           "find_welding(poses.template, _EachPose(poses))",
           "find_welding(poses.template)",
           ("geometry/02_poses",), "copies that part in a pose stay apart"),
    Mutant("npz-not-welded", "data.examples",
           "return weld_poses(load_poses(path, repair), like)", "return load_poses(path, repair)",
           ("data/05_examples",), "poses of any form are welded"),
    Mutant("check-passes-loose-vertices", "app.check",
           "if flat or loose or repair.doubled:", "if flat and loose:",
           ("app/06_check",), "either fault is named"),
    Mutant("check-forgets-the-fault", "app.check",
           "if report.fault:", "if False:",
           ("app/06_check",), "a file that cannot be used is refused"),
    Mutant("new-poses-on-the-wrong-vertices", "app.samplers",
           "posed=welding.restore(made.posed))", "posed=made.posed[:, welding.nearest.flip(0)])",
           ("app/03_samplers",), "new poses return to the file's vertices"),
    Mutant("clips-start-anywhere", "rigging.clips",
           "times[order] - times.min()", "times[order]",
           ("rigging/03_clips",), "a clip starts at 0"),
    Mutant("heaps-are-motions", "rigging.clips",
           "< most**2 * between", "< 4 * between",
           ("rigging/03_clips",), "unrelated poses are no motion"),
    Mutant("feet-pushed-the-wrong-way", "rigging.feet",
           "still = (-others, 0 * along", "still = (others, 0 * along",
           ("rigging/04_feet",), "what stands on the source stands on the target"),
    Mutant("feet-never-lifted", "rigging.feet",
           "low = options.lift * (", "low = 0.0 * (",
           ("rigging/04_feet",), "feet do not sink"),
    Mutant("own-joints-mixed-up", "rigging.own_rig",
           "gram.transpose(2, 4)", "gram",
           ("rigging/07_own_rig",), "known joints are found again"),
    Mutant("own-joints-turn-backwards", "rigging.own_rig",
           "[..., [1, 2, 0], [2, 0, 1]]", "[..., [2, 0, 1], [1, 2, 0]]",
           ("rigging/07_own_rig",), "known joints are found again"),
    Mutant("weights-do-not-add-up", "rigging.skeleton",
           "large / large.sum(dim=1, keepdim=True))", "large)",
           ("rigging/00_skeleton",), "four weights add up to 1"),
    Mutant("orphans-without-parents", "rigging.skeleton",
           "while parents[joint] >= 0 and parents[joint] not in new:", "while False:",
           ("rigging/00_skeleton",), "what hung on a joint that is left out hangs on its parent"),
    Mutant("parts-never-moved", "rigging.fitting",
           "if new.errors.sum() > (1 - options.gain) * fit.errors.sum():", "if True:",
           ("rigging/01_fitting",), "moving a part helps"),
    Mutant("negative-weights", "rigging.fitting",
           "fits = (found >= 0).all(dim=-1) & errors.isfinite()", "fits = errors.isfinite()",
           ("rigging/01_fitting",), "weights are not negative"),
    Mutant("correctives-one-way", "rigging.correctives",
           "morphs.append(sign * most * direction)", "morphs.append(most * direction)",
           ("rigging/02_correctives",), "a direction that goes both ways becomes two targets"),
    Mutant("correctives-turned-wrongly", "rigging.correctives",
           "(blends.mT @ missing[some, :, :, None])", "(blends @ missing[some, :, :, None])",
           ("rigging/02_correctives",), "offsets are taken back to rest"),
    Mutant("mean-of-wrong-corners", "parts.applier",
           "from_verts = torch.stack([faces.repeat_interleave(3, dim=1).flatten(), faces.repeat(1, 3).flatten()])",
           "from_verts = torch.stack([faces.repeat(1, 3).flatten(), faces.repeat(1, 3).flatten()])",
           ("parts/09_applier",), "two rounds are the definition twice"),
    Mutant("weights-below-one", "rigging.animation",
           "large[:, 0] = 1 - large", "large[:, 0] = 0.9 - large",
           ("rigging/05_animation",), "four weights add up to 1"),
    Mutant("clip-rate-not-checked", "app.pipeline",
           "if not 0 < rate < math.inf:", "if not 0 < rate:",
           ("app/02_pipeline",), "an infinite rate is refused"),
    Mutant("clips-not-put-on-the-ground", "app.pipeline",
           "given = replace(given, posed=_on_the_ground(standing, given.posed, upright, target, root))", "pass",
           ("app/02_pipeline",), "feet stand where the source's do"),
    Mutant("root-always-follows", "app.rigs",
           "settings.refine, settings.root, progress)", 'settings.refine, "follow", progress)',
           ("app/05_rigs",), "a character stays in place"),
    Mutant("source-rigged-from-nothing", "app.rigs",
           "rig_target(model, prepared, poses, options)", "rig_target(None, None, poses, options)",
           ("app/05_rigs",), "a run brings its own joints"),
    Mutant("result-names-collide", "outputs",
           "            taken.add(name.casefold())",
           "            pass",
           ("outputs",), "names are unique"),
    Mutant("lock-locks-nothing", "outputs",
           "        lock.acquire(timeout=0)",
           "        pass",
           ("outputs",), "a folder in use is refused"),
    Mutant("input-replaced", "outputs",
           "if there in inputs and path.exists()",
           "if False",
           ("outputs",), "an input is not written over"),
    Mutant("living-writers-files-removed", "outputs",
           " and not _is_alive(int(found[1]))",
           "",
           ("outputs",), "what is being written is left alone"),
    Mutant("places-are-bad-input", "app.cli",
           "return 1 if isinstance(error, PlaceError) else 2, str(error)",
           "return 2, str(error)",
           ("app/09_faults",), "exit status 1 for what could not be done"),
    Mutant("interrupt-while-loading", "app.faults",
           "signal.signal(signal.SIGINT, _leave)",
           "pass",
           ("app/09_faults",), "Ctrl-C in the first seconds is a sentence"),
    Mutant("ranges-not-checked", "app.settings",
           "not low <= value <= high",
           "(value < low or value > high)",
           ("app/09_faults",), "NaN is no number of frames"),
    Mutant("needles-are-solved-on", "geometry.operators",
           "return 2 * face_areas(mesh.verts, mesh.faces) <= 1e-5 *",
           "return 2 * face_areas(mesh.verts, mesh.faces) < 0 *",
           ("geometry/04_operators",), "weights of a needle stay below a thousand"),
    Mutant("needles-stand-for-themselves", "geometry.operators",
           "numbers[found] = order[best[found]]",
           "pass",
           ("geometry/04_operators",), "the Jacobian of a needle is its neighbour's"),
    Mutant("solutions-not-finite", "geometry.poisson",
           "if verts.isfinite().all():",
           "if True:",
           ("geometry/06_poisson",), "NaN is an error that names what is to blame"),
    Mutant("far-meshes-lose-digits", "geometry.poisson",
           "self.components, verts - start)",
           "self.components, verts)",
           ("geometry/06_poisson",), "a mesh far from the origin comes back"),
    Mutant("huge-coordinates", "geometry.mesh",
           "> 1e60",
           "> 1e300",
           ("geometry/00_mesh",), "coordinates that overflow are refused"),
    Mutant("digits-not-by-size", "geometry.mesh",
           "8 - min(8,",
           "8 - 0 * min(8,",
           ("geometry/00_mesh",), "tiny meshes are written with their digits"),
    Mutant("huge-poses", "geometry.poses",
           "(some.abs() < 1e60)",
           "some.isfinite()",
           ("geometry/02_poses",), "a pose that overflows is refused"),
    Mutant("files-replaced-half-way", "geometry.poses",
           "    check_files(paths)  #",
           "    #",
           ("geometry/02_poses",), "nothing is written where a file is in the way"),
    Mutant("seconds-in-checkpoints", "training",
           'if name != "seconds"}',
           "if True}",
           ("03_training",), "a checkpoint holds no time"),
    Mutant("smoothing-cut-short", "parts.applier",
           "math.log(2 / tolerance)",
           "math.log(2)",
           ("parts/09_applier",), "a sum agrees with single rounds"),
    Mutant("any-type-is-taken", "transferring",
           "if not isinstance(given, kind):",
           "if False:",
           ("04_transferring",), "a path where a mesh is due"),
    Mutant("short-work-announced", "interface",
           "if seconds >= least:",
           "if True:",
           ("00_interface",), "nothing is said of short work"),
    Mutant("stale-flow-kept", "generating.sampler",
           "_flow_file(path).unlink(missing_ok=True)",
           "pass",
           ("generating/09_sampler",), "a sampler without a flow has none"),
    Mutant("settings-of-any-type", "app.runs",
           "if not isinstance(values.get(name), str | None):",
           "if False:",
           ("app/01_runs",), "a damaged config.yaml is named"),
    Mutant("turned-by-majority-alone", "geometry.facing",
           "torch.where(encloses, volume, majority)",
           "majority",
           ('geometry/00_facing',), "closed pieces are turned outward"),
    Mutant("every-edge-agrees", "geometry.facing",
           "other = np.where(agree, two, two + count)",
           "other = two",
           ('geometry/00_facing',), "the same faces as igl finds"),
    Mutant("turned-faces-kept", "geometry.mesh",
           "faces = torch.where(turned[:, None], faces.flip(1), faces)",
           "pass",
           ('geometry/00_mesh',), "half-inverted faces are turned"),
    Mutant("bars-left-open", "app.cli",
           '    _end_bars()\n    print',
           "    print",
           ('app/08_cli',), "an error begins on a line of its own"),
    Mutant("imports-replace-files", "app.cli",
           "    return check_out(path)",
           "    return path",
           ('app/09_faults',), "a file of the user is not replaced"),
    Mutant("missing-runs-not-said", "app.benchmark",
           "if settings.data is None and not settings.run.exists():",
           "if False:",
           ('app/09_faults',), "evaluate says that the run is missing"),
    Mutant("old-stages-refused", "parts.matching",
           "(stage[0], stage[-1]) if len(stage) == 4 else stage",
           "stage",
           ("parts/02_matching",), "stages of older model files"),
    Mutant("stale-factors", "parts.deforming",
           "key = stiffness, counted.numpy().tobytes()",
           'key = stiffness, b""',
           ("parts/02_deforming",), "other factors where other vertices count"),
    Mutant("edges-weigh-alike", "parts.deforming",
           "1 / lengths.square().numpy()",
           "1 / lengths.numpy()",
           ("parts/02_deforming",), "the formula of the Laplacian"),
    Mutant("far-target-attracts", "parts.deforming",
           "counted = squares <= reach**2",
           "counted = squares >= 0",
           ("parts/02_deforming",), "a target out of reach attracts nothing"),
    Mutant("skin-not-centred", "parts.skin",
           "center, centers = verts.mean(dim=0), posed.mean(dim=1)",
           "center, centers = 0 * verts[0], 0 * posed[:, 0]",
           ("parts/01_skin",), "a kilometre from the origin"),
    Mutant("others-do-not-feel-a-move", "parts.skin",
           "missing -= gram[:, 4 * part : 4 * part + 4] @ (moved - maps[part]).flatten(1)",
           "missing -= 0",
           ("parts/01_skin",), "motions vertex by vertex"),
    Mutant("completed-without-stand-ins", "geometry.operators",
           "return frame_jacobians(posed, faces, rest_duals(mesh.verts, faces).to(dtype))",
           "return frame_jacobians(posed, mesh.faces, rest_duals(mesh.verts, mesh.faces).to(dtype))",
           ("geometry/04_operators",), "the needle"),
    Mutant("edges-in-single-precision", "geometry.operators",
           "((corner - first).to(duals.dtype) for corner in (second, third))",
           "(corner.to(duals.dtype) - first.to(duals.dtype) for corner in (second, third))",
           ("geometry/04_operators",), "far from the origin"),
    Mutant("gradient-of-softmax-without-mean", "paper.layers",
           "torch.sub(values, output.unsqueeze(1), out=of_logits.view(values.shape)).mul_(of_values)",
           "torch.mul(values, of_values, out=of_logits.view(values.shape))",
           ("paper/00_layers",), "gradients by hand and by torch"),
    Mutant("keys-without-bias", "paper.layers",
           "F.linear(shift - keys, weigh.weight)",
           "F.linear(-keys, weigh.weight)",
           ("paper/00_layers",), "by hand and as written"),
    Mutant("weights-of-values", "paper.layers",
           "weights = _weights(inner, last, into=numbers[1]) if",
           "weights = _weights(values, last, into=numbers[1]) if",
           ("paper/00_layers",), "many pairs, of which less is kept"),
    Mutant("token-with-bias", "paper.layers",
           "shift = F.pad(after.bias.expand(M - bare, -1), (0, 0, 0, bare))",
           "shift = after.bias.expand(M, -1)",
           ("paper/00_layers",), "neighbours without a position"),
    Mutant("batch-norm-by-itself", "parallel",
           "if self.shared is None or not self.training:",
           "if True:",
           ("00_parallel",), "statistics of all processes"),
    Mutant("total-without-gradient-sum", "parallel",
           "return _add_up(gradients[0].clone(memory_format=torch.contiguous_format), ctx.processes), None",
           "return gradients[0], None",
           ("00_parallel",), "gradients of a sum over processes"),
    Mutant("idle-process-counts", "parallel",
           "(chosen[:1], False)",
           "(chosen[:1], True)",
           ("00_parallel",), "fewer poses than processes"),
    Mutant("variance-remembered-biased", "parallel",
           "variance.detach() * count / (count - 1)",
           "variance.detach()",
           ("00_parallel",), "remembered averages"),
    Mutant("norm-not-shared", "paper.layers",
           "class PointNorm(SharedNorm):",
           "class PointNorm(nn.BatchNorm1d):",
           ("paper/00_layers",), "points of all processes"),
    Mutant("equal-shares", "training",
           "weight = counts * len(own) / len(chosen)",
           "weight = counts / processes.count",
           ("03_training",), "several processes, odd batches"),
    Mutant("validation-of-own-share", "training",
           "total(sums, processes).tolist()",
           "sums.tolist()",
           ("03_training",), "validation over processes"),
    Mutant("poses-kept-while-streaming", "transferring",
           "for some in pose_batches(poses, batch_size, progress):",
           "for some in list(pose_batches(poses, batch_size, progress)):",
           ("04_transferring",), "poses are read as they are needed"),
    Mutant("stored-poses-out-of-order", "geometry.poses",
           "self.file.seek(self.order[number] * row.nbytes)",
           "self.file.seek(number * row.nbytes)",
           ("geometry/02_poses",), "some stored poses in another order"),
    Mutant("interrupted-write-left-behind", "outputs",
           "        os.replace(temporary, path)\n    except BaseException as error:",
           "        os.replace(temporary, path)\n    except Exception as error:",
           ("outputs",), "a write stopped by Ctrl-C"),
    Mutant("welding-of-other-copies", "geometry.mesh",
           "(verts[among[copies]] - verts[among[first[copies]]])",
           "(verts[copies] - verts[first[copies]])",
           ("geometry/00_mesh",), "copies that part in a pose"),
    Mutant("batches-not-refined", "refining",
           "yield replace(given, posed=_refined(shape, target.solver, given.posed))",
           "yield given",
           ("05_refining",), "refining by batches"),
    Mutant("changed-entry-is-finished", "app.many",
           'noted["fingerprint"] == print_ and whole',
           "whole",
           ("app/06_many",), "a changed target is done anew"),
    Mutant("list-goes-on-unasked", "app.many",
           "if row.status and not self.keep_going:",
           "if False:",
           ("app/06_many",), "the first bad entry stops the list"),
    Mutant("worker-outlives-its-parent", "app.many",
           "    os.kill(os.getpid(), signal.SIGINT)",
           "    pass",
           ("app/06_many",), "no process is left behind"),
    Mutant("killed-worker-is-bad-input", "app.many",
           "kind = InputError if all(row.status == 2 for row in bad) else PlaceError",
           "kind = InputError",
           ("app/06_many",), "a killed process is not bad input"),
    Mutant("floor-of-one-product", "app.speed",
           "return 3 * counter.get_total_flops()",
           "return counter.get_total_flops()",
           ("app/04_speed",), "operations counted by hand"),
]


class Outcome(NamedTuple):
    "What came of one mutant."

    caught: bool
    where: str  # cell and error, or what went wrong
    seconds: float


def notebook_of(
    module: str,
    folder: Path,  # a checkout
) -> Path:
    "The notebook that exports a module; raises ValueError where there is none."
    for path in sorted((folder / "nbs").rglob("*.ipynb")):
        if re.search(rf"#\s*\|\s*default_exp {re.escape(module)}\b(?!\.)", path.read_text(encoding="utf-8")):
            return path
    raise ValueError(f"no notebook exports npr.{module}")


def put_in(
    mutant: Mutant,
    folder: Path,  # a copy of the checkout, changed in place
    write: bool = True,  # False: only look for the text
) -> None:
    "Replace the text in a module and in its notebook; raises ValueError where it does not stand in each exactly once."
    path = notebook_of(mutant.module, folder)
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if EXPORTED.search(cell.source) and mutant.text in cell.source]
    module = folder / "npr" / f"{mutant.module.replace('.', '/')}.py"
    code = module.read_text(encoding="utf-8")
    if sum(cell.source.count(mutant.text) for cell in cells) != 1 or code.count(mutant.text) != 1:
        raise ValueError(f"{mutant.text!r} does not stand exactly once in {path.relative_to(folder)} and in its module")
    if write:
        cells[0].source = cells[0].source.replace(mutant.text, mutant.replacement)
        nbformat.write(notebook, path)
        module.write_text(code.replace(mutant.text, mutant.replacement), encoding="utf-8")


def check_texts() -> list[str]:
    "What is wrong with the list: texts that are not found, and notebooks that do not exist."
    problems = []
    for mutant in MUTANTS:
        try:
            put_in(mutant, ROOT, write=False)
        except (ValueError, OSError) as error:
            problems.append(f"{mutant.name}: {error}")
        problems += [f"{mutant.name}: there is no notebook {name}" for name in mutant.notebooks
                     if not (ROOT / "nbs" / f"{name}.ipynb").is_file()]
    return problems


def failed_line(
    traceback: list[str],  # of a cell's error, with colours
) -> str:
    "The line of the cell that raised the error."
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))
    found = re.search(r"^-+> ?\d+ (.*)$", plain, re.M)
    return found[1].strip() if found else ""


def first_failure(
    path: Path,  # a notebook, run in its own folder
) -> str | None:  # the number of the cell, the line that failed, the error
    "Run a notebook up to the first cell that fails; cells with flags are passed over, as nbdev_test does."
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and FLAGGED.search(cell.source):
            cell.source = ""
    client = NotebookClient(notebook, timeout=LONGEST, kernel_name="python3", record_timing=False,
                            extra_arguments=SILENT, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError as error:
        number, output = next((number, output) for number, cell in enumerate(notebook.cells)
                              for output in cell.get("outputs", []) if output.output_type == "error")
        return f"[{number}] {failed_line(output.traceback)[:90]} -> {error.ename}: {' '.join(error.evalue.split())}"
    return None


def not_copied(
    folder: str,
    names: list[str],  # of what lies in it
) -> set[str]:
    "What a copy of the checkout does without: hidden files, results and caches."
    left = {name for name in names if name.startswith(".") or name == "__pycache__" or name.endswith(".egg-info")}
    return left | ({"runs", "build"} if Path(folder) == ROOT else set())


def run_mutant(
    mutant: Mutant,
) -> Outcome:
    "Copy the checkout, put the error in, and run the notebooks until one fails."
    start = perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "npr"
        shutil.copytree(ROOT, folder, ignore=not_copied)
        os.environ |= {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            if mutant.text:
                put_in(mutant, folder)
            for name in mutant.notebooks:
                if found := first_failure(folder / "nbs" / f"{name}.ipynb"):
                    return Outcome(True, f"{name}{found}", perf_counter() - start)
        except (ValueError, OSError, RuntimeError) as error:  # such as a kernel that died
            return Outcome(False, f"NOT RUN: {error}", perf_counter() - start)
    return Outcome(False, "no test noticed", perf_counter() - start)


def run_all(
    mutants: Sequence[Mutant],
) -> dict[str, Outcome]:
    "Several at a time; a mutant without a text is the code as it is."
    outcomes = {}
    with ProcessPoolExecutor(PROCESSES) as pool:
        running = {pool.submit(run_mutant, mutant): mutant for mutant in mutants}
        for done in (bar := tqdm(as_completed(running), total=len(running))):
            bar.set_description(running[done].name)
            outcomes[running[done].name] = done.result()
    return {mutant.name: outcomes[mutant.name] for mutant in mutants}


def print_table(
    outcomes: dict[str, Outcome],
) -> None:
    "One line for each mutant: whether, and where, it was caught."
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        status = "caught" if outcome.caught else "MISSED"
        print(f"{status}  {name:<{width}}  {outcome.seconds:4.0f} s  {outcome.where[:120]}")


def main() -> int:
    "Run the mutants that are named, or all."
    names = sys.argv[1:]
    if names == ["--list"]:
        print("\n".join(f"{mutant.name:<32}{mutant.module:<20}{mutant.catcher}" for mutant in MUTANTS))
        return 0
    if names == ["--check"]:
        problems = check_texts()
        print("\n".join(problems) or f"the texts of {len(MUTANTS)} mutants are found")
        return int(bool(problems))
    if unknown := set(names) - {mutant.name for mutant in MUTANTS}:
        print(f"there is no mutant {', '.join(sorted(unknown))}; --list prints all names")
        return 1
    if not names:
        concerned = sorted({name for mutant in MUTANTS for name in mutant.notebooks})
        outcomes = run_all([Mutant(name, "", "", "", (name,), "") for name in concerned])
        if failing := {name: outcome for name, outcome in outcomes.items() if outcome.where != "no test noticed"}:
            print("\n".join(f"{name} fails as it is: {outcome.where}" for name, outcome in failing.items()))
            return 1
    outcomes = run_all([mutant for mutant in MUTANTS if not names or mutant.name in names])
    print_table(outcomes)
    missed = sum(not outcome.caught for outcome in outcomes.values())
    print(f"{len(outcomes) - missed} of {len(outcomes)} mutants were caught")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
