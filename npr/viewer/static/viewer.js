/*
 * The browser's half of npr's viewer: reads a packed scene, draws it by WebGL or shows the pictures that Python
 * sends, and holds all controls. One module, nothing fetched. `render` serves anywidget, `standalone` a page.
 */

// ---------------------------------------------------------------- the packed scene

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };

/** The header of a block, and `read(segment)`, which gives a typed array without copying. */
export function readScene(block) {
  const bytes = toBytes(block);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const read = ([kind, offset, count]) => new ARRAYS[kind](bytes.buffer, 4 + size + offset, count);
  return { header, read };
}

/** Bytes that begin at a multiple of eight, as typed arrays need it. */
function toBytes(block) {
  const view = block instanceof ArrayBuffer ? new Uint8Array(block)
    : new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
  return view.byteOffset % 8 === 0 && view.byteOffset === 0 ? view : view.slice();
}

/** Positions (V * 3) of an actor in a pose, written into `out`. */
export function decodeFrame(scene, actor, frame, out) {
  const motion = actor.motion;
  if (motion.kind === "skinned") return skin(scene, actor, frame, out);
  return restore(scene.read(motion.positions), motion.low, motion.high, frame, out);
}

/** Quantised positions of one pose as numbers. */
function restore(steps, low, high, frame, out) {
  const scale = [0, 1, 2].map((axis) => (high[axis] - low[axis]) / 65535);
  const start = frame * out.length;
  for (let i = 0; i < out.length; i += 3) {
    out[i] = low[0] + scale[0] * steps[start + i];
    out[i + 1] = low[1] + scale[1] * steps[start + i + 1];
    out[i + 2] = low[2] + scale[2] * steps[start + i + 2];
  }
  return out;
}

/** Linear blend skinning of one pose. */
function skin(scene, actor, frame, out) {
  const { joints, weights, transforms, per, count } = actor.motion;
  const [rest, near, shares, maps] = [actor.rest, joints, weights, transforms].map(scene.read);
  const start = frame * count * 12;
  for (let v = 0; v < actor.vertices; v++) {
    const x = rest[3 * v], y = rest[3 * v + 1], z = rest[3 * v + 2];
    let a = 0, b = 0, c = 0;
    for (let k = v * per; k < (v + 1) * per; k++) {
      const w = shares[k] / 65535, m = start + 12 * near[k];
      a += w * (maps[m] * x + maps[m + 1] * y + maps[m + 2] * z + maps[m + 3]);
      b += w * (maps[m + 4] * x + maps[m + 5] * y + maps[m + 6] * z + maps[m + 7]);
      c += w * (maps[m + 8] * x + maps[m + 9] * y + maps[m + 10] * z + maps[m + 11]);
    }
    out[3 * v] = a; out[3 * v + 1] = b; out[3 * v + 2] = c;
  }
  return out;
}

/** Normals (V * 3) of the vertices, means over their faces by area, written into `out`. */
export function vertexNormals(positions, faces, out) {
  out.fill(0);
  for (let f = 0; f < faces.length; f += 3) {
    const i = 3 * faces[f], j = 3 * faces[f + 1], k = 3 * faces[f + 2];
    const ux = positions[j] - positions[i], uy = positions[j + 1] - positions[i + 1], uz = positions[j + 2] - positions[i + 2];
    const vx = positions[k] - positions[i], vy = positions[k + 1] - positions[i + 1], vz = positions[k + 2] - positions[i + 2];
    const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
    for (const p of [i, j, k]) { out[p] += nx; out[p + 1] += ny; out[p + 2] += nz; }
  }
  return out;
}

// ---------------------------------------------------------------- colours

const UNKNOWN = [191, 191, 191]; // of an actor that cannot show a colouring

/** Mean of the vertices, three numbers. */
function meanOf(points) {
  const mean = [0, 0, 0], count = points.length / 3;
  for (let i = 0; i < points.length; i += 3) for (let axis = 0; axis < 3; axis++) mean[axis] += points[i + axis] / count;
  return mean;
}

/** Distances of two sets of points in percent of the diagonal, `shift` added to the second. */
function distances(first, second, shift, diagonal) {
  const out = new Float32Array(first.length / 3);
  for (let v = 0; v < out.length; v++) {
    const x = first[3 * v] - second[3 * v] - shift[0];
    const y = first[3 * v + 1] - second[3 * v + 1] - shift[1];
    const z = first[3 * v + 2] - second[3 * v + 2] - shift[2];
    out[v] = 100 * Math.sqrt(x * x + y * y + z * z) / diagonal;
  }
  return out;
}

/** Shares (V) of one keypoint, 0 to 1. */
function influenceOf(scene, actor, keypoint) {
  const { per, indices, weights } = actor.influence;
  const near = scene.read(indices), shares = scene.read(weights), out = new Float32Array(actor.vertices);
  for (let i = 0; i < near.length; i++) if (near[i] === keypoint) out[Math.floor(i / per)] = shares[i] / 255;
  return out;
}

/** Numbers (V) that a colouring shows, or null; `positions` of the actor and of its truth in the pose. */
function valuesOf(scene, actor, state, positions, truth) {
  if (state.coloring === "displacement") {
    const rest = scene.read(actor.rest), a = meanOf(positions), b = meanOf(rest);
    return distances(positions, rest, [a[0] - b[0], a[1] - b[1], a[2] - b[2]], actor.diagonal);
  }
  if (state.coloring === "error") return truth ? distances(positions, truth, [0, 0, 0], actor.diagonal) : null;
  if (state.coloring === "influence") return actor.influence ? influenceOf(scene, actor, state.keypoint) : null;
  const field = actor.fields[state.coloring];
  if (!field || field.kind !== "scalar") return null;
  const bytes = scene.read(field.values);
  return Float32Array.from(bytes, (byte) => field.low + (field.high - field.low) * byte / 255);
}

/** Colours (V * 3 bytes) of an actor, unlit, written into `out`. */
export function vertexColors(scene, actor, state, positions, truth, out) {
  const field = actor.fields[state.coloring];
  if (field && field.kind === "rgb") { out.set(scene.read(field.values)); return out; }
  const values = state.coloring === "plain" ? null : valuesOf(scene, actor, state, positions, truth);
  const scales = scene.header.scales[state.target] || {};
  const [low, high] = scales[state.coloring] || [0, 1];
  const table = scene.read(scene.header.viridis);
  const flat = state.coloring === "plain" ? actor.color.map((part) => Math.round(255 * part)) : UNKNOWN;
  for (let v = 0; v < actor.vertices; v++) {
    const step = values ? 3 * Math.round(255 * Math.min(1, Math.max(0, (values[v] - low) / Math.max(high - low, 1e-12)))) : 0;
    for (let axis = 0; axis < 3; axis++) out[3 * v + axis] = values ? table[step + axis] : flat[axis];
  }
  return out;
}

// ---------------------------------------------------------------- the camera, as npr.viewer.scene has it

const HALF_VIEW = 15 * Math.PI / 180; // half the field of view

/** Rows right, up and towards of the camera (9 numbers). */
export function viewRotation(azimuth, elevation) {
  const [a, e] = [azimuth, elevation].map((angle) => angle * Math.PI / 180);
  const right = [Math.cos(a), Math.sin(a), 0];
  const towards = [Math.sin(a) * Math.cos(e), -Math.cos(a) * Math.cos(e), Math.sin(e)];
  const up = [towards[1] * right[2] - towards[2] * right[1], towards[2] * right[0] - towards[0] * right[2],
    towards[0] * right[1] - towards[1] * right[0]];
  return [...right, ...up, ...towards];
}

/** View and projection (column by column) for an actor's tile, and the distance of the camera. */
export function viewMatrices(camera, center, radius, aspect) {
  const [azimuth, elevation, zoom, right, up] = camera;
  const r = viewRotation(azimuth, elevation);
  const distance = 1.05 * radius / Math.sin(HALF_VIEW) / Math.min(1, aspect) / zoom;
  const eye = [0, 1, 2].map((axis) => center[axis] - radius * (right * r[axis] + up * r[3 + axis]) + distance * r[6 + axis]);
  const shift = [0, 3, 6].map((row) => -(r[row] * eye[0] + r[row + 1] * eye[1] + r[row + 2] * eye[2]));
  const view = [r[0], r[3], r[6], 0, r[1], r[4], r[7], 0, r[2], r[5], r[8], 0, ...shift, 1];
  const near = Math.max(distance - 3 * radius, distance / 100), far = distance + 3 * radius;
  const focal = 1 / Math.tan(HALF_VIEW);
  const projection = [focal / aspect, 0, 0, 0, 0, focal, 0, 0, 0, 0, (far + near) / (near - far), -1,
    0, 0, 2 * far * near / (near - far), 0];
  return { view, projection, distance };
}

/** Left edge and width of each tile. */
export function tiles(width, count) {
  const edges = Array.from({ length: count + 1 }, (_, i) => Math.floor(i * width / count));
  return edges.slice(0, count).map((left, i) => [left, edges[i + 1] - left]);
}

// ---------------------------------------------------------------- WebGL

const MESH_VERTEX = `#version 300 es
uniform mat4 view, projection;
in vec3 position, normal, color;
out vec3 seen, tilt, paint;
void main() {
  vec4 place = view * vec4(position, 1.0);
  seen = place.xyz; tilt = mat3(view) * normal; paint = color;
  gl_Position = projection * place;
}`;
const MESH_FRAGMENT = `#version 300 es
precision highp float;
in vec3 seen, tilt, paint;
out vec4 result;
void main() {
  vec3 n = normalize(tilt);
  if (dot(n, seen) > 0.0) n = -n;
  float key = max(dot(n, normalize(vec3(-0.5, 0.9, 0.8))), 0.0);
  float fill = max(dot(n, normalize(vec3(0.9, 0.1, 0.5))), 0.0);
  result = vec4(min(paint * (0.48 + 0.52 * key + 0.16 * fill), 1.0), 1.0);
}`;
const BALL_VERTEX = `#version 300 es
uniform mat4 view, projection;
uniform float radius, height;
uniform int chosen;
in vec3 position;
out vec3 paint;
void main() {
  gl_Position = projection * (view * vec4(position, 1.0));
  gl_PointSize = max(radius * projection[1][1] * height / gl_Position.w, 3.0);
  paint = gl_VertexID == chosen ? vec3(0.85, 0.2, 0.15) : vec3(0.15, 0.2, 0.3);
}`;
const BALL_FRAGMENT = `#version 300 es
precision highp float;
in vec3 paint;
out vec4 result;
void main() {
  vec2 spot = 2.0 * gl_PointCoord - 1.0;
  float square = dot(spot, spot);
  if (square > 1.0) discard;
  result = vec4(paint * (0.7 + 0.5 * sqrt(1.0 - square)), 1.0);
}`;

/** Compile and link a pair of shaders; attributes at the same places in both programs. */
function linkProgram(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader);
  }
  ["position", "normal", "color"].forEach((name, place) => gl.bindAttribLocation(program, place, name));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

/** Draws the actors of a row into a canvas. Owns its context and gives it back in `close`. */
class GLEngine {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!this.gl) throw new Error("WebGL is not available in this browser");
    this.meshes = [];
    this.mesh = linkProgram(this.gl, MESH_VERTEX, MESH_FRAGMENT);
    this.ball = linkProgram(this.gl, BALL_VERTEX, BALL_FRAGMENT);
  }

  /** Make buffers for the actors of a row. */
  load(scene, actors) {
    this.free();
    const gl = this.gl;
    this.meshes = actors.map((actor) => {
      const names = ["positions", "normals", "colors", "faces", "keypoints"];
      const buffers = Object.fromEntries(names.map((name) => [name, gl.createBuffer()]));
      const faces = Uint32Array.from(scene.read(actor.faces));
      gl.bindVertexArray(null);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.faces);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
      return { buffers, count: faces.length, balls: 0 };
    });
  }

  /** Give one mesh its numbers; what is left out stays. */
  update(number, { positions, normals, colors, keypoints }) {
    const gl = this.gl, mesh = this.meshes[number];
    for (const [name, values] of Object.entries({ positions, normals, colors, keypoints })) {
      if (!values) continue;
      gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
      if (name === "keypoints") mesh.balls = values.length / 3;
    }
  }

  /** Draw all meshes, one in each tile. */
  draw(scene, actors, state) {
    const gl = this.gl, { width, height } = this.canvas;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.SCISSOR_TEST);
    tiles(width, actors.length).forEach(([left, wide], number) => {
      gl.viewport(left, 0, wide, height);
      gl.scissor(left, 0, wide, height);
      const camera = viewMatrices(state.camera, actors[number].center, scene.header.radius, wide / height);
      this.drawMesh(this.meshes[number], camera);
      if (state.show_keypoints && this.meshes[number].balls) this.drawBalls(this.meshes[number], camera, scene, state);
    });
  }

  drawMesh(mesh, { view, projection }) {
    const gl = this.gl, program = this.use(this.mesh, view, projection);
    ["positions", "normals", "colors"].forEach((name, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffers[name]);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, name === "colors" ? gl.UNSIGNED_BYTE : gl.FLOAT, name === "colors", 0, 0);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.buffers.faces);
    gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
    return program;
  }

  drawBalls(mesh, { view, projection }, scene, state) {
    const gl = this.gl, program = this.use(this.ball, view, projection);
    gl.uniform1f(gl.getUniformLocation(program, "radius"), 0.02 * scene.header.radius);
    gl.uniform1f(gl.getUniformLocation(program, "height"), this.canvas.height);
    gl.uniform1i(gl.getUniformLocation(program, "chosen"), state.coloring === "influence" ? state.keypoint : -1);
    gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffers.keypoints);
    gl.disableVertexAttribArray(1);
    gl.disableVertexAttribArray(2);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
    gl.drawArrays(gl.POINTS, 0, mesh.balls);
  }

  use(program, view, projection) {
    const gl = this.gl;
    gl.useProgram(program);
    gl.uniformMatrix4fv(gl.getUniformLocation(program, "view"), false, view);
    gl.uniformMatrix4fv(gl.getUniformLocation(program, "projection"), false, projection);
    return program;
  }

  free() {
    for (const mesh of this.meshes) Object.values(mesh.buffers).forEach((buffer) => this.gl.deleteBuffer(buffer));
    this.meshes = [];
  }

  /** Give the context back: browsers allow few of them. */
  close() {
    this.free();
    [this.mesh, this.ball].forEach((program) => this.gl.deleteProgram(program));
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

// ---------------------------------------------------------------- small helpers for elements

/** An element with properties and children. */
function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset || {});
  element.append(...children);
  return element;
}

/** A menu with a label. */
function menu(label, names, chosen, act) {
  const select = make("select", { title: label, ariaLabel: label });
  fillMenu(select, names, chosen);
  select.addEventListener("change", () => act(select.value));
  return select;
}

/** Give a menu its entries: texts, or pairs of value and text. */
function fillMenu(select, names, chosen) {
  const pairs = names.map((name) => (Array.isArray(name) ? name : [name, name]));
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value, textContent: text })));
  select.value = chosen;
}

/** Red, green and blue from 0 to 1 of an element's background. */
function backgroundOf(element) {
  const pixel = make("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  pixel.fillStyle = getComputedStyle(element).backgroundColor;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((part) => part / 255);
}

const ICONS = {
  play: "M5 3l10 6-10 6z", pause: "M4 3h4v12H4zM10 3h4v12h-4z",
  save: "M8 2h2v7h3l-4 4-4-4h3zM3 14h12v2H3z", full: "M3 3h5v2H5v3H3zM10 3h5v5h-2V5h-3zM3 10h2v3h3v2H3zM13 10h2v5h-5v-2h3z",
};

/** A button with a drawing on it. */
function iconButton(icon, label, act) {
  const button = make("button", { type: "button", title: label, ariaLabel: label, className: "npr-icon" });
  setIcon(button, icon);
  button.addEventListener("click", act);
  return button;
}

function setIcon(button, icon) {
  button.innerHTML = `<svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
}

// ---------------------------------------------------------------- the pointer on the picture

const FIRST_CAMERA = [25, 12, 1, 0, 0];

/** Turns pointers, the wheel and keys on `area` into changes of the camera. Returns a clean-up function. */
function steer(area, viewer) {
  const pointers = new Map();
  const move = (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
    const spread = spreadOf(pointers);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, button: before.button });
    const camera = [...viewer.state.camera];
    const pan = event.shiftKey || before.button !== 0 || pointers.size === 2;
    if (pan) panCamera(camera, dx / pointers.size, dy / pointers.size, area.clientHeight);
    else turnCamera(camera, dx, dy);
    if (pointers.size === 2 && spread > 0) zoomCamera(camera, spreadOf(pointers) / spread);
    viewer.setCamera(camera);
  };
  const down = (event) => {
    area.focus({ preventScroll: true });
    area.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, button: event.button });
    event.preventDefault();
  };
  const up = (event) => { pointers.delete(event.pointerId); viewer.settle(); };
  const wheel = (event) => {
    event.preventDefault();
    const camera = [...viewer.state.camera];
    zoomCamera(camera, Math.exp(-0.0015 * event.deltaY * (event.deltaMode === 1 ? 30 : 1)));
    viewer.setCamera(camera);
    viewer.settle();
  };
  const reset = () => { viewer.setCamera([...viewer.firstCamera]); viewer.settle(); };
  const key = (event) => {
    const act = keyActions(viewer, reset)[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  const kinds = [["pointermove", move], ["pointerdown", down], ["pointerup", up], ["pointercancel", up], ["wheel", wheel],
    ["dblclick", reset], ["keydown", key], ["contextmenu", (event) => event.preventDefault()]];
  for (const [kind, act] of kinds) area.addEventListener(kind, act, { passive: false });
  return () => { for (const [kind, act] of kinds) area.removeEventListener(kind, act); };
}

function spreadOf(pointers) {
  const [a, b] = [...pointers.values()];
  return b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
}

function turnCamera(camera, dx, dy) {
  camera[0] = (camera[0] - 0.4 * dx) % 360;
  camera[1] = Math.min(89, Math.max(-89, camera[1] + 0.4 * dy));
}

function panCamera(camera, dx, dy, height) {
  const reach = 2 * 1.05 / Math.cos(HALF_VIEW) / camera[2] / height; // radii of the scene in a pixel
  camera[3] += reach * dx;
  camera[4] -= reach * dy;
}

function zoomCamera(camera, factor) {
  camera[2] = Math.min(50, Math.max(0.1, camera[2] * factor));
}

function keyActions(viewer, reset) {
  const zoom = (factor) => () => {
    const camera = [...viewer.state.camera];
    zoomCamera(camera, factor);
    viewer.setCamera(camera);
    viewer.settle();
  };
  const last = viewer.scene.header.poses.length - 1;
  return { " ": () => viewer.set("playing", !viewer.state.playing), ArrowRight: () => viewer.step(1),
    ArrowLeft: () => viewer.step(-1), Home: () => viewer.showFrame(0), End: () => viewer.showFrame(last),
    "+": zoom(1.2), "-": zoom(1 / 1.2), r: reset };
}

// ---------------------------------------------------------------- the map of poses

/** Barycentric coordinates of a point in a triangle of 2D points. */
export function barycentric(point, a, b, c) {
  const area = (p, q, r) => (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1]);
  const whole = area(a, b, c);
  return [area(point, b, c) / whole, area(a, point, c) / whole, area(a, b, point) / whole];
}

/** The triangle that holds a point and its weights, or null. */
export function findTriangle(point, points, triangles) {
  const at = (i) => [points[2 * i], points[2 * i + 1]];
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [triangles[t], triangles[t + 1], triangles[t + 2]];
    const weights = barycentric(point, ...corners.map(at));
    if (weights.every((weight) => weight >= -1e-9)) return { poses: corners, weights };
  }
  return null;
}

/** A square with a point for each pose: hover and click show poses, a drag mixes them. */
class PoseMap {
  constructor(viewer, facts) {
    this.viewer = viewer;
    this.facts = facts;
    this.points = viewer.scene.read(facts.points);
    this.triangles = viewer.scene.read(facts.triangles);
    this.canvas = make("canvas", { className: "npr-map", tabIndex: 0, ariaLabel: "Map of the poses" });
    const shares = facts.explained.map((share) => Math.round(100 * share));
    this.caption = make("div", { className: "npr-caption",
      textContent: `Principal components 1 and 2 of the codes: ${shares[0]} % and ${shares[1]} % of the variance` });
    this.button = make("button", { type: "button", className: "npr-sample", textContent: "Sample new poses",
      disabled: !facts.sample, title: facts.sample ? "Add twenty new poses" : "Needs a generator of poses and a running notebook" });
    this.button.addEventListener("click", () => viewer.model.send({ kind: "sample" }));
    this.element = make("div", { className: "npr-plane" }, this.canvas, this.caption, this.button);
    this.place = null; // where the pointer mixes, in the plane
    this.hovered = -1;
    for (const kind of ["pointermove", "pointerdown", "pointerup", "pointerleave"]) {
      this.canvas.addEventListener(kind, (event) => this[kind](event));
    }
  }

  /** From the plane to pixels of the canvas, and back. */
  frame() {
    const bounds = [0, 1].map((axis) => {
      const values = this.points.filter((_, i) => i % 2 === axis);
      return [Math.min(...values), Math.max(...values)];
    });
    const size = this.canvas.clientWidth, margin = 14;
    const extent = Math.max(...bounds.map(([low, high]) => high - low)) || 1;
    const scale = (size - 2 * margin) / extent;
    const middle = bounds.map(([low, high]) => (low + high) / 2);
    return { to: ([x, y]) => [size / 2 + scale * (x - middle[0]), size / 2 - scale * (y - middle[1])],
      from: ([x, y]) => [(x - size / 2) / scale + middle[0], (size / 2 - y) / scale + middle[1]] };
  }

  nearest([x, y]) {
    const { to } = this.frame();
    let best = 0, least = Infinity;
    for (let i = 0; i < this.points.length / 2; i++) {
      const [px, py] = to([this.points[2 * i], this.points[2 * i + 1]]);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [best, least] = [i, distance];
    }
    return { best, least };
  }

  spot(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  pointermove(event) {
    const spot = this.spot(event);
    if (this.pressed) { this.mix(spot); return; }
    const { best, least } = this.nearest(spot);
    this.hovered = least < 12 ? best : -1;
    this.canvas.title = this.hovered >= 0 ? this.viewer.scene.header.poses[best] : "";
    if (this.hovered >= 0) this.viewer.showFrame(best, false);
    this.draw();
  }

  pointerdown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pressed = true;
    this.began = this.spot(event);
    this.viewer.set("playing", false);
  }

  pointerup(event) {
    if (!this.pressed) return;
    this.pressed = false;
    const spot = this.spot(event);
    if (Math.hypot(spot[0] - this.began[0], spot[1] - this.began[1]) < 4) {
      this.place = null;
      this.viewer.showFrame(this.nearest(spot).best);
    }
    this.draw();
  }

  pointerleave() {
    if (this.hovered < 0) return;
    this.hovered = -1;
    this.viewer.showFrame(this.viewer.state.frame);
    this.draw();
  }

  mix(spot) {
    const point = this.frame().from(spot);
    const found = this.facts.live ? findTriangle(point, this.points, this.triangles) : null;
    const alone = this.nearest(spot).best;
    this.place = found ? point : [this.points[2 * alone], this.points[2 * alone + 1]];
    if (found) this.viewer.mix(found);
    else this.viewer.showFrame(alone);
    if (!this.facts.live) this.viewer.say("Mixing poses needs a running notebook; this page shows the nearest pose.");
    this.draw();
  }

  draw() {
    const size = this.canvas.clientWidth, ratio = Math.min(2, window.devicePixelRatio || 1);
    if (!size) return;
    this.canvas.width = this.canvas.height = Math.round(size * ratio);
    const ink = getComputedStyle(this.canvas), pen = this.canvas.getContext("2d"), { to } = this.frame();
    pen.scale(ratio, ratio);
    pen.strokeStyle = ink.getPropertyValue("--npr-line");
    pen.lineWidth = 0.5;
    for (let t = 0; t < this.triangles.length; t += 3) {
      pen.beginPath();
      for (const i of [0, 1, 2]) pen.lineTo(...to([this.points[2 * this.triangles[t + i]], this.points[2 * this.triangles[t + i] + 1]]));
      pen.closePath();
      pen.stroke();
    }
    const dot = (point, radius, color) => {
      pen.beginPath();
      pen.arc(...to(point), radius, 0, 7);
      pen.fillStyle = color;
      pen.fill();
    };
    for (let i = 0; i < this.points.length / 2; i++) {
      dot([this.points[2 * i], this.points[2 * i + 1]], 3, ink.getPropertyValue("--npr-dot"));
    }
    const shown = this.hovered >= 0 ? this.hovered : this.viewer.state.frame;
    const point = this.place && this.hovered < 0 ? this.place : [this.points[2 * shown], this.points[2 * shown + 1]];
    dot(point, 6, ink.getPropertyValue("--npr-accent"));
  }
}

// ---------------------------------------------------------------- the viewer

const TRAITS = ["engine", "engines", "target", "frame", "coloring", "keypoint", "show_keypoints", "playing", "speed", "camera",
  "height", "note"];
const ENGINE_NAMES = { webgl: "WebGL", polyscope: "polyscope", matplotlib: "matplotlib" };

/** One viewer: its state, its engine, its elements. */
class Viewer {
  constructor(model, element) {
    this.model = model;
    this.element = element;
    this.state = Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
    this.firstCamera = [...FIRST_CAMERA];
    this.live = null; // positions of a mixed pose, one array for each actor
    this.cleanups = [];
    this.unsent = new Set();
    this.serial = 0;
    this.build();
    this.listen();
    this.open(model.get("pack"));
  }

  // ---- elements

  build() {
    this.area = make("div", { className: "npr-area", tabIndex: 0, role: "img",
      ariaLabel: "Picture. Drag to turn, shift-drag to move, wheel to zoom, space to play, arrows to step, r to reset." });
    this.area.style.height = `${this.state.height}px`;
    this.names = make("div", { className: "npr-names" });
    this.scale = make("div", { className: "npr-scale" });
    this.stage = make("div", { className: "npr-stage" }, this.area);
    this.area.append(this.names, this.scale);
    this.body = make("div", { className: "npr-body" }, this.stage);
    this.noteLine = make("div", { className: "npr-note", role: "status" });
    this.root = make("div", { className: "npr-viewer" }, this.body, this.buildControls(), this.noteLine);
    this.element.replaceChildren(this.root);
    this.cleanups.push(steer(this.area, this));
  }

  buildControls() {
    this.playButton = iconButton("play", "Play", () => this.set("playing", !this.state.playing));
    this.slider = make("input", { type: "range", min: 0, value: 0, className: "npr-slider", ariaLabel: "Pose" });
    this.slider.addEventListener("input", () => this.showFrame(Number(this.slider.value)));
    this.poseName = make("span", { className: "npr-pose" });
    this.speedMenu = menu("Speed", [["0.25", "0.25×"], ["0.5", "0.5×"], ["1", "1×"], ["2", "2×"], ["4", "4×"]], "1",
      (value) => this.set("speed", Number(value)));
    this.targetMenu = menu("Target", [], "", (value) => this.set("target", value));
    this.colorMenu = menu("Colouring", [], "", (value) => this.set("coloring", value));
    this.keypointInput = make("input", { type: "number", min: 0, className: "npr-number", title: "Keypoint", ariaLabel: "Keypoint" });
    this.keypointInput.addEventListener("change", () => this.set("keypoint", Number(this.keypointInput.value) || 0));
    this.keypointBox = make("input", { type: "checkbox" });
    this.keypointBox.addEventListener("change", () => this.set("show_keypoints", this.keypointBox.checked));
    this.keypointLabel = make("label", { className: "npr-check" }, this.keypointBox, "keypoints");
    this.engineMenu = menu("Engine", [], "", (value) => this.set("engine", value));
    const save = iconButton("save", "Save the picture", () => this.savePicture());
    const full = iconButton("full", "Full screen", () => this.fullScreen());
    return make("div", { className: "npr-controls" },
      make("div", { className: "npr-time" }, this.playButton, this.slider, this.poseName, this.speedMenu),
      make("div", { className: "npr-menus" }, this.targetMenu, this.colorMenu, this.keypointInput, this.keypointLabel,
        make("span", { className: "npr-gap" }), this.engineMenu, save, full));
  }

  listen() {
    const model = this.model;
    for (const name of TRAITS) this.on(model, `change:${name}`, () => this.receive(name, model.get(name)));
    this.on(model, "change:pack", () => this.open(model.get("pack")));
    this.on(model, "msg:custom", (message, buffers) => this.answer(message, buffers));
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.area);
    this.seen = true;
    this.watching = new IntersectionObserver(([entry]) => this.appear(entry.isIntersecting), { rootMargin: "800px" });
    this.watching.observe(this.area);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)"), repaint = () => { this.draw(); this.map?.draw(); };
    scheme.addEventListener("change", repaint);
    this.cleanups.push(() => scheme.removeEventListener("change", repaint));
  }

  on(model, event, act) {
    model.on(event, act);
    this.cleanups.push(() => model.off(event, act));
  }

  // ---- the scene

  open(pack) {
    if (!pack || !pack.byteLength) return;
    this.scene = readScene(pack);
    const { header } = this.scene;
    this.live = null;
    if (!header.targets.some((target) => target.name === this.state.target)) this.state.target = header.targets[0].name;
    this.state.frame = Math.min(this.state.frame, header.poses.length - 1);
    this.map?.element.remove();
    this.map = header.explorer ? new PoseMap(this, header.explorer) : null;
    if (this.map) this.body.prepend(this.map.element);
    this.body.classList.toggle("npr-with-map", !!this.map);
    this.slider.max = header.poses.length - 1;
    this.chooseRow();
    requestAnimationFrame(() => this.map?.draw());
  }

  get actors() {
    return this.scene.header.targets.find((target) => target.name === this.state.target).actors;
  }

  /** Everything that depends on the target. */
  chooseRow() {
    this.live = null;
    this.work = this.actors.map((actor) => ({ positions: new Float32Array(3 * actor.vertices),
      normals: new Float32Array(3 * actor.vertices), colors: new Uint8Array(3 * actor.vertices) }));
    this.names.replaceChildren(...this.actors.map((actor) => make("span", { textContent: actor.name })));
    this.loaded = null;
    this.refresh();
    this.draw();
  }

  /** Set all controls from the state. */
  refresh() {
    const { header } = this.scene, { state } = this;
    fillMenu(this.targetMenu, header.targets.map((target) => target.name), state.target);
    fillMenu(this.colorMenu, header.colorings, state.coloring);
    fillMenu(this.engineMenu, state.engines.map((name) => [name, ENGINE_NAMES[name] || name]), state.engine);
    this.speedMenu.value = String(state.speed);
    this.targetMenu.hidden = header.targets.length < 2;
    this.engineMenu.hidden = state.engines.length < 2;
    this.keypointLabel.hidden = !this.actors.some((actor) => actor.keypoints);
    this.keypointBox.checked = state.show_keypoints;
    this.keypointInput.hidden = state.coloring !== "influence";
    this.keypointInput.value = state.keypoint;
    setIcon(this.playButton, state.playing ? "pause" : "play");
    this.playButton.title = this.playButton.ariaLabel = state.playing ? "Pause" : "Play";
    this.playButton.parentElement.hidden = header.poses.length < 2;
    this.noteLine.textContent = state.note;
    this.area.style.height = `${state.height}px`;
    this.refreshPose();
    this.refreshScale();
  }

  refreshPose() {
    const { poses } = this.scene.header;
    this.slider.value = this.state.frame;
    this.poseName.textContent = this.live ? "mixture" : `${poses[this.state.frame]}  ${this.state.frame + 1} / ${poses.length}`;
  }

  refreshScale() {
    const scale = (this.scene.header.scales[this.state.target] || {})[this.state.coloring];
    this.scale.hidden = !scale;
    if (!scale) return;
    const table = this.scene.read(this.scene.header.viridis);
    const stops = Array.from({ length: 9 }, (_, i) => Math.round(i * 255 / 8) * 3).map((i) => `rgb(${table[i]} ${table[i + 1]} ${table[i + 2]})`);
    const bar = make("span", { className: "npr-bar" });
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    const text = (number) => String(Number(number.toPrecision(3)));
    this.scale.replaceChildren(text(scale[0]), bar, `${text(scale[1])} ${scale[2]}`);
  }

  // ---- state

  /** Change a trait here and in Python. */
  set(name, value) {
    this.receive(name, value);
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** A trait has changed, here or in Python. */
  receive(name, value) {
    if (JSON.stringify(this.state[name]) === JSON.stringify(value)) return;
    this.state[name] = value;
    if (!this.scene) return;
    if (name === "target") { this.chooseRow(); return; }
    if (name === "frame") this.live = null;
    if (name === "engine") this.say("");
    if (name === "playing") this.clock = null;
    this.refresh();
    this.draw();
  }

  setCamera(camera) { this.state.camera = camera; this.later("camera"); this.draw(); }

  /** Show a pose; `keep` makes it the frame of the viewer, else it is only looked at. */
  showFrame(frame, keep = true) {
    this.live = null;
    this.glance = keep ? null : frame;
    if (keep) { this.state.frame = frame; this.later("frame"); }
    this.refreshPose();
    this.map?.draw();
    this.draw();
  }

  step(by) {
    const count = this.scene.header.poses.length;
    this.showFrame((this.state.frame + by + count) % count);
    this.settle();
  }

  /** Tell Python of camera and frame four times a second at most. */
  later(name) {
    this.unsent.add(name);
    this.timer ??= setTimeout(() => this.settle(), 250);
  }

  settle() {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.unsent.size) return;
    for (const name of this.unsent) this.model.set(name, this.state[name]);
    this.unsent.clear();
    this.model.save_changes();
  }

  say(note) { this.state.note = note; this.noteLine.textContent = note; }

  // ---- drawing

  draw() { this.wish ??= requestAnimationFrame((now) => { this.wish = null; this.paint(now); }); }

  paint(now) {
    if (!this.scene || this.closed || !this.seen || !this.area.clientWidth) return;
    this.advance(now);
    if (this.state.engine === "webgl") this.paintHere();
    else this.askPicture();
    if (this.state.playing) this.draw();
  }

  /** Ten poses a second times the speed, by the clock. */
  advance(now) {
    if (!this.state.playing) return;
    this.clock ??= { start: now, frame: this.state.frame };
    const count = this.scene.header.poses.length;
    const frame = (this.clock.frame + Math.floor((now - this.clock.start) * this.state.speed / 100)) % count;
    if (frame === this.state.frame) return;
    this.state.frame = frame;
    this.live = null;
    this.later("frame");
    this.refreshPose();
    this.map?.draw();
  }

  size() {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    return [Math.round(this.area.clientWidth * ratio), Math.round(this.area.clientHeight * ratio)];
  }

  paintHere() {
    if (!this.engine && !this.startEngine()) return;
    const { canvas } = this.engine, [width, height] = this.size();
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const shown = { ...this.state, frame: this.glance ?? this.state.frame };
    const mark = JSON.stringify([shown.target, shown.frame, shown.coloring, shown.keypoint, this.live?.serial]);
    if (this.loaded === null) this.engine.load(this.scene, this.actors);
    if (this.loaded !== mark) this.compute(shown);
    this.loaded = mark;
    this.engine.draw(this.scene, this.actors, shown);
    this.area.dataset.drawn = mark;
  }

  compute(shown) {
    const { scene, actors, work, live } = this;
    actors.forEach((actor, i) => (live ? work[i].positions.set(live.positions[i]) : decodeFrame(scene, actor, shown.frame, work[i].positions)));
    actors.forEach((actor, i) => {
      const truth = actor.truth === null || live ? null : work[actor.truth].positions;
      vertexNormals(work[i].positions, scene.read(actor.faces), work[i].normals);
      vertexColors(scene, actor, shown, work[i].positions, truth, work[i].colors);
      const balls = actor.keypoints && !live ? restore(scene.read(actor.keypoints.positions), actor.keypoints.low, actor.keypoints.high,
        shown.frame, new Float32Array(3 * actor.keypoints.count)) : new Float32Array(0);
      this.engine.update(i, { ...work[i], keypoints: balls });
    });
  }

  startEngine() {
    const canvas = make("canvas", { className: "npr-picture" });
    try {
      this.engine = new GLEngine(canvas);
    } catch (error) {
      return this.withoutWebGL();
    }
    canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); this.stopEngine(); this.draw(); });
    this.image?.remove();
    this.image = null;
    this.area.prepend(canvas);
    this.loaded = null;
    return true;
  }

  withoutWebGL() {
    const others = this.state.engines.filter((name) => name !== "webgl");
    this.set("engines", others);
    if (!others.length) { this.say("This browser has no WebGL, so nothing can be drawn here."); return false; }
    this.set("engine", others[0]);
    this.say(`This browser has no WebGL; ${ENGINE_NAMES[others[0]]} draws in Python.`);
    return false;
  }

  stopEngine() {
    const { engine } = this;
    if (!engine) return;
    this.engine = null;
    engine.canvas.remove();
    engine.close();
  }

  /** Off screen a viewer gives its context back. */
  appear(visible) {
    this.seen = visible;
    this.clock = null;
    if (visible) this.draw();
    else this.stopEngine();
  }

  // ---- pictures from Python

  askPicture() {
    this.stopEngine();
    const [width, height] = this.size(), { state } = this;
    const wish = { width, height, background: backgroundOf(this.area), target: state.target, frame: this.glance ?? state.frame,
      coloring: state.coloring, keypoint: state.keypoint, show_keypoints: state.show_keypoints, camera: state.camera,
      engine: state.engine, live: !!this.live };
    const mark = JSON.stringify([wish, this.live?.serial]);
    if (this.waiting || mark === this.pictured) return;
    this.pictured = mark;
    this.waiting = ++this.serial;
    this.patience = setTimeout(() => { this.waiting = 0; this.say("Python does not answer; is the kernel busy or gone?"); }, 10000);
    this.model.send({ kind: "draw", serial: this.waiting, ...wish });
  }

  answer(message, buffers) {
    if (message.kind === "picture" && message.serial === this.waiting) this.takePicture(message, buffers[0]);
    if (message.kind === "live") this.takeMixture(message, buffers[0]);
    if (message.kind === "refused") { clearTimeout(this.patience); this.waiting = 0; }
  }

  takePicture(message, buffer) {
    clearTimeout(this.patience);
    this.waiting = 0;
    if (!this.image) {
      this.image = make("img", { className: "npr-picture", alt: "", draggable: false });
      this.area.prepend(this.image);
    }
    const url = URL.createObjectURL(new Blob([buffer], { type: message.type }));
    this.image.onload = () => { URL.revokeObjectURL(url); this.area.dataset.drawn = this.pictured; };
    this.image.src = url;
    this.draw(); // what has been wished for since
  }

  // ---- mixtures of poses

  mix({ poses, weights }) {
    this.nextMix = { poses, weights };
    if (this.mixing) return;
    this.mixing = ++this.serial;
    this.model.send({ kind: "mix", serial: this.mixing, target: this.state.target, poses: [...poses], weights });
    this.nextMix = null;
  }

  takeMixture(message, buffer) {
    if (message.serial !== this.mixing) return;
    this.mixing = 0;
    const bytes = toBytes(buffer), floats = new Float32Array(bytes.buffer, 0, bytes.byteLength / 4);
    let start = 0;
    const positions = message.counts.map((count) => floats.subarray(3 * start, 3 * (start += count)));
    if (positions.every((part, i) => part.length === this.work[i]?.positions.length)) {
      this.live = { serial: message.serial, positions };
      this.refreshPose();
      this.draw();
    }
    if (this.nextMix) this.mix(this.nextMix);
  }

  // ---- the rest

  async savePicture() {
    const [width, height] = this.size(), canvas = make("canvas", { width, height }), pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(this.area).backgroundColor;
    pen.fillRect(0, 0, width, height);
    pen.drawImage(this.engine ? this.engine.canvas : this.image, 0, 0, width, height);
    const url = URL.createObjectURL(await new Promise((done) => canvas.toBlob(done)));
    const name = this.live ? "mixture" : this.scene.header.poses[this.state.frame];
    make("a", { href: url, download: `npr-${this.state.target}-${name}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  close() {
    this.closed = true;
    this.settle();
    this.cleanups.forEach((act) => act());
    this.resizing.disconnect();
    this.watching.disconnect();
    clearTimeout(this.patience);
    cancelAnimationFrame(this.wish);
    this.stopEngine();
    this.element.replaceChildren();
  }
}

/** What anywidget calls; returns the clean-up. */
function render({ model, el }) {
  const viewer = new Viewer(model, el);
  return () => viewer.close();
}

/** A viewer in a page without a kernel. */
export function standalone(block, el, options = {}) {
  const { header } = readScene(block);
  if (header.explorer) header.explorer.live = header.explorer.sample = false;
  const values = { pack: block, engine: "webgl", engines: ["webgl"], target: header.targets[0].name, frame: 0, coloring: "plain",
    keypoint: 0, show_keypoints: false, playing: false, speed: 1, camera: [...FIRST_CAMERA], height: 420, note: "", ...options };
  const model = { get: (name) => values[name], set: (name, value) => { values[name] = value; }, save_changes() {}, on() {}, off() {},
    send() {} };
  return new Viewer(model, el);
}

export default { render };
