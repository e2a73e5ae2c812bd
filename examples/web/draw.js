// Draws faces on a canvas that shows the image enlarged by `scale`.

/** A canvas measures from the outer edge of the image, keypoints from the center of its first pixel. */
const toCanvas = (position, scale) => (position + 0.5) * scale;

/**
 * Draws every face of an image.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./fkp_web.js").Face[]} faces
 * @param {{scale: number, skeleton: [number, number][], sigma: boolean, pose: boolean, box: boolean}} options
 */
export function drawFaces(context, faces, options) {
  for (const face of faces) {
    const unit = size(face) * options.scale;
    if (options.box) drawBox(context, boxOf(face), options.scale, unit);
    drawLines(context, face.keypoints, options, unit);
    if (options.sigma) drawDeviations(context, face.keypoints, options.scale);
    drawKeypoints(context, face.keypoints, options.scale, unit);
    if (options.pose && face.pose) drawPose(context, face, options.scale, unit);
  }
}

/** The box of the detector; around the keypoints in a video, where the detector does not run on every frame. */
function boxOf(face) {
  return face.id === undefined && face.box ? face.box : bounds(face.keypoints);
}

/** x, y, width and height from the outer edge of the image, in its pixels. */
function bounds(keypoints) {
  const [xs, ys] = [keypoints.map((p) => p.x + 0.5), keypoints.map((p) => p.y + 0.5)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}

/** The longer side of a face, in pixels of the image. */
function size(face) {
  const [, , width, height] = bounds(face.keypoints);
  return Math.max(width, height);
}

function drawBox(context, [x, y, width, height], scale, unit) {
  context.strokeStyle = "#8ab4f8";
  context.lineWidth = clamp(unit / 100, 1, 4);
  context.strokeRect(x * scale, y * scale, width * scale, height * scale);
}

function drawLines(context, keypoints, { scale, skeleton }, unit) {
  context.strokeStyle = "rgb(255 255 255 / 55%)";
  context.lineWidth = clamp(unit / 250, 0.5, 2);
  context.beginPath();
  for (const [from, to] of skeleton) {
    context.moveTo(toCanvas(keypoints[from].x, scale), toCanvas(keypoints[from].y, scale));
    context.lineTo(toCanvas(keypoints[to].x, scale), toCanvas(keypoints[to].y, scale));
  }
  context.stroke();
}

function drawDeviations(context, keypoints, scale) {
  context.fillStyle = "rgb(255 196 0 / 28%)";
  for (const { x, y, sigma } of keypoints) {
    context.beginPath();
    context.ellipse(toCanvas(x, scale), toCanvas(y, scale), sigma * scale, sigma * scale, 0, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawKeypoints(context, keypoints, scale, unit) {
  context.fillStyle = "#00e0a4";
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  context.lineWidth = clamp(unit / 500, 0.25, 1);
  const radius = clamp(unit / 110, 0.6, 5);
  for (const { x, y } of keypoints) {
    context.beginPath();
    context.arc(toCanvas(x, scale), toCanvas(y, scale), radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/** The axes of the head from the mean of the keypoints: its left, down, and forward. */
function drawPose(context, { keypoints, pose }, scale, unit) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(keypoints.map((p) => p.x)), mean(keypoints.map((p) => p.y))];
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const [yaw, pitch, roll] = [pose.yaw, pose.pitch, pose.roll].map(radians);
  const axes = [
    ["#ff5a4f", Math.cos(yaw), 0],
    ["#4fd86a", -Math.sin(pitch) * Math.sin(yaw), Math.cos(pitch)],
    ["#4f9dff", Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch)],
  ];
  context.lineWidth = clamp(unit / 80, 1.5, 6);
  for (const [color, right, down] of axes) {
    const [dx, dy] = [
      right * Math.cos(roll) - down * Math.sin(roll),
      right * Math.sin(roll) + down * Math.cos(roll),
    ];
    context.strokeStyle = color;
    context.beginPath();
    context.moveTo(toCanvas(x, scale), toCanvas(y, scale));
    context.lineTo(toCanvas(x, scale) + (dx * unit) / 3, toCanvas(y, scale) + (dy * unit) / 3);
    context.stroke();
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
