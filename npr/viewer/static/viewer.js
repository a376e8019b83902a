// The browser's half of the viewer of npr: reads a packed scene, draws it, and holds the controls.
// One module without dependencies. The notebook's widget calls `render`, a saved page calls `standalone`.
//
// Parts: 1 packed scenes, 2 geometry and colours, 3 camera, 4 drawing by WebGL, 5 drawing by Python,
// 6 gestures and keys, 7 controls, 8 the map of poses, 9 points that pull the body, 10 the viewer, 11 the ways in.

const FORMAT = "npr-scene-1";
const HALF_VIEW = (15 * Math.PI) / 180; // half of the vertical field of view
const POSES_A_SECOND = 10;
const PATIENCE = 10000; // ms to wait for Python
const GREY = [191, 191, 191]; // of an actor that cannot show a colouring
const DARK = [0.15, 0.2, 0.3]; // of keypoints
const RED = [0.85, 0.2, 0.15]; // of the keypoint whose influence is shown
const KEYPOINT_SIZE = 0.02; // radius of a keypoint, in radii of the scene
const START = [25, 12, 1, 0, 0]; // camera: azimuth and elevation in degrees, zoom, right, up
const DEFAULTS = {
  engine: "webgl", engines: ["webgl"], target: "", frame: 0, coloring: "plain", keypoint: 0,
  show_keypoints: false, playing: false, speed: 1, camera: START, height: 420, note: "",
};
const EMPTY = { poses: [], targets: [], colorings: ["plain"], scales: {}, radius: 1, outline: [] }; // no scene yet

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// 1 ------------------------------------------------------------------------------------- packed scenes

const ARRAYS = new Map([["u1", Uint8Array], ["u2", Uint16Array], ["u4", Uint32Array], ["f4", Float32Array]]);

/** The bytes of an ArrayBuffer or of any view of one. */
function bytesOf(data) {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A scene from its block of bytes: the header, in which each segment has become a typed array (no copy). */
function readScene(block) {
  let bytes = bytesOf(block);
  if (bytes.byteOffset % 8) bytes = bytes.slice();
  const { buffer, byteOffset } = bytes;
  const length = new DataView(buffer, byteOffset).getUint32(0, true);
  const start = byteOffset + 4 + length;
  const isSegment = (value) =>
    Array.isArray(value) && value.length === 3 && ARRAYS.has(value[0]) && Number.isInteger(value[1]);
  const scene = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)), (_, value) =>
    isSegment(value) ? new (ARRAYS.get(value[0]))(buffer, start + value[1], value[2]) : value);
  if (scene.format !== FORMAT) throw new Error(`This viewer reads ${FORMAT} and not ${scene.format}; reload the page.`);
  return scene;
}

/** Quantised points of one pose, times a weight, added to `out` (3 N). */
function addQuantised({ positions, low, high }, frame, weight, out) {
  const first = frame * out.length;
  for (let axis = 0; axis < 3; axis++) {
    const base = weight * low[axis], step = (weight * (high[axis] - low[axis])) / 65535;
    for (let i = axis; i < out.length; i += 3) out[i] += base + step * positions[first + i];
  }
}

/** Positions of one pose by linear blend skinning, written to `out` (3 V). */
function skin({ joints, weights, per, transforms, count }, rest, frame, out) {
  const first = frame * count * 12;
  for (let v = 0, w = 0; v < out.length; v += 3) {
    const x = rest[v], y = rest[v + 1], z = rest[v + 2];
    let a = 0, b = 0, c = 0;
    for (let j = 0; j < per; j++, w++) {
      const weight = weights[w] / 65535, t = first + joints[w] * 12;
      if (weight === 0) continue;
      a += weight * (transforms[t] * x + transforms[t + 1] * y + transforms[t + 2] * z + transforms[t + 3]);
      b += weight * (transforms[t + 4] * x + transforms[t + 5] * y + transforms[t + 6] * z + transforms[t + 7]);
      c += weight * (transforms[t + 8] * x + transforms[t + 9] * y + transforms[t + 10] * z + transforms[t + 11]);
    }
    out[v] = a;
    out[v + 1] = b;
    out[v + 2] = c;
  }
}

/** Positions of an actor in a pose: Float32Array (3 V), into `out` if it is given. */
function decodeFrame(actor, frame, out = new Float32Array(3 * actor.vertices)) {
  if (actor.motion.kind === "skinned") skin(actor.motion, actor.rest, frame, out);
  else addQuantised(actor.motion, frame, 1, out.fill(0));
  return out;
}

// 2 ------------------------------------------------------------------------------ geometry and colours

/** Area-weighted normals of the vertices, of length 1, written to `out` (3 V). */
function vertexNormals(positions, faces, out) {
  out.fill(0);
  for (let f = 0; f < faces.length; f += 3) {
    const a = 3 * faces[f], b = 3 * faces[f + 1], c = 3 * faces[f + 2];
    const ax = positions[a], ay = positions[a + 1], az = positions[a + 2];
    const ux = positions[b] - ax, uy = positions[b + 1] - ay, uz = positions[b + 2] - az;
    const vx = positions[c] - ax, vy = positions[c + 1] - ay, vz = positions[c + 2] - az;
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
    out[a] += x, out[a + 1] += y, out[a + 2] += z;
    out[b] += x, out[b + 1] += y, out[b + 2] += z;
    out[c] += x, out[c + 1] += y, out[c + 2] += z;
  }
  for (let i = 0; i < out.length; i += 3) {
    const size = Math.sqrt(out[i] ** 2 + out[i + 1] ** 2 + out[i + 2] ** 2) || 1;
    out[i] /= size, out[i + 1] /= size, out[i + 2] /= size;
  }
  return out;
}

/** The mean of points (3 N): [x, y, z]. */
function meanOf(points) {
  let x = 0, y = 0, z = 0;
  for (let i = 0; i < points.length; i += 3) x += points[i], y += points[i + 1], z += points[i + 2];
  return [x, y, z].map((sum) => (3 * sum) / points.length);
}

/** How far points (3 V) are from others plus a shift [x, y, z], in percent of `diagonal`, written to `out` (V). */
function distances(points, others, [x, y, z], diagonal, out) {
  for (let v = 0, i = 0; v < out.length; v++, i += 3) {
    const a = points[i] - others[i] - x, b = points[i + 1] - others[i + 1] - y, c = points[i + 2] - others[i + 2] - z;
    out[v] = (100 * Math.sqrt(a * a + b * b + c * c)) / diagonal;
  }
  return out;
}

/** What a colouring shows at the vertices of an actor, written to `out` (V); null where it has no such numbers. */
function vertexValues(row, number, positions, coloring, keypoint, out) {
  const actor = row.actors[number], field = actor.fields[coloring], points = positions[number];
  if (coloring === "displacement") {
    const now = meanOf(points), before = meanOf(actor.rest);
    return distances(points, actor.rest, now.map((part, axis) => part - before[axis]), actor.diagonal, out);
  }
  if (coloring === "error")
    return actor.truth === null ? null : distances(points, positions[actor.truth], [0, 0, 0], actor.diagonal, out);
  if (coloring === "influence" && actor.influence) {
    const { per, indices, weights } = actor.influence;
    out.fill(0);
    for (let i = 0; i < indices.length; i++) if (indices[i] === keypoint) out[Math.floor(i / per)] = weights[i] / 255;
    return out;
  }
  if (!field || field.kind !== "scalar") return null;
  for (let v = 0; v < out.length; v++) out[v] = field.low + ((field.high - field.low) * field.values[v]) / 255;
  return out;
}

/** Fill `out` (4 V) with one colour [r, g, b], 0 to 255. */
function paintAll(out, [r, g, b]) {
  for (let i = 0; i < out.length; i += 4) out[i] = r, out[i + 1] = g, out[i + 2] = b, out[i + 3] = 255;
  return out;
}

/**
 * Colours of the vertices of actor `number` of a row, without light: Uint8Array (4 V), RGBA.
 * `positions` has the positions (3 V) of all actors of the row; `scratch` (V) is overwritten.
 */
function vertexColors(scene, row, number, positions, coloring, keypoint = 0, out = undefined, scratch = undefined) {
  const actor = row.actors[number], field = actor.fields[coloring], count = actor.vertices;
  out ??= new Uint8Array(4 * count);
  if (coloring === "plain") return paintAll(out, actor.color.map((part) => Math.round(255 * part)));
  if (field?.kind === "rgb") {
    paintAll(out, GREY);
    for (let v = 0; v < count; v++) for (let c = 0; c < 3; c++) out[4 * v + c] = field.values[3 * v + c];
    return out;
  }
  const values = vertexValues(row, number, positions, coloring, keypoint, scratch ?? new Float32Array(count));
  const scale = scene.scales[row.name]?.[coloring];
  if (!values || !scale) return paintAll(out, GREY);
  const [low, high] = scale, gain = 256 / Math.max(high - low, 1e-12);
  for (let v = 0; v < count; v++) {
    const entry = 3 * clamp(Math.floor((values[v] - low) * gain), 0, 255);
    for (let c = 0; c < 3; c++) out[4 * v + c] = scene.viridis[entry + c];
    out[4 * v + 3] = 255;
  }
  return out;
}

/** The actors of one row in the pose that is shown; its arrays are used again for each pose. */
class RowShapes {
  constructor(scene, row) {
    this.scene = scene;
    this.row = row;
    this.actors = row.actors.map(({ vertices, keypoints }) => ({
      normals: new Float32Array(3 * vertices), colors: new Uint8Array(4 * vertices),
      scratch: new Float32Array(vertices), keypoints: new Float32Array(3 * (keypoints?.count ?? 0)),
    }));
    this.decoded = row.actors.map(({ vertices }) => new Float32Array(3 * vertices));
    this.positions = this.decoded;
  }

  /** Bring all arrays to a pose, or to a mixture (see `Viewer.mixture`); says whether shapes or colours changed. */
  update(frame, mixture, coloring, keypoint) {
    const moved = this.frame !== frame || this.mixture !== mixture;
    const colored = moved || this.coloring !== coloring || this.keypoint !== keypoint;
    if (moved) this.move(frame, mixture);
    if (colored)
      this.actors.forEach(({ colors, scratch }, number) =>
        vertexColors(this.scene, this.row, number, this.positions, coloring, keypoint, colors, scratch));
    Object.assign(this, { frame, mixture, coloring, keypoint });
    return { moved, colored };
  }

  /** Positions, normals and keypoints of a pose or of a mixture. */
  move(frame, mixture) {
    this.positions = mixture ? mixture.positions : this.decoded;
    const { poses, weights } = mixture ?? { poses: [frame], weights: [1] };
    this.row.actors.forEach((actor, number) => {
      const own = this.actors[number];
      if (!mixture) decodeFrame(actor, frame, this.decoded[number]);
      vertexNormals(this.positions[number], actor.faces, own.normals);
      own.keypoints.fill(0);
      if (actor.keypoints) poses.forEach((pose, i) => addQuantised(actor.keypoints, pose, weights[i], own.keypoints));
    });
  }
}

// 3 -------------------------------------------------------------------------------------------- camera

/** The axes of the camera, row by row: [right, up, towards the camera]. */
function viewRotation(azimuth, elevation) {
  const [a, e] = [(azimuth * Math.PI) / 180, (elevation * Math.PI) / 180];
  const right = [Math.cos(a), Math.sin(a), 0];
  const towards = [Math.sin(a) * Math.cos(e), -Math.cos(a) * Math.cos(e), Math.sin(e)];
  const up = [
    towards[1] * right[2] - towards[2] * right[1],
    towards[2] * right[0] - towards[0] * right[2],
    towards[0] * right[1] - towards[1] * right[0],
  ];
  return [right, up, towards];
}

/** Distance of the camera from what it looks at: the circles of the scene's outline fit. `camera_eye` of Python does the same. */
function cameraDistance({ outline, radius }, elevation, zoom, aspect) {
  const steep = 1 / Math.tan(HALF_VIEW), angle = (elevation * Math.PI) / 180;
  const sine = Math.sin(angle), cosine = Math.cos(angle), side = Math.hypot(steep / Math.min(1, aspect), cosine);
  const needed = outline.map(([reach, height]) => Math.max(
    reach * side + height * sine,
    reach * Math.abs(steep * sine - cosine) + height * (sine + steep * cosine),
    reach * Math.abs(steep * sine + cosine) + height * (sine - steep * cosine)));
  return (1.05 * Math.max(radius, ...needed)) / zoom;
}

/** How a camera sees an actor: {view, projection} as columns for WebGL, and {rotation, eye, distance, near, far}. */
function viewMatrices(camera, center, scene, aspect) {
  const [azimuth, elevation, zoom, right, up] = camera, { radius } = scene;
  const rotation = viewRotation(azimuth, elevation);
  const distance = cameraDistance(scene, elevation, zoom, aspect);
  const eye = center.map((part, axis) =>
    part - radius * (right * rotation[0][axis] + up * rotation[1][axis]) + distance * rotation[2][axis]);
  const near = Math.max(distance - 3 * radius, distance / 100), far = distance + 3 * radius;
  const moved = rotation.map((line) => -line.reduce((sum, part, axis) => sum + part * eye[axis], 0));
  const view = new Float32Array(16), projection = new Float32Array(16), focus = 1 / Math.tan(HALF_VIEW);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) view[4 * j + i] = rotation[i][j];
  view.set([...moved, 1], 12);
  projection.set([focus / aspect, 0, 0, 0, 0, focus, 0, 0, 0, 0, -(far + near) / (far - near), -1]);
  projection[14] = (-2 * far * near) / (far - near);
  return { view, projection, rotation, eye, distance, near, far };
}

/** Left edge and width of each of `count` tiles in a picture of `width` pixels. */
function tilesOf(width, count) {
  const edges = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * width) / count));
  return edges.slice(1).map((end, i) => [edges[i], end - edges[i]]);
}

// 4 ----------------------------------------------------------------------------------- drawing by WebGL

const LIGHT = `
float light(vec3 normal) {
  float key = max(dot(normal, normalize(vec3(-0.5, 0.9, 0.8))), 0.0);
  float fill = max(dot(normal, normalize(vec3(0.9, 0.1, 0.5))), 0.0);
  return 0.48 + 0.52 * key + 0.16 * fill;
}`;

const SURFACE = [`#version 300 es
uniform mat4 view, projection;
in vec3 position, normal;
in vec4 color;
out vec3 facing, paint;
void main() {
  gl_Position = projection * view * vec4(position, 1.0);
  facing = mat3(view) * normal;
  paint = color.rgb;
}`, `#version 300 es
precision highp float;
in vec3 facing, paint;
out vec4 pixel;
${LIGHT}
void main() {
  vec3 normal = normalize(facing + vec3(0.0, 0.0, 1e-6));
  pixel = vec4(min(paint * light(gl_FrontFacing ? normal : -normal), 1.0), 1.0);
}`];

// Each keypoint is a square of pixels, in which a ball with its own depth is drawn.
const BALLS = [`#version 300 es
uniform mat4 view, projection;
uniform float radius, scale;
uniform int chosen;
in vec3 position;
out vec3 paint;
out float depth, size;
void main() {
  vec4 seen = view * vec4(position, 1.0);
  gl_Position = projection * seen;
  depth = seen.z;
  size = 2.0 * radius * scale / -seen.z;
  gl_PointSize = size + 2.0;
  paint = gl_VertexID == chosen ? vec3(${RED}) : vec3(${DARK});
}`, `#version 300 es
precision highp float;
uniform mat4 projection;
uniform float radius, opacity;
in vec3 paint;
in float depth, size;
out vec4 pixel;
${LIGHT}
void main() {
  vec2 at = (2.0 * gl_PointCoord - 1.0) * vec2(1.0, -1.0) * (size + 2.0) / size;
  float away = length(at), cover = clamp((1.0 - away) * size * 0.5 + 0.5, 0.0, 1.0) * opacity;
  if (cover <= 0.0) discard;
  vec3 normal = vec3(at / max(away, 1.0), sqrt(max(1.0 - away * away, 0.0)));
  float z = depth + radius * normal.z;
  gl_FragDepth = 0.5 - 0.5 * (projection[2][2] * z + projection[3][2]) / z;
  pixel = vec4(min(paint * light(normal), 1.0), 1.0) * cover;
}`];

/** A program from its two shaders, with its attributes at places 0, 1, 2; its uniforms are found by `at(name)`. */
function makeProgram(gl, sources) {
  const program = gl.createProgram();
  sources.forEach((source, i) => {
    const shader = gl.createShader(i ? gl.FRAGMENT_SHADER : gl.VERTEX_SHADER);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader); // goes when the program goes
  });
  ["position", "normal", "color"].forEach((name, place) => gl.bindAttribLocation(program, place, name));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`WebGL: ${gl.getProgramInfoLog(program)}`);
  const places = new Map();
  const at = (name) => places.get(name) ?? places.set(name, gl.getUniformLocation(program, name)).get(name);
  return { program, at };
}

/** Draws a row of actors by WebGL, in a canvas of its own. */
class BrowserPainter {
  /** `onLost(lost)` is called when the browser takes the graphics context away, and when it gives it back. */
  constructor(area, onLost) { Object.assign(this, { area, onLost, lost: false }); }

  /** Take a context; false where the browser has none. */
  open() {
    if (this.gl) return true;
    this.canvas = element("canvas", { className: "npr-canvas" });
    this.gl = this.canvas.getContext("webgl2", { alpha: true, antialias: true, premultipliedAlpha: true });
    if (!this.gl) return false;
    this.canvas.addEventListener("webglcontextlost", this.whenLost);
    this.canvas.addEventListener("webglcontextrestored", this.whenRestored);
    this.area.prepend(this.canvas);
    this.build();
    return true;
  }

  whenLost = (event) => {
    event.preventDefault();
    this.onLost((this.lost = true));
  };

  whenRestored = () => {
    this.build();
    this.onLost(false);
  };

  build() {
    this.lost = this.gl.isContextLost();
    Object.assign(this, { shapes: null, meshes: [] }); // buffers of another context are gone
    if (!this.lost) [this.surface, this.balls] = [SURFACE, BALLS].map((sources) => makeProgram(this.gl, sources));
  }

  /** Give the context and all that is in it back. */
  close() {
    const { gl, canvas } = this;
    if (!gl) return;
    canvas.removeEventListener("webglcontextlost", this.whenLost);
    canvas.removeEventListener("webglcontextrestored", this.whenRestored);
    if (!this.lost) {
      this.freeMeshes();
      [this.surface, this.balls].forEach(({ program }) => gl.deleteProgram(program));
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    }
    canvas.width = canvas.height = 0;
    canvas.remove();
    Object.assign(this, { gl: null, canvas: null, shapes: null, lost: false });
  }

  /** Give the buffers of all actors back. */
  freeMeshes() {
    for (const { arrays, buffers } of this.meshes) {
      arrays.forEach((array) => this.gl.deleteVertexArray(array));
      Object.values(buffers).forEach((buffer) => this.gl.deleteBuffer(buffer));
    }
    this.meshes = [];
  }

  /** Buffers of an actor, and two vertex arrays: one for its surface, one for its keypoints. */
  makeMesh({ faces, vertices }) {
    const { gl } = this, arrays = [gl.createVertexArray(), gl.createVertexArray()];
    const indices = vertices > 65535 ? Uint32Array.from(faces) : faces; // 65535 of 16 bits would mean a new start
    const attribute = (array, place, size, kind) => {
      const buffer = gl.createBuffer();
      gl.bindVertexArray(array);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, kind, kind !== gl.FLOAT, 0, 0);
      return buffer;
    };
    const buffers = {
      keypoints: attribute(arrays[1], 0, 3, gl.FLOAT), positions: attribute(arrays[0], 0, 3, gl.FLOAT),
      normals: attribute(arrays[0], 1, 3, gl.FLOAT), colors: attribute(arrays[0], 2, 4, gl.UNSIGNED_BYTE),
      faces: gl.createBuffer(),
    };
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.faces); // belongs to arrays[0], which is bound
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
    const kind = indices.BYTES_PER_ELEMENT === 4 ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT;
    return { arrays, buffers, count: indices.length, kind };
  }

  /** Send what has changed to the graphics card. */
  send(shapes, moved, colored) {
    const { gl } = this, isNew = this.shapes !== shapes;
    const fill = (buffer, numbers) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, numbers, gl.DYNAMIC_DRAW);
    };
    if (isNew) {
      this.freeMeshes();
      this.meshes = shapes.row.actors.map((actor) => this.makeMesh(actor));
      this.shapes = shapes;
    }
    this.meshes.forEach(({ buffers }, number) => {
      const own = shapes.actors[number];
      if (moved || isNew) fill(buffers.positions, shapes.positions[number]);
      if (moved || isNew) fill(buffers.normals, own.normals);
      if (moved || isNew) fill(buffers.keypoints, own.keypoints);
      if (colored || isNew) fill(buffers.colors, own.colors);
    });
  }

  /** Draw what `viewer` shows in a picture of `width` by `height` device pixels. */
  paint(viewer, width, height) {
    const { gl, canvas } = this, { state, shapes, scene } = viewer;
    const { moved, colored } = shapes.update(viewer.frame, viewer.shownMixture, state.coloring, state.keypoint);
    if (this.lost || gl.isContextLost()) return;
    this.send(shapes, moved, colored);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.enable(gl.DEPTH_TEST);
    tilesOf(width, shapes.row.actors.length).forEach(([left, wide], number) => {
      if (wide === 0) return;
      gl.viewport(left, 0, wide, height);
      gl.scissor(left, 0, wide, height);
      const sight = viewMatrices(state.camera, shapes.row.actors[number].center, scene, wide / height);
      this.paintMesh(number, sight);
      if (state.show_keypoints && !viewer.shownMixture?.vertices) this.paintKeypoints(number, sight, viewer, height);
    });
    gl.bindVertexArray(null);
  }

  /** Make a program and its camera the current ones. */
  use({ program, at }, { view, projection }) {
    this.gl.useProgram(program);
    this.gl.uniformMatrix4fv(at("view"), false, view);
    this.gl.uniformMatrix4fv(at("projection"), false, projection);
  }

  /** Draw the surface of an actor. */
  paintMesh(number, sight) {
    const { gl } = this, { arrays, count, kind } = this.meshes[number];
    this.use(this.surface, sight);
    gl.disable(gl.BLEND);
    gl.bindVertexArray(arrays[0]);
    gl.drawElements(gl.TRIANGLES, count, kind, 0);
  }

  /** First, faintly, the balls that the surface hides, then those in front of it. */
  paintKeypoints(number, sight, { scene, state, shapes }, height) {
    const { gl, balls: { at } } = this;
    this.use(this.balls, sight);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.uniform1f(at("radius"), KEYPOINT_SIZE * scene.radius);
    gl.uniform1f(at("scale"), height / 2 / Math.tan(HALF_VIEW));
    gl.uniform1i(at("chosen"), state.coloring === "influence" ? state.keypoint : -1);
    gl.bindVertexArray(this.meshes[number].arrays[1]);
    for (const [test, opacity] of [[gl.GREATER, 0.25], [gl.LESS, 1]]) {
      gl.depthFunc(test);
      gl.depthMask(test === gl.LESS);
      gl.uniform1f(at("opacity"), opacity);
      gl.drawArrays(gl.POINTS, 0, shapes.actors[number].keypoints.length / 3);
    }
  }
}

// 5 ---------------------------------------------------------------------------------- drawing by Python

/** Questions to Python of one kind: one is on its way, and of those that wait only the newest is kept. */
class Asker {
  constructor(kind, send, onLate) { Object.assign(this, { kind, send, onLate, serial: 0, answered: 0, waiting: null }); }

  /** Ask as soon as Python is free; `content()` is called at that moment. */
  ask(content) {
    this.waiting = content;
    this.push();
  }

  /** Send what waits, if nothing is on its way. */
  push() {
    if (this.timer || !this.waiting) return;
    const content = this.waiting();
    this.waiting = null;
    this.sent = performance.now();
    this.timer = setTimeout(() => {
      this.onLate();
      this.free();
    }, PATIENCE);
    this.send({ kind: this.kind, serial: ++this.serial, ...content });
  }

  /** Take note of an answer; false for one that is older than what is known. */
  accept(serial) {
    if (serial <= this.answered) return false;
    this.answered = serial;
    this.took = performance.now() - this.sent;
    if (serial === this.serial) this.free();
    return true;
  }

  /** Do not wait any longer for what is on its way. */
  free() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.push();
  }

  close() {
    this.waiting = null;
    this.free();
  }
}

/** Shows the pictures that Python draws, in a canvas of its own. */
class ServerPainter {
  constructor(area, send, onPicture, onLate) {
    Object.assign(this, { area, onPicture, asker: new Asker("draw", send, onLate) });
  }

  open() {
    if (!this.canvas) this.area.prepend((this.canvas = element("canvas", { className: "npr-canvas", hidden: true })));
    return this;
  }

  /** Show nothing until the next picture. */
  hide() {
    if (this.canvas) this.canvas.hidden = true;
    this.asker.waiting = null;
  }

  close() {
    this.asker.close();
    this.canvas?.remove();
    this.canvas = null;
  }

  /** Ask for a picture of what `viewer` shows; while things move and Python is slow, a smaller one. */
  paint(viewer, width, height) {
    this.asker.ask(() => {
      const { target, coloring, keypoint, show_keypoints, camera } = viewer.state;
      const share = viewer.moving && this.asker.took > 120 ? 0.5 : 1;
      this.coarse = share < 1;
      return {
        width: Math.round(share * width), height: Math.round(share * height), background: viewer.paper(),
        target, frame: viewer.frame, coloring, keypoint, show_keypoints, camera,
      };
    });
  }

  /** Show a picture from Python. */
  async receive({ serial, type }, content) {
    if (!this.canvas || !this.asker.accept(serial)) return;
    const picture = await createImageBitmap(new Blob([content], { type })).catch(() => null);
    if (picture && this.canvas && serial === this.asker.answered) {
      Object.assign(this.canvas, { width: picture.width, height: picture.height });
      this.canvas.getContext("2d").drawImage(picture, 0, 0);
      this.onPicture();
    }
    picture?.close();
  }
}

// 6 ----------------------------------------------------------------------------------- gestures and keys

/** Middle of some pointers and their mean distance from it: {x, y, reach}, CSS pixels. */
function spreadOf(pointers) {
  const mean = (part) => pointers.reduce((sum, pointer) => sum + part(pointer), 0) / pointers.length;
  const x = mean((pointer) => pointer.x), y = mean((pointer) => pointer.y);
  return { x, y, reach: mean((pointer) => Math.hypot(pointer.x - x, pointer.y - y)) };
}

/** Pointers of the picture area turn, move and zoom the camera of a viewer. */
function listenToPointers(viewer, area, on) {
  const pointers = new Map(), where = ({ clientX: x, clientY: y }) => ({ x, y });
  const drop = (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    area.classList.remove("npr-grabbing");
    viewer.handles.release();
    viewer.rest();
  };
  on("pointerdown", (event) => {
    area.focus({ preventScroll: true });
    area.setPointerCapture(event.pointerId);
    if (!pointers.size && event.button === 0 && !event.shiftKey) viewer.handles.grab(event);
    pointers.set(event.pointerId, where(event));
    area.classList.add("npr-grabbing");
    viewer.wake();
  });
  on("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    if (viewer.handles.held) return viewer.handles.move(event);
    const before = spreadOf([...pointers.values()]);
    pointers.set(event.pointerId, where(event));
    const after = spreadOf([...pointers.values()]), way = [after.x - before.x, after.y - before.y];
    if (pointers.size > 1) viewer.pan(...way, before.reach > 4 ? after.reach / before.reach : 1);
    else if (event.shiftKey || event.buttons & 6) viewer.pan(...way);
    else viewer.turn(...way);
  });
  ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) => on(name, drop));
}

/** Wheel and keys of the picture area. */
function listenToArea(viewer, area, signal) {
  const on = (name, action, options) => area.addEventListener(name, action, { signal, ...options });
  const home = () => viewer.setCamera(START);
  listenToPointers(viewer, area, on);
  on("dblclick", home);
  on("mousedown", (event) => event.button === 1 && event.preventDefault()); // no scrolling by the middle button
  on("contextmenu", (event) => {
    event.preventDefault();
    event.stopPropagation();
  });
  // The wheel belongs to the page until the picture has been clicked, or while ctrl is held (a pinch on a touch pad).
  on("wheel", (event) => {
    const scrolls = document.documentElement.scrollHeight > innerHeight && !document.fullscreenElement;
    if (!area.matches(":focus") && !event.ctrlKey && !(viewer.alone && !scrolls)) return viewer.hint();
    event.preventDefault();
    const way = -event.deltaY * (event.deltaMode === 1 ? 16 : 1) * (event.ctrlKey ? 0.01 : 0.0015);
    viewer.zoom(Math.exp(clamp(way, -0.5, 0.5)));
  }, { passive: false });
  const keys = new Map([
    [" ", () => viewer.change("playing", !viewer.state.playing)], ["ArrowLeft", () => viewer.step(-1)],
    ["ArrowRight", () => viewer.step(1)], ["Home", () => viewer.choose(0)], ["End", () => viewer.choose(Infinity)],
    ["+", () => viewer.zoom(1.15)], ["=", () => viewer.zoom(1.15)], ["-", () => viewer.zoom(1 / 1.15)], ["r", home],
    ["g", () => viewer.handles.toggle()], ["Escape", () => viewer.handles.clear()],
  ]);
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys.has(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    keys.get(event.key)();
  });
}

// 7 -------------------------------------------------------------------------------------------- controls

/** An element of HTML with properties and children. */
function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** A small drawing from the data of a path in a square of 16. */
function icon(path) {
  const [drawing, line] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  const attributes = { viewBox: "0 0 16 16", class: "npr-icon", "aria-hidden": "true" };
  Object.entries(attributes).forEach(([name, value]) => drawing.setAttribute(name, value));
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

const PLAY = "M5 3.2v9.6L12.6 8z", PAUSE = "M4.5 3.5h2.4v9H4.5zM9.1 3.5h2.4v9H9.1z";
const SAVE = "M8 2v8M4.8 7.2 8 10.4l3.2-3.2M2.8 13.2h10.4", WHOLE = "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10";
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const DRAWERS = { webgl: "browser" }; // what the menu calls an engine

/** A button that shows an icon. */
function iconButton(title, onclick, path) {
  return element("button", { type: "button", className: "npr-button", title, ariaLabel: title, onclick }, icon(path));
}

/** A control with its label. */
function field(label, control) {
  return element("label", { className: "npr-field" }, element("span", {}, label), control);
}

/** A menu with its label: {root, fill(choices, chosen)}, where choices are [value, text]; hidden where there is no choice. */
function menu(label, onChoice) {
  const select = element("select", { ariaLabel: label });
  const root = field(label, element("span", { className: "npr-select" }, select));
  let known = [];
  select.onchange = () => onChoice(known[select.selectedIndex][0]);
  const fill = (choices, chosen) => {
    if (!same(known, choices)) select.replaceChildren(...choices.map(([, text]) => element("option", {}, text)));
    known = choices;
    select.selectedIndex = choices.findIndex(([value]) => value === chosen);
    root.hidden = choices.length < 2;
  };
  return { root, fill };
}

/** A number as people read it, with three digits. */
const readable = (number) => String(Number(number.toPrecision(3)));

/** All controls of a viewer, which stand below the picture. */
class Controls {
  constructor(viewer) {
    this.viewer = viewer;
    this.buildTransport();
    const menus = [["target", "Target"], ["coloring", "Colour"], ["engine", "Drawn by"]];
    menus.forEach(([name, label]) => (this[name] = menu(label, (value) => viewer.change(name, value))));
    this.number = element("input", { type: "number", min: 0, step: 1, className: "npr-number" });
    this.number.onchange = () => viewer.change("keypoint", Math.round(Number(this.number.value)) || 0);
    this.keypoint = field("Keypoint", this.number);
    this.box = element("input", { type: "checkbox", onchange: () => viewer.change("show_keypoints", this.box.checked) });
    this.keypoints = element("label", { className: "npr-field npr-check" }, this.box, element("span", {}, "Keypoints"));
    const save = iconButton("Save this picture (PNG)", () => viewer.savePicture(), SAVE);
    const whole = iconButton("Full screen", () => viewer.fillScreen(), WHOLE);
    whole.hidden = !document.fullscreenEnabled;
    this.drag = element("button", { type: "button", className: "npr-button npr-text" }, "drag");
    this.drag.onclick = () => viewer.handles.toggle();
    this.root = element("div", { className: "npr-controls" }, this.transport,
      element("div", { className: "npr-options" }, this.target.root, this.coloring.root, this.keypoint, this.keypoints,
        this.engine.root, element("span", { className: "npr-buttons" }, this.drag, save, whole)));
  }

  /** Play, slider, name of the pose, speed. */
  buildTransport() {
    const { viewer } = this;
    this.play = iconButton("Play", () => viewer.change("playing", !viewer.state.playing), PLAY);
    this.play.classList.add("npr-play");
    this.slider = element("input", { type: "range", min: 0, step: 1, className: "npr-slider", ariaLabel: "Pose" });
    this.slider.oninput = () => viewer.choose(Number(this.slider.value));
    this.name = element("span", { className: "npr-pose" });
    this.count = element("span", { className: "npr-count" });
    this.speed = menu("Speed", (value) => viewer.change("speed", value));
    this.speed.root.classList.add("npr-speed");
    const where = element("span", { className: "npr-where" }, this.name, this.count);
    this.transport = element("div", { className: "npr-transport" }, this.play, this.slider, where, this.speed.root);
  }

  /** Show the state of the viewer in all controls. */
  update() {
    const { viewer } = this, { state, scene } = viewer, count = viewer.keypointCount;
    const plain = (names) => names.map((name) => [name, name]);
    const speeds = SPEEDS.includes(state.speed) ? SPEEDS : [...SPEEDS, state.speed];
    this.speed.fill(speeds.map((speed) => [speed, `${speed}×`]), state.speed);
    this.target.fill(plain(scene.targets.map((row) => row.name)), state.target);
    this.coloring.fill(plain(scene.colorings), state.coloring);
    this.engine.fill(viewer.engines.map((name) => [name, DRAWERS[name] ?? name]), state.engine);
    this.keypoint.hidden = state.coloring !== "influence" || !count;
    Object.assign(this.number, { max: Math.max(0, count - 1), value: state.keypoint });
    this.keypoints.hidden = !count;
    this.box.checked = state.show_keypoints;
    this.transport.hidden = viewer.poses.length < 2;
    this.play.title = this.play.ariaLabel = state.playing ? "Pause" : "Play";
    this.play.replaceChildren(icon(state.playing ? PAUSE : PLAY));
    this.updateDrag();
    this.updatePose();
  }

  /** Show whether the body can be pulled, and by how many points it is held. */
  updateDrag() {
    const { on, list, possible } = this.viewer.handles, points = list.length === 1 ? "1 point" : `${list.length} points`;
    this.drag.hidden = !possible;
    this.drag.ariaPressed = String(on);
    const help = on ? "Press on the source and pull; g: turn the camera again" : "Pull the source by a point of its body (g)";
    this.drag.title = help + (list.length ? `; held by ${points}, Escape lets go` : "");
    this.viewer.area.classList.toggle("npr-pulls", on && possible);
  }

  /** Show which pose is seen. */
  updatePose() {
    const { poses, frame, shownMixture } = this.viewer, last = Math.max(1, poses.length - 1);
    const held = shownMixture?.vertices?.length, mixed = held ? "pulled" : "mixture", name = shownMixture ? mixed : poses[frame];
    Object.assign(this.slider, { max: last, value: frame, ariaValueText: name });
    this.slider.style.setProperty("--npr-share", `${(100 * frame) / last}%`);
    this.name.textContent = this.name.title = name;
    const from = held ? `by ${held} point${held > 1 ? "s" : ""}` : `of ${shownMixture?.poses.length} poses`;
    this.count.textContent = shownMixture ? from : `${frame + 1} / ${poses.length}`;
  }
}

// 8 ------------------------------------------------------------------------------------- the map of poses

/** Weights of the corners a, b, c at the point p, all [x, y]: [wa, wb, wc], which add up to 1; null if they lie on a line. */
function barycentric(p, a, b, c) {
  const area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
  if (Math.abs(area) < 1e-30) return null;
  const wb = ((p[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (p[1] - a[1])) / area;
  const wc = ((b[0] - a[0]) * (p[1] - a[1]) - (p[0] - a[0]) * (b[1] - a[1])) / area;
  return [1 - wb - wc, wb, wc];
}

/** Edges [i, j] that belong to one triangle only; triangles has 3 T numbers. */
function hullEdges(triangles) {
  const found = new Map();
  for (let t = 0; t < triangles.length; t++) {
    const pair = [triangles[t], triangles[t % 3 === 2 ? t - 2 : t + 1]].sort((i, j) => i - j);
    found.set(pair.join(), found.has(pair.join()) ? null : pair);
  }
  return [...found.values()].filter(Boolean);
}

/** The poses around a point of the map and their weights: {poses, weights}; outside, those of the nearest hull point. */
function findMixture(points, triangles, p) {
  const at = (i) => [points[2 * i], points[2 * i + 1]];
  for (let t = 0; t < triangles.length; t += 3) {
    const poses = [triangles[t], triangles[t + 1], triangles[t + 2]];
    const weights = barycentric(p, ...poses.map(at));
    if (weights && Math.min(...weights) >= -1e-9) return { poses, weights: weights.map((weight) => Math.max(0, weight)) };
  }
  let best = { away: Infinity, poses: [nearestPoint(points, p)], weights: [1] };
  for (const poses of hullEdges(triangles)) {
    const [a, b] = poses.map(at), along = [b[0] - a[0], b[1] - a[1]], length = along[0] ** 2 + along[1] ** 2 || 1e-30;
    const share = clamp(((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / length, 0, 1);
    const away = Math.hypot(a[0] + share * along[0] - p[0], a[1] + share * along[1] - p[1]);
    if (away < best.away) best = { away, poses, weights: [1 - share, share] };
  }
  return { poses: best.poses, weights: best.weights };
}

/** The number of the point nearest to p; points has 2 P numbers. */
function nearestPoint(points, p) {
  let best = 0, least = Infinity;
  for (let i = 0; 2 * i < points.length; i++) {
    const away = (points[2 * i] - p[0]) ** 2 + (points[2 * i + 1] - p[1]) ** 2;
    if (away < least) [best, least] = [i, away];
  }
  return best;
}

/** The poses as points of a plane: pointing shows a pose, a click keeps it, dragging mixes. */
class PoseMap {
  constructor(viewer, signal) {
    this.viewer = viewer;
    this.canvas = element("canvas", { className: "npr-map", role: "img" });
    this.tip = element("span", { className: "npr-tip", hidden: true });
    this.button = element("button", { type: "button", className: "npr-button npr-text" }, "Sample new poses");
    this.button.onclick = () => viewer.sample();
    this.help = element("span", { className: "npr-help" });
    this.root = element("div", { className: "npr-explorer" }, element("div", { className: "npr-plane" }, this.canvas, this.tip),
      element("div", { className: "npr-below" }, this.button, this.help));
    const on = (name, action) => this.canvas.addEventListener(name, action, { signal });
    on("pointerdown", (event) => this.press(event));
    on("pointermove", (event) => this.point(event));
    on("pointerup", (event) => this.release(event));
    on("pointercancel", () => this.leave());
    on("pointerleave", () => this.pressed || this.leave());
  }

  /** Show the map of a scene, if it has one; `awake`: there is a kernel. */
  load(explorer, awake) {
    this.explorer = explorer;
    this.live = Boolean(explorer?.live && awake);
    this.root.hidden = !explorer;
    this.scale = 0;
    this.button.disabled = !this.live;
    this.button.title = this.live ? "Draw 20 poses that nobody made" : "Sampling needs a running notebook.";
    this.help.textContent = this.live ? "Drag to mix" : "Point to see";
    this.canvas.ariaLabel = `Map of ${this.viewer.poses.length} poses; poses that are alike lie close together`;
  }

  /** Choose the scale, in CSS pixels a unit, at which the points fit into a square of `side`. */
  fit(side) {
    const { points } = this.explorer, low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    points.forEach((part, i) => {
      low[i % 2] = Math.min(low[i % 2], part);
      high[i % 2] = Math.max(high[i % 2], part);
    });
    this.scale = (side - 72) / Math.max(high[0] - low[0], high[1] - low[1], 1e-12);
    this.middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
    this.center = [side / 2 + 6, side / 2 - 6]; // room for the texts at the left and below
  }

  /** Place of a pose: CSS pixels from the left and from the top. */
  place(pose) {
    const [x, y] = this.explorer.points.subarray(2 * pose, 2 * pose + 2), { center, middle, scale } = this;
    return [center[0] + (x - middle[0]) * scale, center[1] - (y - middle[1]) * scale];
  }

  /** Where an event is in the plane. */
  planeOf({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect(), { center, middle, scale } = this;
    return [middle[0] + (clientX - left - center[0]) / scale, middle[1] - (clientY - top - center[1]) / scale];
  }

  /** A pointer goes down. */
  press(event) {
    if (event.button !== 0 || !this.scale) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pressed = { x: event.clientX, y: event.clientY, dragged: false };
    this.point(event);
  }

  /** A pointer moves: show the nearest pose, or mix if it drags. */
  point(event) {
    if (!this.scale) return;
    const { pressed, viewer } = this, { points, triangles } = this.explorer, place = this.planeOf(event);
    if (pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 4) pressed.dragged = true;
    if (pressed?.dragged && this.live) {
      this.tip.hidden = true;
      return viewer.mix(findMixture(points, triangles, place));
    }
    if (pressed?.dragged) viewer.say("Mixing poses needs a running notebook; this page shows the nearest pose.");
    const near = nearestPoint(points, place);
    viewer.preview(near);
    this.showTip(near);
  }

  /** A pointer goes up: keep what is shown. */
  release(event) {
    if (!this.pressed) return;
    const mixed = this.pressed.dragged && this.live;
    this.pressed = null;
    if (!mixed) this.viewer.choose(nearestPoint(this.explorer.points, this.planeOf(event)));
    if (mixed || event.pointerType !== "mouse") this.leave();
    this.viewer.rest();
  }

  /** Nothing is pointed at any more. */
  leave() {
    this.pressed = null;
    this.tip.hidden = true;
    this.viewer.preview(null);
  }

  /** Write the name of a pose next to it. */
  showTip(pose) {
    const [x, y] = this.place(pose), { tip } = this;
    tip.textContent = this.viewer.poses[pose];
    tip.hidden = false;
    const half = tip.offsetWidth / 2 + 4, { offsetLeft, offsetTop, clientWidth } = this.canvas;
    tip.style.left = `${offsetLeft + clamp(x, half, clientWidth - half)}px`;
    tip.style.top = `${offsetTop + (y < 40 ? y + 12 : y - 12 - tip.offsetHeight)}px`;
  }

  paint() {
    const side = this.canvas.clientWidth, density = Math.min(2, devicePixelRatio || 1), pixels = Math.round(side * density);
    if (!this.explorer || !side) return;
    if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;
    this.fit(side);
    const pen = this.canvas.getContext("2d");
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, side, side);
    this.paintTexts(pen, side);
    this.paintTriangles(pen);
    this.viewer.poses.forEach((_, pose) => this.dot(pen, this.place(pose), 3, "--npr-dot"));
    if (this.viewer.shownMixture) this.paintMixture(pen, this.viewer.shownMixture);
    else this.dot(pen, this.place(this.viewer.frame), 6, "--npr-accent", 2);
  }

  /** The names of the two axes. */
  paintTexts(pen, side) {
    const [one, two] = this.explorer.explained.map((share, i) =>
      `component ${i + 1} (${Math.round(100 * share)} % of the variance)`);
    pen.fillStyle = this.viewer.color("--npr-quiet");
    pen.font = `11px ${getComputedStyle(this.root).fontFamily}`;
    pen.textAlign = "center";
    pen.fillText(one, side / 2 + 6, side - 9);
    pen.save();
    pen.translate(16, side / 2 - 6);
    pen.rotate(-Math.PI / 2);
    pen.fillText(two, 0, 0);
    pen.restore();
  }

  paintTriangles(pen) {
    const { triangles } = this.explorer;
    pen.beginPath();
    for (let t = 0; t < triangles.length; t += 3) {
      [0, 1, 2].forEach((i) => pen[i ? "lineTo" : "moveTo"](...this.place(triangles[t + i])));
      pen.closePath();
    }
    pen.strokeStyle = this.viewer.color("--npr-mesh");
    pen.lineWidth = 0.5;
    pen.stroke();
  }

  /** Draw a disc at a place; `rim` pixels of paper around it. */
  dot(pen, place, radius, color, rim = 0) {
    pen.beginPath();
    pen.arc(...place, radius, 0, 2 * Math.PI);
    pen.fillStyle = this.viewer.color(color);
    pen.fill();
    pen.lineWidth = rim;
    pen.strokeStyle = this.viewer.color("--npr-paper");
    if (rim) pen.stroke();
  }

  /** Draw where a mixture is, and its poses; the thicker the line, the larger the weight. */
  paintMixture(pen, { poses, weights }) {
    const corners = poses.map((pose) => this.place(pose));
    const middle = [0, 1].map((axis) => corners.reduce((sum, corner, i) => sum + weights[i] * corner[axis], 0));
    corners.forEach((corner, i) => {
      pen.strokeStyle = this.viewer.color("--npr-accent");
      pen.lineWidth = 0.5 + 2.5 * weights[i];
      pen.beginPath();
      pen.moveTo(...middle);
      pen.lineTo(...corner);
      pen.stroke();
      this.dot(pen, corner, 4, "--npr-accent");
    });
    this.dot(pen, middle, 7, "--npr-accent", 2);
  }
}

// 9 ---------------------------------------------------------------------------- points that pull the body

const HANDLE = 7; // radius of a point, CSS pixels
const placeOf = (positions, vertex) => [...positions.subarray(3 * vertex, 3 * vertex + 3)];
const dot3 = (one, other) => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];

/** How far along a ray the nearest triangle is, and the triangle: [length, first index into `faces`]; null if none is hit. */
function hitOf(positions, faces, eye, way) {
  const at = (i) => [0, 1, 2].map((axis) => positions[3 * faces[i] + axis] - eye[axis]);
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  let best = null;
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [at(f), at(f + 1), at(f + 2)];
    const volumes = [cross(b, c), cross(c, a), cross(a, b)].map((normal) => dot3(normal, way)); // their signs agree inside
    if (volumes.some((part) => part > 0) && volumes.some((part) => part < 0)) continue;
    const whole = volumes[0] + volumes[1] + volumes[2];
    if (Math.abs(whole) < 1e-30) continue;
    const length = dot3(volumes.map((part, i) => part / whole), [a, b, c].map((corner) => dot3(corner, way) / dot3(way, way)));
    if (length > 0 && (!best || length < best[0])) best = [length, f];
  }
  return best;
}

/** Points of the source's surface that the pointer pulls: each is a vertex and the place where it should be. */
class Handles {
  constructor(viewer) {
    Object.assign(this, { viewer, on: false, list: [], held: null, ground: null });
    this.root = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.root.setAttribute("class", "npr-handles");
  }

  /** Whether the row that is shown begins with the source, and Python is there to bend it. */
  get possible() { return Boolean(this.viewer.map.live && this.viewer.scene.explorer.handles?.includes(this.viewer.row?.name)); }

  /** Pull by the pointer, or turn the camera by it. */
  toggle() {
    if (!this.possible) return;
    this.on = !this.on;
    if (this.on) this.viewer.model.send({ kind: "ready" }); // Python prepares for the first pull
    this.viewer.controls.updateDrag();
  }

  /** How the camera sees the source, and the size of its tile in CSS pixels. */
  sight() {
    const { area, row, scene, state } = this.viewer;
    const wide = tilesOf(area.clientWidth, row.actors.length)[0][1], high = area.clientHeight;
    return { ...viewMatrices(state.camera, row.actors[0].center, scene, wide / high), wide, high };
  }

  /** The ray through an event: from the eye, one unit deep for each unit of its length. */
  ray({ clientX, clientY }, { rotation: [right, up, towards], wide, high }) {
    const { left, top } = this.viewer.area.getBoundingClientRect(), { clientLeft, clientTop } = this.viewer.area;
    const size = (2 * Math.tan(HALF_VIEW)) / high, x = (clientX - left - clientLeft - wide / 2) * size;
    const y = (high / 2 - (clientY - top - clientTop)) * size;
    return right.map((part, axis) => x * part + y * up[axis] - towards[axis]);
  }

  /** Where a place of the world appears: CSS pixels from the left and from the top of the picture. */
  pixel(place, { rotation: [right, up, towards], eye, wide, high }) {
    const seen = place.map((part, axis) => part - eye[axis]), unit = high / 2 / Math.tan(HALF_VIEW) / -dot3(seen, towards);
    return [wide / 2 + dot3(seen, right) * unit, high / 2 - dot3(seen, up) * unit];
  }

  /** Positions of the source as it is shown. */
  shown() {
    const { viewer } = this;
    return viewer.shownMixture ? viewer.shownMixture.positions[0] : decodeFrame(viewer.row.actors[0], viewer.frame);
  }

  /** A pointer goes down: take the point under it, or a new one on the body. */
  grab(event) {
    if (!this.on || !this.possible) return;
    const sight = this.sight(), way = this.ray(event, sight), { left, top } = this.viewer.area.getBoundingClientRect();
    const near = this.list.find(({ place }) => {
      const [x, y] = this.pixel(place, sight);
      return Math.hypot(event.clientX - left - x, event.clientY - top - y) < 2 * HANDLE;
    });
    this.held = near ?? this.touched(sight, way);
    if (!this.held) return;
    const away = sight.eye.map((part, axis) => part - this.held.place[axis]);
    this.depth = dot3(away, sight.rotation[2]);
    this.offset = away.map((part, axis) => -part - this.depth * way[axis]); // a point stays where it is when it is taken
    if (!near) this.hold();
  }

  /** The vertex of the body that is nearest to where a ray hits it: {vertex, place}; null where it hits nothing. */
  touched({ eye }, way) {
    const positions = this.shown(), { faces } = this.viewer.row.actors[0], hit = hitOf(positions, faces, eye, way);
    if (!hit) return null;
    const [length, first] = hit, point = eye.map((part, axis) => part + length * way[axis]);
    const found = [...faces.subarray(first, first + 3)].map((vertex) => ({ vertex, place: placeOf(positions, vertex) }));
    const away = ({ place }) => Math.hypot(...place.map((part, axis) => part - point[axis]));
    const nearest = found.reduce((one, other) => (away(other) < away(one) ? other : one));
    return this.list.find(({ vertex }) => vertex === nearest.vertex) ?? nearest;
  }

  /** Keep a new point. */
  hold() {
    const { viewer } = this, { state } = viewer;
    if (state.playing) viewer.change("playing", false);
    if (!this.list.length) this.ground = viewer.shownMixture; // the pose from which all points pull
    if (!this.list.includes(this.held)) this.list.push(this.held);
    viewer.controls.updateDrag();
    viewer.renew();
  }

  /** The pointer moves: its point follows in the plane that faces the camera. */
  move(event) {
    const sight = this.sight(), way = this.ray(event, sight);
    this.held.place = sight.eye.map((part, axis) => part + this.depth * way[axis] + this.offset[axis]);
    this.ask();
  }

  /** Ask Python for the pose in which all points are at their places. */
  ask() {
    const { viewer, ground, list } = this, { poses, weights } = ground ?? { poses: [viewer.state.frame], weights: [1] };
    viewer.hovered = null;
    viewer.mixer.ask(() => (viewer.asked = {
      kind: "reach", target: viewer.state.target, poses, weights,
      vertices: list.map(({ vertex }) => vertex), places: list.map(({ place }) => place),
    }));
    viewer.renew();
  }

  /** The pointer goes up; the point stays. */
  release() { this.held = null; }

  /** Forget all points. */
  drop() {
    Object.assign(this, { list: [], held: null, ground: null });
    this.viewer.controls.updateDrag();
  }

  /** Remove all points: the pose is again as it was. Without points: turn the camera again. */
  clear() {
    const { viewer, ground, list } = this;
    if (!list.length) return this.on && this.toggle();
    viewer.dropMixture();
    if (ground) viewer.mix(ground);
    viewer.renew();
  }

  /** Draw the points over the picture, each with a line to its vertex. */
  paint() {
    const { viewer } = this, wanted = this.possible && this.list.length > 0;
    this.root.style.display = wanted ? "" : "none";
    if (!wanted) return;
    const sight = this.sight(), positions = this.shown(), make = (name, values) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", name);
      Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
      return node;
    };
    this.root.replaceChildren(...this.list.flatMap(({ vertex, place }) => {
      const [cx, cy] = this.pixel(place, sight), [x2, y2] = this.pixel(placeOf(positions, vertex), sight);
      return [make("line", { x1: cx, y1: cy, x2, y2 }), make("circle", { cx, cy, r: HANDLE })];
    }));
  }
}

// 10 ----------------------------------------------------------------------------------------- the viewer

/** Whether the page around a node is dark: the host says so, or its background does, or the system. */
function isDark(node) {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "false";
  if (vscodeThemeKind) return /dark|high-contrast$/.test(vscodeThemeKind);
  for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
    const [r, g, b, alpha = 1] = (getComputedStyle(at).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    if (alpha > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return /dark/.test(getComputedStyle(document.documentElement).colorScheme) && systemTheme().matches;
}

const systemTheme = () => matchMedia("(prefers-color-scheme: dark)");
const THEME_ATTRIBUTES = ["class", "style", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];
const HELP = "Meshes. Drag to turn, shift and drag to move, + and - to zoom, r to reset, space to play, arrows to step. "
  + "In an explorer, g to pull the source by a point.";

/** One viewer on a page. `state` has the traits as they are now; the model gets those that change often a little later. */
class Viewer {
  constructor(model, el) {
    this.model = model;
    this.alone = Boolean(model.get("alone"));
    this.state = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, this.read(name)]));
    this.unsent = new Map(); // traits that the model does not have yet
    this.hovered = null; // number of the pose that is pointed at in the map
    this.mixture = null; // {poses, weights, target, positions: (3 V) of each actor}
    this.seen = false; // until the browser says otherwise
    this.colors = new Map(); // of the style sheet, by name
    this.stamp = 0; // grows when a new picture is needed for other reasons than pose and camera
    this.life = new AbortController(); // ends all listeners
    this.build(el);
    this.load();
    this.listen();
    this.updateTheme();
    this.updateAll();
  }

  /** A trait of the model. */
  read(name) { return this.model.get(name) ?? DEFAULTS[name]; }

  /** Make all elements and parts, in `el`. */
  build(el) {
    const div = (name, ...children) => element("div", { className: `npr-${name}` }, ...children);
    const send = (message) => this.model.send(message);
    this.labels = div("labels");
    this.bar = div("bar");
    this.hintLine = div("hint", "Click the picture, then the wheel zooms");
    this.handles = new Handles(this);
    this.area = div("picture", this.handles.root, this.labels, this.bar, this.hintLine);
    Object.assign(this.area, { tabIndex: 0, role: "application", ariaLabel: HELP });
    this.note = div("note");
    this.note.setAttribute("aria-live", "polite");
    this.map = new PoseMap(this, this.life.signal);
    this.controls = new Controls(this);
    this.root = div("viewer", div("stage", this.map.root, div("main", this.area)), this.controls.root, this.note);
    this.root.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves our keys alone
    el.append(this.root);
    const late = (what) => () => this.say(`${what} did not come for ${PATIENCE / 1000} seconds; is the kernel busy?`, true);
    this.browser = new BrowserPainter(this.area, (lost) => this.whenLost(lost));
    this.server = new ServerPainter(this.area, send, () => this.whenPictured(), late("The picture"));
    this.mixer = new Asker("mix", send, late("The mixed pose"));
    listenToArea(this, this.area, this.life.signal);
  }

  /** Read the scene of the model; pose, target and camera stay. */
  load() {
    const pack = this.model.get("pack");
    this.scene = pack?.byteLength ? readScene(pack) : EMPTY;
    this.poses = this.scene.poses;
    this.shapes = this.mixture = this.hovered = null;
    this.state.frame = clamp(this.state.frame, 0, Math.max(0, this.poses.length - 1));
    this.map.load(this.scene.explorer, !this.alone);
    this.handles.drop();
  }

  /** Listen to the model, to sizes, to what is in view, and to the colours of the page. */
  listen() {
    const { signal } = this.life;
    this.handlers = [["change:pack", () => this.receivePack()], ["msg:custom", (...answer) => this.receive(...answer)],
      ...Object.keys(DEFAULTS).map((name) => [`change:${name}`, () => this.receiveTrait(name)])];
    this.handlers.forEach(([name, action]) => this.model.on(name, action));
    const sizes = new ResizeObserver(() => this.resize()), themes = new MutationObserver(() => this.updateTheme());
    const sight = new IntersectionObserver((entries) => this.whenSeen(entries.at(-1).isIntersecting),
      { rootMargin: "300px", scrollMargin: "300px" });
    this.observers = [sizes, themes, sight];
    [this.root, this.area].forEach((node) => sizes.observe(node));
    [document.documentElement, document.body].forEach((node) => themes.observe(node, { attributeFilter: THEME_ATTRIBUTES }));
    sight.observe(this.root);
    this.night = systemTheme(); // kept, or its listener may be collected
    this.night.addEventListener("change", () => this.updateTheme(), { signal });
    document.addEventListener("visibilitychange", () => this.schedule(), { signal });
  }

  /** Give everything back. */
  destroy() {
    this.flush();
    this.gone = true;
    this.life.abort();
    this.handlers.forEach(([name, action]) => this.model.off(name, action));
    this.observers.forEach((observer) => observer.disconnect());
    cancelAnimationFrame(this.request);
    [this.restTimer, this.releaseTimer, this.hintTimer, this.lateTimer].forEach(clearTimeout);
    [this.mixer, this.browser, this.server].forEach((part) => part.close());
    this.root.remove();
    this.scene = this.shapes = this.mixture = null;
  }

  // ---- what is shown

  /** The row that is shown; while the block does not have the target yet, the row before. */
  get row() {
    const find = (name) => this.scene.targets.find((row) => row.name === name);
    return find(this.state.target) ?? find(this.lastRow) ?? this.scene.targets[0];
  }

  /** The number of the pose that is shown. */
  get frame() { return clamp(this.hovered ?? this.state.frame, 0, Math.max(0, this.poses.length - 1)); }

  /** The mixture that is shown, or null. */
  get shownMixture() { return this.hovered === null && this.mixture?.target === this.row?.name ? this.mixture : null; }

  /** The scale of colours that is shown: [low, high, label], or undefined. */
  get scale() { return this.scene.scales[this.row?.name]?.[this.state.coloring]; }

  get keypointCount() { return Math.max(0, ...(this.row?.actors ?? []).map((actor) => actor.keypoints?.count ?? 0)); }

  /** The engines that can draw here. */
  get engines() {
    const works = typeof WebGL2RenderingContext !== "undefined" && !this.noWebGL;
    return this.state.engines.filter((name) => name !== "webgl" || works);
  }

  /** Whether things move just now, so that a quick picture is better than a fine one. */
  get moving() { return Boolean(this.state.playing || this.restTimer || this.map.pressed || this.handles.held); }

  // ---- what the user does

  /** Set a trait and tell Python; `often`: it changes many times a second. */
  change(name, value, often = false) {
    if (name === "frame" || (name === "playing" && value)) this.dropMixture();
    this.state[name] = name === "keypoint" ? clamp(value, 0, Math.max(0, this.keypointCount - 1)) : value;
    this.write(name, this.state[name], often);
    this.applied(name);
  }

  /** Tell the model of a trait: at once, or within 250 ms. */
  write(name, value, often) {
    this.unsent.set(name, value);
    if (!often) this.flush();
    else this.unsentTimer ??= setTimeout(() => this.flush(), 250);
  }

  /** Give the model all that it does not have yet. */
  flush() {
    clearTimeout(this.unsentTimer);
    this.unsentTimer = undefined;
    if (!this.unsent.size) return;
    const news = [...this.unsent];
    this.unsent.clear();
    news.forEach(([name, value]) => this.model.set(name, value));
    this.model.save_changes();
  }

  /** What follows from another value of a trait. */
  applied(name) {
    this.clock = null;
    if (name === "target") this.carryMixture();
    if (name === "engine") this.say("");
    if (name === "frame" || name === "camera") this.schedule();
    else this.updateAll();
  }

  /** Another target is shown: ask for the mixture on it. */
  carryMixture() {
    if (this.handles.list.length && this.handles.possible) this.handles.ask();
    else if (this.mixture) this.mix(this.mixture);
  }

  /** Show no mixture, and take none that is still on its way. */
  dropMixture() {
    this.mixture = this.mixer.waiting = this.asked = null;
    this.handles.drop();
  }

  /** Show a pose and stop playing. */
  choose(frame) {
    if (this.state.playing) this.change("playing", false);
    this.hovered = null;
    this.change("frame", clamp(frame, 0, this.poses.length - 1), true);
    this.wake();
  }

  step(by) { this.choose((this.frame + by + this.poses.length) % this.poses.length); }

  /** Show a pose as long as it is pointed at; null ends this. */
  preview(frame) {
    if (this.state.playing && frame !== null) return;
    this.hovered = frame;
    this.schedule();
  }

  /** Ask Python for a mixture {poses, weights} of poses on the target. */
  mix({ poses, weights }) {
    if (this.state.playing) this.change("playing", false);
    this.hovered = null;
    if (this.handles.list.length) this.handles.drop();
    this.mixer.ask(() => (this.asked = { target: this.state.target, poses, weights }));
    this.schedule();
  }

  /** Ask Python for new poses. */
  sample() {
    this.map.button.disabled = true;
    this.say("Sampling new poses …");
    this.model.send({ kind: "sample" });
  }

  setCamera(camera) {
    this.change("camera", camera.map(Number), true);
    this.wake();
  }

  /** Turn by a way of the pointer, CSS pixels. */
  turn(x, y) {
    const [azimuth, elevation, ...others] = this.state.camera, rate = 200 / this.area.clientHeight;
    this.setCamera([(((azimuth - x * rate) % 360) + 360) % 360, clamp(elevation + y * rate, -89, 89), ...others]);
  }

  /** Move by a way of the pointer, CSS pixels, and zoom by a factor. */
  pan(x, y, factor = 1) {
    const [azimuth, elevation, zoom, right, up] = this.state.camera;
    const wide = this.area.clientWidth / (this.row?.actors.length ?? 1), high = this.area.clientHeight;
    const distance = cameraDistance(this.scene, elevation, zoom, wide / high);
    const radii = (2 * Math.tan(HALF_VIEW) * distance) / this.scene.radius / high; // that a pixel stands for
    this.setCamera([azimuth, elevation, clamp(zoom * factor, 0.2, 30), right + x * radii, up - y * radii]);
  }

  zoom(factor) { this.pan(0, 0, factor); }

  /** Things move; a short time after the last call they rest. */
  wake() {
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => this.rest(), 250);
    this.reopen();
  }

  /** Nothing moves any more: tell Python all, and draw a fine picture. */
  rest() {
    clearTimeout(this.restTimer);
    this.restTimer = 0;
    this.flush();
    if (this.server.coarse) this.renew();
  }

  /** Say for a moment how the wheel zooms. */
  hint() {
    this.hintLine.classList.add("npr-shown");
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => this.hintLine.classList.remove("npr-shown"), 1400);
  }

  // ---- what Python does

  /** Python has set a trait. */
  receiveTrait(name) {
    const value = this.read(name);
    if (same(value, this.state[name])) return;
    this.unsent.delete(name);
    if (name === "frame") this.dropMixture();
    this.state[name] = value;
    if (name === "note") return this.receiveNote();
    if (name === "height") this.resize();
    this.applied(name);
  }

  /** Python may say why there is no picture, or why there are no new poses. */
  receiveNote() {
    this.say("");
    this.server.asker.free();
    this.mixer.free();
    this.map.load(this.scene.explorer, !this.alone);
  }

  receivePack() {
    this.load();
    this.say("");
    this.updateAll();
  }

  /** A message from Python. */
  receive(content, buffers = []) {
    if (content.kind === "picture") this.server.receive(content, bytesOf(buffers[0]));
    if (content.kind === "live") this.receiveMixture(content, bytesOf(buffers[0]));
  }

  /** A mixed or pulled pose from Python: float32 positions of all actors of the row, one after the other. */
  receiveMixture({ serial, counts }, bytes) {
    const asked = serial === this.mixer.serial ? this.asked : null;
    const row = this.scene.targets.find(({ name }) => name === asked?.target);
    if (!this.mixer.accept(serial) || !row || !same(counts, row.actors.map((actor) => actor.vertices))) return;
    const numbers = new Float32Array(bytes.slice().buffer);
    let end = 0;
    this.mixture = { ...asked, positions: counts.map((count) => numbers.subarray(end, (end += 3 * count))) };
    this.renew();
  }

  // ---- drawing

  /** Paint soon. */
  schedule() {
    if (!this.gone) this.request ??= requestAnimationFrame((now) => this.paint(now));
  }

  /** Paint soon even if pose and camera are the same. */
  renew() {
    this.stamp++;
    this.schedule();
  }

  /** Move on by the clock while playing. */
  tick(now) {
    if (!this.state.playing || document.hidden || this.poses.length < 2) return (this.clock = null);
    this.clock ??= { now, frame: this.state.frame };
    const passed = ((now - this.clock.now) / 1000) * POSES_A_SECOND * this.state.speed;
    const frame = (this.clock.frame + Math.max(0, Math.floor(passed))) % this.poses.length;
    if (frame !== this.state.frame) this.write("frame", (this.state.frame = frame), true);
    this.schedule();
  }

  /** Draw picture, pose and map, if anything has changed; `now` is the clock of the animation in ms. */
  paint(now) {
    this.request = undefined;
    if (this.gone || !this.row || !this.seen) return;
    this.tick(now);
    this.fit();
    const density = Math.min(2, devicePixelRatio || 1);
    const size = [this.area.clientWidth, this.area.clientHeight].map((part) => Math.round(part * density));
    const mark = JSON.stringify([this.frame, this.state.camera, Boolean(this.shownMixture), this.stamp, size]);
    if (Math.min(...size) === 0) return this.schedule(); // some hosts hide everything for a moment
    if (mark === this.painted) return;
    this.painted = mark;
    this.painter()?.paint(this, ...size);
    this.watchPython();
    this.controls.updatePose();
    this.handles.paint();
    this.map.paint();
  }

  /** The painter in charge, with all it needs; nothing where none can draw. */
  painter() {
    if (this.shapes?.row !== this.row) this.shapes = new RowShapes(this.scene, this.row);
    this.lastRow = this.row.name;
    const standIn = this.late && !this.noWebGL && this.engines.includes("webgl");
    if (this.state.engine !== "webgl" && (!this.shownMixture || this.noWebGL) && !standIn) return this.server.open();
    if (this.engines.includes("webgl") && this.browser.open()) { // draws mixtures for the others too
      this.server.hide();
      this.browser.canvas.hidden = false;
      return this.browser;
    }
    this.noWebGL = true;
    const [instead] = this.engines;
    this.say(`This browser has no WebGL${instead ? `; ${instead} draws` : ", so nothing can be drawn here"}.`);
    this.updateAll();
  }

  /** Python may be busy with another cell: then the browser draws until the next picture comes. */
  watchPython() {
    if (this.lateTimer || !this.server.asker.timer) return;
    this.lateTimer = setTimeout(() => {
      this.lateTimer = 0;
      if (this.gone || this.state.engine === "webgl" || !this.server.asker.timer) return;
      this.late = true;
      this.say("Python is busy; the browser draws until it answers.", true);
      this.renew();
    }, clamp(3 * (this.server.asker.took ?? 0), 1500, 3000));
  }

  /** Python's picture is here: the browser's is not needed any more. */
  whenPictured() {
    clearTimeout(this.lateTimer);
    this.lateTimer = 0;
    if (this.late) this.renew(); // what has been wished for meanwhile
    this.late = false;
    const wanted = this.state.engine !== "webgl" && !this.shownMixture;
    this.server.canvas.hidden = !wanted;
    if (wanted && this.mixture) this.browser.canvas.hidden = true; // it will be needed again
    else if (wanted) this.browser.close();
    if (this.soon) this.say("");
  }

  /** Bring state and controls together, and paint. */
  updateAll() {
    const { engines, state, scene, row } = this;
    if (engines.length && !engines.includes(state.engine)) this.write("engine", (state.engine = engines[0]));
    if (!scene.colorings.includes(state.coloring)) state.coloring = "plain";
    if (row) state.target = row.name;
    state.keypoint = clamp(state.keypoint, 0, Math.max(0, this.keypointCount - 1));
    this.controls.update();
    this.updateLabels();
    this.updateNote();
    this.renew();
  }

  /** The names of the actors, and the scale of the colours. */
  updateLabels() {
    const { scale } = this, span = (text) => element("span", { title: text }, text);
    this.labels.replaceChildren(...(this.row?.actors ?? []).map(({ name }) => element("div", {}, span(name))));
    this.bar.hidden = !scale;
    if (!scale) return;
    const stripe = element("div", { className: "npr-stripe" });
    stripe.style.background = `linear-gradient(to right, ${this.stops().map((color) => `rgb(${color})`)})`;
    const ends = element("div", { className: "npr-ends" }, span(readable(scale[0])), span(readable(scale[1])));
    this.bar.replaceChildren(span(scale[2] || this.state.coloring), stripe, ends);
  }

  /** Nine colours along the scale, each [r, g, b]. */
  stops() {
    return [0, 32, 64, 96, 128, 159, 191, 223, 255].map((entry) => this.scene.viridis.slice(3 * entry, 3 * entry + 3));
  }

  /** Say something below the picture in place of Python's note; `soon`: until the next picture. "" goes back to the note. */
  say(text, soon = false) {
    Object.assign(this, { said: text, soon });
    this.updateNote();
  }

  /** Show the line below the picture. */
  updateNote() {
    const waits = this.row && this.state.target !== this.row.name ? `Waiting for ${this.state.target} …` : "";
    const text = this.said || waits || this.state.note;
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** Be as light or as dark as the page. */
  updateTheme() {
    const dark = isDark(this.root.parentElement);
    if (this.dark === dark) return;
    this.root.classList.toggle("npr-dark", (this.dark = dark));
    this.colors.clear();
    this.renew();
  }

  /** A colour of the style sheet. */
  color(name) {
    if (!this.colors.has(name)) this.colors.set(name, getComputedStyle(this.root).getPropertyValue(name).trim());
    return this.colors.get(name);
  }

  /** The colour behind the meshes: [r, g, b], 0 to 255. */
  paper() { return getComputedStyle(this.area).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number); }

  /** Give the picture its height: less than asked for where tiles are narrow, so that no empty space is left. */
  fit() {
    const wide = this.area.clientWidth / (this.row?.actors.length || 1), full = this.state.height;
    this.root.style.setProperty("--npr-full", `${full}px`);
    if (wide > 0) this.root.style.setProperty("--npr-height", `${Math.round(clamp(1.3 * wide, Math.min(260, full), full))}px`);
  }

  /** The viewer has another size. */
  resize() {
    this.fit();
    this.updateTheme(); // the viewer may just have been put into its page
    this.schedule();
  }

  /** Far out of view the graphics context is given back, since a browser has about 16 of them. */
  whenSeen(seen) {
    this.seen = seen;
    this.clock = null; // out of view nothing plays
    clearTimeout(this.releaseTimer);
    if (!seen) this.releaseTimer = setTimeout(() => this.browser.close(), 2000);
    else this.reopen();
    this.renew();
  }

  /** Take a new graphics context if the browser took the last one away. */
  reopen() {
    if (!this.browser.lost) return;
    this.browser.close();
    this.whenLost(false);
  }

  /** The graphics context is gone, or here again. */
  whenLost(lost) {
    this.say(lost ? "The browser took the graphics memory away; click the picture to draw again." : "");
    this.renew();
  }

  // ---- whole screen, saved picture

  fillScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen().catch(() => this.say("This page does not allow the full screen."));
  }

  /** Download what is seen as a PNG. */
  savePicture() {
    if (!this.row) return;
    this.stamp++;
    if (this.painter() === this.browser) this.paint(performance.now()); // its pixels can be read until the task ends
    const { canvas } = this.painter() ?? {}, name = this.shownMixture ? "mixture" : this.poses[this.frame];
    if (!canvas?.width) return;
    const whole = element("canvas", { width: canvas.width, height: canvas.height }), pen = whole.getContext("2d");
    pen.fillStyle = getComputedStyle(this.area).backgroundColor;
    pen.fillRect(0, 0, whole.width, whole.height);
    pen.drawImage(canvas, 0, 0);
    this.drawTexts(pen, whole.width, whole.height, canvas.width / this.area.clientWidth);
    whole.toBlob((blob) => {
      const href = URL.createObjectURL(blob), file = `npr-${this.state.target}-${name}`.replace(/[^\w.-]+/g, "_");
      element("a", { href, download: `${file}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10000);
    });
  }

  /** The names of the actors and the scale of the colours, drawn into a picture of `unit` pixels a CSS pixel. */
  drawTexts(pen, width, height, unit) {
    const { scale, row: { actors } } = this, left = 14 * unit, long = 132 * unit, top = height - 34 * unit;
    pen.fillStyle = this.color("--npr-quiet");
    pen.font = `${12 * unit}px ${getComputedStyle(this.root).fontFamily}`;
    pen.textAlign = "center";
    tilesOf(width, actors.length).forEach(([start, wide], i) => pen.fillText(actors[i].name, start + wide / 2, 22 * unit));
    if (!scale) return;
    pen.textAlign = "left";
    pen.fillText(scale[2] || this.state.coloring, left, top - 7 * unit);
    pen.fillText(readable(scale[0]), left, top + 22 * unit);
    pen.textAlign = "right";
    pen.fillText(readable(scale[1]), left + long, top + 22 * unit);
    pen.fillStyle = pen.createLinearGradient(left, 0, left + long, 0);
    this.stops().forEach((color, i) => pen.fillStyle.addColorStop(i / 8, `rgb(${color})`));
    pen.fillRect(left, top, long, 6 * unit);
  }
}

// 11 ------------------------------------------------------------------------------------------ the ways in

/** Show a widget's model in an element; returns the function that ends it. This is what anywidget calls. */
function render({ model, el }) {
  const viewer = new Viewer(model, el);
  return () => viewer.destroy();
}

/** What a viewer needs of a widget's model, without a kernel. */
class LoneModel {
  constructor(values) { Object.assign(this, { values: { ...DEFAULTS, alone: true, ...values }, actions: [] }); }
  get(name) { return this.values[name]; }
  set(name, value) {
    this.values[name] = value;
    this.actions.filter(([event]) => event === `change:${name}`).forEach(([, action]) => action());
  }
  on(...handler) { this.actions.push(handler); }
  off(name, action) { this.actions = this.actions.filter((known) => known[0] !== name || known[1] !== action); }
  save_changes() {}
  send() {}
}

/** Show a block of bytes in an element of a page without a kernel; `options` are first values of the traits. */
export function standalone(block, el, options = {}) {
  return render({ model: new LoneModel({ ...options, pack: block }), el });
}

export { readScene, decodeFrame, vertexNormals, vertexColors, viewMatrices, tilesOf, barycentric, findMixture, nearestPoint };
export { hitOf };
export default { render };
