// Loads a GLB file, moves it through a clip, shows it and reads its vertices back. scripts/check_glb.py drives this page.
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

const PAPER = 0xf5f4f1;
const FRONT = new THREE.Vector3(0.6, 0.35, 1).normalize(); // glTF's figures look along +z
const MOST_FRAMED = 4000; // vertices of a mesh that the camera looks for

const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
document.body.append(renderer.domElement);
const stage = new THREE.Scene();
stage.background = new THREE.Color(PAPER);
stage.add(new THREE.HemisphereLight(0xffffff, 0xb8b0a8, 2.2));
const camera = new THREE.PerspectiveCamera(25, 1, 0.01, 100);
const sun = new THREE.DirectionalLight(0xffffff, 2);
stage.add(sun);
let model = null; // { scene, clips, meshes, mixer }

// The meshes in the order in which npr reads them: by number of the node, then of the primitive.
function meshesOf(gltf) {
  const found = [];
  gltf.scene.traverse((object) => {
    if (!object.isMesh) return;
    let holder = object;
    while (holder && gltf.parser.associations.get(holder)?.nodes === undefined) holder = holder.parent;
    const node = holder ? gltf.parser.associations.get(holder).nodes : -1;
    found.push({ object, node, primitive: gltf.parser.associations.get(object)?.primitives ?? 0 });
  });
  found.sort((a, b) => a.node - b.node || a.primitive - b.primitive);
  return found.map(({ object }) => object);
}

function points(mesh, step = 1) {
  const count = mesh.geometry.attributes.position.count;
  const rows = new Float32Array(3 * Math.ceil(count / step));
  const place = new THREE.Vector3();
  for (let i = 0, at = 0; i < count; i += step, at += 3) {
    mesh.getVertexPosition(i, place); // with morph targets and skin
    place.applyMatrix4(mesh.matrixWorld).toArray(rows, at);
  }
  return rows;
}

function base64(rows) {
  const bytes = new Uint8Array(rows.buffer);
  const pieces = [];
  for (let i = 0; i < bytes.length; i += 0x8000) pieces.push(String.fromCharCode(...bytes.subarray(i, i + 0x8000)));
  return btoa(pieces.join(""));
}

function pose(clip, seconds) {
  model.mixer.stopAllAction(); // back to rest
  if (clip !== null) {
    const found = THREE.AnimationClip.findByName(model.clips, clip);
    if (!found) throw new Error(`there is no clip ${clip}, only ${model.clips.map((one) => one.name).join(", ")}`);
    const action = model.mixer.clipAction(found).reset().setLoop(THREE.LoopOnce);
    action.clampWhenFinished = true;
    action.play();
    model.mixer.setTime(seconds);
  }
  model.scene.updateMatrixWorld(true);
  for (const mesh of model.meshes) mesh.skeleton?.update();
}

// Put the camera where everything that was seen at some moments just fits.
function frame(moments, front) {
  const seen = [];
  for (const [clip, seconds] of moments) {
    pose(clip, seconds);
    for (const mesh of model.meshes) {
      const step = Math.ceil(mesh.geometry.attributes.position.count / MOST_FRAMED);
      seen.push(points(mesh, step));
    }
  }
  const box = new THREE.Box3();
  for (const rows of seen) box.union(new THREE.Box3().setFromArray(rows));
  const middle = box.getCenter(new THREE.Vector3());
  const direction = front ? new THREE.Vector3(...front).normalize() : FRONT;
  camera.position.copy(middle).add(direction);
  camera.lookAt(middle);
  camera.updateMatrixWorld(true);
  const turn = camera.matrixWorld.clone().invert();
  const high = Math.tan(THREE.MathUtils.degToRad(camera.fov / 2));
  const place = new THREE.Vector3();
  let low = [Infinity, Infinity], top = [-Infinity, -Infinity], distance = 0;
  const all = seen.flatMap((rows) => Array.from({ length: rows.length / 3 },
    (_, i) => place.fromArray(rows, 3 * i).applyMatrix4(turn).toArray()));
  for (const [x, y] of all) {
    low = [Math.min(low[0], x), Math.min(low[1], y)];
    top = [Math.max(top[0], x), Math.max(top[1], y)];
  }
  const [x0, y0] = [(low[0] + top[0]) / 2, (low[1] + top[1]) / 2];
  for (const [x, y, z] of all) {
    const needed = Math.max(Math.abs(x - x0) / (high * camera.aspect), Math.abs(y - y0) / high);
    distance = Math.max(distance, 1.06 * needed + z);
  }
  camera.position.set(x0, y0, distance).applyMatrix4(camera.matrixWorld);
  const size = box.getSize(new THREE.Vector3()).length();
  camera.near = Math.max(distance - 2 * size, size / 1000);
  camera.far = distance + 3 * size;
  camera.updateProjectionMatrix();
  sun.position.copy(camera.position).add(new THREE.Vector3(-0.6 * size, size, 0));
  sun.target.position.copy(middle);
  sun.target.updateMatrixWorld();
}

window.load = async (url, width, height) => {
  if (model) stage.remove(model.scene);
  const gltf = await new GLTFLoader().loadAsync(url);
  model = { scene: gltf.scene, clips: gltf.animations, meshes: meshesOf(gltf), mixer: null };
  model.mixer = new THREE.AnimationMixer(model.scene);
  for (const mesh of model.meshes) {
    mesh.frustumCulled = false;
    for (const material of [mesh.material].flat()) {
      if (material.metalness) material.metalness = 0; // there is nothing around that metal could mirror
      if (material.roughness < 0.7) material.roughness = 0.7;
    }
  }
  stage.add(model.scene);
  renderer.setSize(width, height);
  camera.aspect = width / height;
  return model.clips.map((clip) => [clip.name, clip.duration]);
};
window.frame = frame;
window.show = (clip, seconds) => {
  pose(clip, seconds);
  renderer.render(stage, camera);
};
window.vertices = (clip, seconds) => {
  pose(clip, seconds);
  return model.meshes.map((mesh) => base64(points(mesh)));
};
window.ready = true;
