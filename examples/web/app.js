// The page: an image or the camera goes in, the faces are drawn on it.
import init, { FaceLandmarker } from "./fkp_web.js";
import { drawFaces } from "./draw.js";

/** Larger images are reduced to this longer side, so that they fit into the memory of a phone. */
const MAX_SIDE = 4096;
/** Smaller images are enlarged to this longer side, so that keypoints can be told apart. */
const MIN_VIEW = 720;

const element = (id) => document.getElementById(id);
const [stage, view, statusLine] = [element("stage"), element("view"), element("status")];
const context = view.getContext("2d");
const pixels = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

let landmarker;
/** What is shown: the name of an image and its pixels. */
let shown = null;
let camera = null;

start();

async function start() {
  try {
    await init({ module_or_path: unpack("fkp_web_bg.wasm.gz") });
    landmarker = new FaceLandmarker({ schema: element("schema").value });
  } catch (error) {
    return fail(`The model could not be loaded: ${error.message}.`);
  }
  say("Ready.");
  connect();
}

/** The WebAssembly file, which is compiled while it is loaded. */
async function unpack(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file}: the server answers ${response.status}`);
  const stream = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream, { headers: { "content-type": "application/wasm" } });
}

function connect() {
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("file").addEventListener("change", (event) => {
    open([...event.target.files]);
    event.target.value = "";
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
  document.documentElement.dataset.ready = "true";
}

/** Shows the first of these files. */
async function open([file, ...others]) {
  if (!file) return fail("What was dropped is not a file.");
  stopCamera();
  let bitmap;
  try {
    // Turned as the camera was held (EXIF).
    bitmap = await createImageBitmap(file);
  } catch {
    return fail(`${file.name} is not an image that this browser can read.`);
  }
  const reduction = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const image = read(bitmap, bitmap.width * reduction, bitmap.height * reduction);
  bitmap.close();
  stage.classList.remove("mirrored");
  show(file.name, image);
  if (others.length > 0) statusLine.textContent += ` Only the first of ${others.length + 1} files is shown.`;
}

/** The pixels of an image or of a video frame. */
function read(source, width, height) {
  pixels.canvas.width = Math.max(1, Math.round(width));
  pixels.canvas.height = Math.max(1, Math.round(height));
  pixels.drawImage(source, 0, 0, pixels.canvas.width, pixels.canvas.height);
  return pixels.getImageData(0, 0, pixels.canvas.width, pixels.canvas.height);
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
  shown = { name, image, faces };
  redraw();
  if (faces.length === 0) return say(`No face was found in ${name}.`);
  say(`${count(faces)} in ${name}, ${times(milliseconds, faces)}.`);
}

async function startCamera() {
  if (!navigator.mediaDevices) return fail("The camera needs a page that is opened by https or from localhost.");
  const button = element("camera");
  button.disabled = true;
  let stream;
  try {
    const video = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    return fail(CAMERA_ERRORS[error.name] ?? `The camera could not be started: ${error.message}.`);
  } finally {
    button.disabled = false;
  }
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    stopCamera();
    fail("The camera was disconnected.");
  });
  await video.play();
  landmarker.resetTracks();
  camera = { video, stream, times: [] };
  button.textContent = "Stop the camera";
  button.setAttribute("aria-pressed", "true");
  stage.classList.add("mirrored");
  nextFrame();
}

const CAMERA_ERRORS = {
  NotFoundError: "There is no camera.",
  OverconstrainedError: "There is no camera.",
  NotAllowedError: "The camera was not allowed. Allow it in the settings of the page, and start it again.",
  NotReadableError: "The camera is used by another program.",
};

function stopCamera() {
  if (!camera) return;
  for (const track of camera.stream.getTracks()) track.stop();
  camera.video.srcObject = null;
  camera = null;
  element("camera").textContent = "Start the camera";
  element("camera").setAttribute("aria-pressed", "false");
  say("The camera is off.");
}

function nextFrame() {
  const { video } = camera;
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(onFrame);
  else requestAnimationFrame(onFrame);
}

/** The faces of a frame, the time that they took, and the frames of the last second. */
function onFrame(now) {
  if (!camera) return;
  const { video, times: history } = camera;
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
  shown = { name: "the camera", image, faces };
  redraw();
  view.dataset.frames = Number(view.dataset.frames ?? 0) + 1;
  const milliseconds = history.reduce((sum, frame) => sum + frame.milliseconds, 0) / history.length;
  // A screen reader would read every frame.
  if (!camera.said || ended - camera.said > 500) {
    camera.said = ended;
    const found = faces.length === 0 ? "No face" : count(faces);
    say(`${found}, ${times(milliseconds, faces)}, ${history.length} frames a second.`);
  }
  nextFrame();
}

const count = (faces) => (faces.length === 1 ? "1 face" : `${faces.length} faces`);

function times(milliseconds, faces) {
  const each = faces.length > 1 ? ` (${(milliseconds / faces.length).toFixed(1)} ms a face)` : "";
  return `${milliseconds.toFixed(1)} ms${each}`;
}

function changeSchema() {
  landmarker.free();
  landmarker = new FaceLandmarker({ schema: element("schema").value });
  if (shown && !camera) show(shown.name, shown.image);
}

function redraw() {
  if (!shown) return;
  const { image, faces, name } = shown;
  const scale = Math.max(1, MIN_VIEW / Math.max(image.width, image.height));
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
  if (view.width !== width || view.height !== height) [view.width, view.height] = [width, height];
  // What `read` read last is still there.
  context.drawImage(pixels.canvas, 0, 0, width, height);
  drawFaces(context, faces, {
    scale,
    skeleton: landmarker.skeleton,
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

function fillTable(faces) {
  const degrees = (value) => (value === undefined ? "–" : value.toFixed(0));
  const rows = faces.map((face, index) => {
    const sigma = face.keypoints.reduce((sum, p) => sum + p.sigma, 0) / face.keypoints.length;
    const score = face.score ?? face.faceScore;
    const cells = [
      (face.id ?? index) + 1,
      score === undefined ? "–" : score.toFixed(2),
      degrees(face.pose?.yaw),
      degrees(face.pose?.pitch),
      degrees(face.pose?.roll),
      `${sigma.toFixed(1)} px`,
    ];
    const row = document.createElement("tr");
    for (const text of cells) row.insertCell().textContent = text;
    return row;
  });
  const table = element("faces");
  table.hidden = faces.length === 0;
  table.tBodies[0].replaceChildren(...rows);
}

function showJson() {
  if (!shown || !element("result").open) return;
  const { image, faces, name } = shown;
  const result = { file: name, width: image.width, height: image.height, faces };
  element("json").textContent = JSON.stringify(result, null, 1);
}

function say(sentence) {
  statusLine.classList.remove("error");
  statusLine.textContent = sentence;
}

function fail(sentence) {
  statusLine.classList.add("error");
  statusLine.textContent = sentence;
}
