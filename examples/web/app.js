// The page: an image or the camera goes in, the faces are drawn on it.
import init, { FaceLandmarker } from "./fkp_web.js";
import { drawFaces } from "./draw.js";

/** Larger images are reduced to this longer side, so that they fit into the memory of a phone. */
const MAX_SIDE = 4096;
/** Smaller images are enlarged to this longer side, so that keypoints can be distinguished. */
const MIN_VIEW = 720;

const element = (id) => document.getElementById(id);
const [stage, view] = [element("stage"), element("view")];
const context = view.getContext("2d");
/** For reading the pixels of images and frames, and for drawing them enlarged. */
const [reader, original] = [1, 2].map(() =>
  document.createElement("canvas").getContext("2d", { willReadFrequently: true }),
);

let landmarker = null;
/** The lines between the keypoints of `landmarker`. */
let skeleton = [];
/** What is shown: `name`, `image`, `faces` and the `skeleton` of their keypoints. */
let shown = null;
let camera = null;
/** Counts images and camera starts: what is not ready when the next one begins is dropped. */
let current = 0;

listen();
load();

async function load() {
  try {
    await init({ module_or_path: unpack("fkp_web_bg.wasm.gz") });
    loadKeypoints();
  } catch (error) {
    return fail(`The model could not be loaded: ${error.message}.`);
  }
  element("controls").querySelector("fieldset").disabled = false;
  say("Ready.");
  document.documentElement.dataset.ready = "true";
}

/** Makes the landmarker for the keypoints that are selected. */
function loadKeypoints() {
  const previous = landmarker;
  landmarker = new FaceLandmarker({ schema: element("schema").value });
  skeleton = landmarker.skeleton;
  previous?.free();
}

/** The WebAssembly file, whether or not the server unpacked it on the way. */
async function unpack(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file}: the server answers ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const stream = new Blob([bytes]).stream();
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const unpacked = isPacked ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
  return new Response(unpacked, { headers: { "content-type": "application/wasm" } });
}

function listen() {
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("file").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    // Without a file, the dialog was canceled.
    if (files.length > 0) open(files);
  });
  element("camera").addEventListener("click", () => (camera ? stopCamera() : startCamera()));
  element("schema").addEventListener("change", changeSchema);
  for (const id of ["show-sigma", "show-pose", "show-box"]) element(id).addEventListener("change", redraw);
  element("result").addEventListener("toggle", showJson);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("dragging");
  });
  addEventListener("dragleave", () => stage.classList.remove("dragging"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("dragging");
    open([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return fail("The clipboard has no image.");
    open(files);
  });
}

/** Shows the first of these files. */
async function open([file, ...others]) {
  if (!landmarker) return fail("The model is not loaded yet.");
  if (!file) return fail("What was dropped is not a file.");
  stopCamera();
  const mine = ++current;
  let bitmap;
  try {
    // Upright by its EXIF orientation.
    bitmap = await createImageBitmap(file);
  } catch {
    if (mine === current) fail(`${file.name} is not an image that this browser can read.`);
    return;
  }
  if (mine === current) {
    const reduction = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
    stage.classList.remove("mirrored");
    show(file.name, read(bitmap, bitmap.width * reduction, bitmap.height * reduction));
    if (others.length > 0) element("status").textContent += ` The other files (${others.length}) are not shown.`;
  }
  bitmap.close();
}

/** The pixels of an image or of a video frame. */
function read(source, width, height) {
  const { canvas } = reader;
  [canvas.width, canvas.height] = [width, height].map((side) => Math.max(1, Math.round(side)));
  reader.drawImage(source, 0, 0, canvas.width, canvas.height);
  return reader.getImageData(0, 0, canvas.width, canvas.height);
}

/** Finds the faces of an image, and draws both. */
function show(name, image) {
  const began = performance.now();
  let faces;
  try {
    faces = landmarker.detect(image);
  } catch (error) {
    return fail(`${name}: ${error.message}.`);
  }
  const milliseconds = performance.now() - began;
  shown = { name, image, faces, skeleton };
  redraw();
  say(faces.length === 0 ? `No face was found in ${name}.` : `${count(faces)} in ${name}.`, duration(milliseconds, faces));
}

async function startCamera() {
  if (!navigator.mediaDevices) return fail("The camera needs a page that is opened by https or from localhost.");
  const mine = ++current;
  const video = document.createElement("video");
  [video.muted, video.playsInline] = [true, true];
  let stream = null;
  try {
    const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    stopStream(stream);
    if (mine === current) fail(CAMERA_ERRORS[error.name] ?? `The camera could not be started: ${error.message}.`);
    return;
  }
  if (mine !== current) return stopStream(stream);
  landmarker.resetTracks();
  const started = { video, stream, history: [], faces: null };
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    if (camera !== started) return;
    stopCamera();
    fail("The camera was disconnected.");
  });
  camera = started;
  element("camera").textContent = "Stop the camera";
  element("camera").classList.add("primary");
  stage.classList.add("mirrored");
  nextFrame(started);
}

const CAMERA_ERRORS = {
  NotFoundError: "There is no camera.",
  OverconstrainedError: "There is no camera.",
  NotAllowedError: "The camera was not allowed. Allow it in the settings of the page, and start it again.",
  NotReadableError: "The camera is used by another program.",
};

function stopStream(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function stopCamera() {
  current++;
  if (!camera) return;
  stopStream(camera.stream);
  camera = null;
  element("camera").textContent = "Start the camera";
  element("camera").classList.remove("primary");
  say("The camera is off.");
}

function nextFrame(started) {
  const { video } = started;
  const next = (now) => onFrame(started, now);
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(next);
  else requestAnimationFrame(next);
}

/** The faces of a frame, the time that they took, and the number of frames of the last second. */
function onFrame(started, now) {
  if (camera !== started) return;
  const { video, history } = started;
  const image = read(video, video.videoWidth, video.videoHeight);
  const began = performance.now();
  let faces;
  try {
    faces = landmarker.track(image, now / 1000);
  } catch (error) {
    stopCamera();
    return fail(`The camera's image: ${error.message}.`);
  }
  const ended = performance.now();
  history.push({ at: ended, milliseconds: ended - began });
  while (history[0].at < ended - 1000) history.shift();
  shown = { name: "the camera", image, faces, skeleton };
  redraw();
  view.dataset.frames = Number(view.dataset.frames ?? 0) + 1;
  // A screen reader reads every change of the status, so only the number of faces is in it.
  if (started.faces !== faces.length) {
    started.faces = faces.length;
    say(faces.length === 0 ? "No face in the camera." : `${count(faces)} in the camera.`);
  }
  const milliseconds = history.reduce((sum, frame) => sum + frame.milliseconds, 0) / history.length;
  element("timing").textContent = `${duration(milliseconds, faces)}, ${history.length} frames a second`;
  nextFrame(started);
}

const count = (faces) => (faces.length === 1 ? "1 face" : `${faces.length} faces`);

function duration(milliseconds, faces) {
  const each = faces.length > 1 ? ` (${(milliseconds / faces.length).toFixed(1)} ms a face)` : "";
  return `${milliseconds.toFixed(1)} ms${each}`;
}

function changeSchema() {
  try {
    loadKeypoints();
  } catch (error) {
    return fail(`The keypoints could not be changed: ${error.message}.`);
  }
  if (shown && !camera) show(shown.name, shown.image);
}

function redraw() {
  if (!shown) return;
  const { image, faces, name } = shown;
  const scale = Math.max(1, MIN_VIEW / Math.max(image.width, image.height));
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
  resize(view, width, height);
  resize(original.canvas, image.width, image.height);
  original.putImageData(image, 0, 0);
  // Under an image that is not opaque, the last drawing would show.
  context.clearRect(0, 0, width, height);
  context.drawImage(original.canvas, 0, 0, width, height);
  drawFaces(context, faces, {
    scale,
    skeleton: shown.skeleton,
    sigma: element("show-sigma").checked,
    pose: element("show-pose").checked,
    box: element("show-box").checked,
  });
  stage.classList.remove("empty");
  view.setAttribute("aria-label", `${name} with ${count(faces)}`);
  fillTable(faces);
  element("result").hidden = false;
  showJson();
}

/** A canvas that gets a size is empty, and its memory is new. */
function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
}

function fillTable(faces) {
  const rounded = (value, digits) => (value === undefined ? "–" : value.toFixed(digits));
  const rows = faces.map((face, index) => {
    const sigma = face.keypoints.reduce((sum, keypoint) => sum + keypoint.sigma, 0) / face.keypoints.length;
    const cells = [
      String((face.id ?? index) + 1),
      rounded(face.faceScore, 2),
      rounded(face.pose?.yaw, 0),
      rounded(face.pose?.pitch, 0),
      rounded(face.pose?.roll, 0),
      `${sigma.toFixed(1)} px`,
    ];
    const row = document.createElement("tr");
    for (const text of cells) row.insertCell().textContent = text;
    return row;
  });
  element("faces").hidden = faces.length === 0;
  element("faces").querySelector("tbody").replaceChildren(...rows);
}

/** While the details are closed there is no text, so that it is never that of an earlier frame. */
function showJson() {
  const isShown = shown && element("result").open;
  const { image, faces, name } = shown ?? {};
  const result = isShown && { file: name, width: image.width, height: image.height, faces };
  element("json").textContent = isShown ? JSON.stringify(result, null, 1) : "";
}

function say(sentence, timing = "") {
  element("status").classList.remove("error");
  element("status").textContent = sentence;
  element("timing").textContent = timing;
}

function fail(sentence) {
  say(sentence);
  element("status").classList.add("error");
}
