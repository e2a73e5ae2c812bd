// The web page in a real Chromium: what a person does, and the same keypoints as `predict`.
//
//   bash examples/web/build.sh && (cd tests/web && npm install && npm test)
//
// FKP_PAGE is the folder of the page, CHROMIUM the browser, FKP_SCREENSHOTS a folder for screenshots.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";
import { CHROMIUM, ROOT, program, serve } from "./support.mjs";

const PAGE = process.env.FKP_PAGE ?? join(ROOT, "target/page");
const FACES = 4;

const folder = mkdtempSync(join(tmpdir(), "fkp-web-"));
const screenshots = process.env.FKP_SCREENSHOTS ?? join(folder, "screenshots");
let server, browser, page, requests, errors;

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  program("render", "--out", join(folder, "rendered"), "--count", String(FACES), "--size", "256");
  program("predict", join(folder, "rendered/images"), "--out", join(folder, "predicted"));
  assert.ok(existsSync(join(PAGE, "index.html")), `${PAGE} has no page: run bash examples/web/build.sh`);
  server = await serve(PAGE);
  browser = await launch();
  await openPage();
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

function launch(...args) {
  return puppeteer.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", ...args] });
}

async function openPage(of = browser) {
  page = await of.newPage();
  [requests, errors] = [[], []];
  page.on("request", (request) => requests.push(request));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.setViewport({ width: 1000, height: 1000 });
  await page.goto(server.address);
  await page.waitForSelector("html[data-ready]");
  requests.length = 0;
}

/** Since the page was ready, it asked for nothing and no error was thrown. */
function isQuiet() {
  const urls = requests.map((request) => request.url()).filter((url) => !/^(data|blob):/.test(url));
  assert.deepEqual(urls, []);
  assert.deepEqual(errors, []);
}

const status = () => page.$eval("#status", (line) => line.textContent);

async function statusMatches(pattern) {
  const found = (source) => new RegExp(source).test(document.querySelector("#status").textContent);
  await page.waitForFunction(found, { timeout: 20000 }, pattern.source).catch(() => {});
  assert.match(await status(), pattern);
}

/** Drops a file on the page. */
async function drop(name, bytes, type = "image/png") {
  await page.evaluate(
    async (name, base64, type) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], name, { type }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    },
    name,
    bytes.toString("base64"),
    type,
  );
}

const rendered = (index) => join(folder, `rendered/images/face0000${index}.png`);

/** The page's result, which is written when the details are opened. */
async function result() {
  await page.$eval("#result", (details) => (details.open = false));
  await page.waitForFunction(() => document.querySelector("#json").textContent === "");
  await page.$eval("#result", (details) => (details.open = true));
  await page.waitForFunction(() => document.querySelector("#json").textContent !== "");
  return JSON.parse(await page.$eval("#json", (pre) => pre.textContent));
}

test("rendered faces have the keypoints that the native program finds", async () => {
  const native = JSON.parse(readFileSync(join(folder, "predicted/predictions.json"), "utf8"));
  let compared = 0;
  for (let index = 0; index < FACES; index++) {
    const name = `face0000${index}.png`;
    await drop(name, readFileSync(rendered(index)));
    await statusMatches(new RegExp(`in ${name}`));
    const expected = native.find((image) => image.file.endsWith(name)).faces;
    const found = (await result()).faces;
    assert.equal(found.length, expected.length, name);
    for (const [face, reference] of found.map((face, i) => [face, expected[i]])) {
      assert.equal(face.keypoints.length, 68);
      for (const [i, keypoint] of face.keypoints.entries()) {
        const { name, x, y, sigma } = reference.keypoints[i];
        assert.equal(keypoint.name, name);
        assert.ok(Math.hypot(keypoint.x - x, keypoint.y - y) <= 0.05, `${name}: ${keypoint.x - x}, ${keypoint.y - y}`);
        assert.ok(Math.abs(keypoint.sigma - sigma) <= 0.05);
        compared++;
      }
      for (const [i, side] of face.box.entries()) assert.ok(Math.abs(side - reference.box[i]) <= 0.05);
      assert.ok(Math.abs(face.pose.yaw - reference.pose.yaw) <= 0.05);
    }
  }
  assert.ok(compared >= 68 * 3, `${compared} keypoints were compared`);
  await page.screenshot({ path: join(screenshots, "light.png"), fullPage: true });
});

test("the 15 keypoints have names", async () => {
  await page.select("#schema", "kaggle15");
  const { faces } = await result();
  assert.equal(faces[0].keypoints.length, 15);
  assert.ok(faces[0].keypoints.some((keypoint) => keypoint.name === "nose_tip"));
  await page.select("#schema", "ibug68");
});

test("a file can be opened by keyboard alone, and the page fits a phone in the dark", async () => {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await page.setViewport({ width: 360, height: 740, deviceScaleFactor: 2 });
  await page.evaluate(() => document.activeElement.blur());
  const order = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    order.push(await page.evaluate(() => document.activeElement.id));
  }
  assert.deepEqual(order, ["file", "camera", "schema", "show-sigma", "show-pose", "show-box"]);
  await page.focus("#file");
  const [chooser] = await Promise.all([page.waitForFileChooser(), page.keyboard.press("Space")]);
  await chooser.accept([rendered(1)]);
  await statusMatches(/in face00001\.png/);
  const [page_width, width] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  assert.ok(page_width <= width, `the page is ${page_width} px wide`);
  await page.screenshot({ path: join(screenshots, "phone-dark.png"), fullPage: true });
  await page.emulateMediaFeatures([]);
  await page.setViewport({ width: 1000, height: 1000 });
});

test("what cannot be used is answered by a sentence", async () => {
  await drop("letter.png", Buffer.from("this is not an image"));
  await statusMatches(/^letter\.png is not an image that this browser can read\.$/);
  await drop("cut.png", readFileSync(rendered(0)).subarray(0, 60));
  await statusMatches(/^cut\.png is not an image/);
  const blank = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [300, 200];
    return canvas.toDataURL("image/png").split(",")[1];
  });
  await drop("blank.png", Buffer.from(blank, "base64"));
  await statusMatches(/^No face was found in blank\.png\.$/);
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", "words");
    dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  });
  await statusMatches(/^The clipboard has no image\.$/);
  await page.click("#camera");
  await statusMatches(/^There is no camera\.$|^The camera was not allowed\./);
  assert.ok(await page.$eval("#status", (line) => line.classList.contains("error")));
  await page.screenshot({ path: join(screenshots, "error.png") });
});

test("an image is pasted", async () => {
  await page.evaluate((base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
    dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  }, readFileSync(rendered(2)).toString("base64"));
  await statusMatches(/in pasted\.png/);
});

test("of two images, the one that was opened last stays", async () => {
  const large = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(4000, 3000);
    canvas.getContext("2d").fillRect(0, 0, 4000, 3000);
    const blob = await canvas.convertToBlob();
    return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(""));
  });
  await Promise.all([drop("large.png", Buffer.from(large, "base64")), drop("last.png", readFileSync(rendered(3)))]);
  await statusMatches(/in last\.png/);
  await new Promise((wait) => setTimeout(wait, 500));
  await statusMatches(/in last\.png/);
});

test("wrong options are errors that name them", async () => {
  const messages = await page.evaluate(async () => {
    const { FaceLandmarker } = await import("./fkp_web.js");
    const tried = {
      valid: { maxSide: 320, minFaceSize: 32, schema: undefined },
      unknown: { maxSize: 320 },
      range: { minScore: 2 },
      nan: { minFaceSize: NaN },
      schema: { schema: "hands" },
      text: "fast",
    };
    const message = (options) => {
      try {
        new FaceLandmarker(options).free();
        return "";
      } catch (error) {
        return error.message;
      }
    };
    return Object.fromEntries(Object.entries(tried).map(([name, options]) => [name, message(options)]));
  });
  assert.equal(messages.valid, "");
  assert.match(messages.unknown, /maxSize.*maxSide/);
  assert.match(messages.range, /minScore.*2/);
  assert.match(messages.nan, /minFaceSize.*NaN/);
  assert.match(messages.schema, /hands/);
  assert.match(messages.text, /object/);
});

test("nothing is sent, and the policy would not allow it", async () => {
  isQuiet();
  const refused = await page.evaluate(() => fetch("https://example.com").then(() => false, () => true));
  const violations = await page.evaluate(
    () =>
      new Promise((resolve) => {
        addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective), { once: true });
        fetch("https://example.com").catch(() => {});
      }),
  );
  assert.ok(refused);
  assert.equal(violations, "connect-src");
});

test("the camera's face is followed, in constant memory", async (context) => {
  const video = join(folder, "camera.y4m");
  writeFileSync(video, await movingFace());
  const fake = await launch(
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${video}`,
  );
  try {
    await openPage(fake);
    await page.click("#camera");
    await statusMatches(/^1 face in the camera\.$/);
    const { faces } = await result();
    assert.equal(faces.length, 1);
    await page.$eval("#result", (details) => (details.open = false));
    const frames = () => page.evaluate(() => document.querySelector("#view").dataset.frames | 0);
    const memory = () =>
      page.evaluate(async () => {
        const { default: init } = await import("./fkp_web.js");
        return (await init()).memory.buffer.byteLength;
      });
    const waitForFrames = async (count) => {
      const until = (await frames()) + count;
      await page.waitForFunction((until) => document.querySelector("#view").dataset.frames >= until, { timeout: 120000 }, until);
    };
    await waitForFrames(50);
    const before = await memory();
    await waitForFrames(500);
    assert.equal(await memory(), before);
    assert.equal((await result()).faces[0].id, faces[0].id);
    const timing = await page.$eval("#timing", (line) => line.textContent);
    assert.match(timing, /^[\d.]+ ms, \d+ frames a second$/);
    context.diagnostic(timing);
    await page.screenshot({ path: join(screenshots, "camera.png"), fullPage: true });
    await page.click("#camera");
    await statusMatches(/^The camera is off\.$/);
    isQuiet();
  } finally {
    await fake.close();
  }
});

/** Four seconds of a rendered face that moves on a circle, as the bytes of a y4m video. */
async function movingFace() {
  const [width, height, count] = [640, 480, 60];
  const face = readFileSync(rendered(0)).toString("base64");
  const frames = [Buffer.from(`YUV4MPEG2 W${width} H${height} F15:1 Ip A1:1 C420jpeg\n`)];
  for (let index = 0; index < count; index++) {
    const base64 = await page.evaluate(drawFrame, face, width, height, (2 * Math.PI * index) / count);
    const rgba = Buffer.from(base64, "base64");
    frames.push(Buffer.from("FRAME\n"), toYuv420(rgba, width, height));
  }
  return Buffer.concat(frames);
}

/** In the browser: a frame of the video as RGBA. */
async function drawFrame(face, width, height, angle) {
  const image = new Image();
  image.src = `data:image/png;base64,${face}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.fillStyle = "#6b7280";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 190 + 60 * Math.cos(angle), 110 + 40 * Math.sin(angle));
  let binary = "";
  for (const byte of context.getImageData(0, 0, width, height).data) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** BT.601 in full range, a value of the chroma for 2×2 pixels. */
function toYuv420(rgba, width, height) {
  const yuv = Buffer.alloc((width * height * 3) / 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      const [r, g, b] = [rgba[at], rgba[at + 1], rgba[at + 2]];
      yuv[y * width + x] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      if (x % 2 === 0 && y % 2 === 0) {
        const chroma = width * height + ((y / 2) * width) / 2 + x / 2;
        yuv[chroma] = Math.round(128 - 0.168736 * r - 0.331264 * g + 0.5 * b);
        yuv[chroma + (width * height) / 4] = Math.round(128 + 0.5 * r - 0.418688 * g - 0.081312 * b);
      }
    }
  }
  return yuv;
}
