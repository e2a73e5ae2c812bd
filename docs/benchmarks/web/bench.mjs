// Times the keypoint network in Chromium beside onnxruntime-web (WebAssembly, one thread) with the exported network of
// the same weights, alternating, and the whole page's detection; prints medians and ranges.
//
//   bash examples/web/build.sh && (cd docs/benchmarks/web && npm install && node bench.mjs)
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";
import { CHROMIUM, ROOT, program, serve } from "../../../tests/web/support.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const [ROUNDS, RUNS] = [7, 40];

const folder = mkdtempSync(join(tmpdir(), "fkp-bench-"));
program("export", join(ROOT, "crates/fkp-weights/weights/fast.safetensors"), join(folder, "model.onnx"));
program("render", "--out", join(folder, "rendered"), "--count", "1", "--size", "256");
cpSync(join(ROOT, "target/fkp-web"), join(folder, "pkg"), { recursive: true });
cpSync(join(HERE, "node_modules/onnxruntime-web/dist"), join(folder, "ort"), { recursive: true });
writeFileSync(join(folder, "index.html"), "<!doctype html><title>bench</title>");

const server = await serve(folder);
let browser;
try {
  browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], protocolTimeout: 600000 });
  const page = await browser.newPage();
  await page.goto(server.address);
  const face = readFileSync(join(folder, "rendered/images/face00000.png")).toString("base64");
  const result = await page.evaluate(measure, face, ROUNDS, RUNS);
  console.log(`Chromium ${await browser.version()}, ${ROUNDS} rounds of ${RUNS} runs, median (range) in ms`);
  for (const [name, times] of Object.entries(result)) {
    times.sort((a, b) => a - b);
    const [low, median, high] = [times[0], times[times.length >> 1], times[times.length - 1]].map((t) => t.toFixed(2));
    console.log(`${name.padEnd(48)} ${median} (${low} to ${high})`);
  }
} finally {
  await browser?.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}

/** In the browser: milliseconds a run, one number a round. */
async function measure(face, rounds, runs) {
  const { default: init, FaceLandmarker } = await import("./pkg/fkp_web.js");
  const ort = await import("./ort/ort.wasm.min.mjs");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./ort/", location.href).href;
  await init();
  const landmarker = new FaceLandmarker();
  const session = await ort.InferenceSession.create("./model.onnx", { executionProviders: ["wasm"] });

  const image = new Image();
  image.src = `data:image/png;base64,${face}`;
  await image.decode();
  const draw = (width, height, side) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    context.fillStyle = "#6b7280";
    context.fillRect(0, 0, width, height);
    context.drawImage(image, (width - side) / 2, (height - side) / 2, side, side);
    return context.getImageData(0, 0, width, height);
  };
  const [crop, vga, small] = [draw(112, 112, 112), draw(640, 480, 256), draw(320, 240, 128)];
  const gray = new Float32Array(112 * 112).map((_, i) => crop.data[4 * i] / 255);

  const candidates = {
    "fkp: crop of 112×112 RGBA to 68 keypoints": () => landmarker.detectCrop(crop),
    "onnxruntime-web: the network alone": async () => {
      const tensor = new ort.Tensor("float32", gray, [1, 1, 112, 112]);
      await session.run({ [session.inputNames[0]]: tensor });
    },
    "fkp: every face of 640×480, one face": () => landmarker.detect(vga),
    "fkp: every face of 320×240, one face": () => landmarker.detect(small),
    "fkp: next frame of a 640×480 video, one face": (i) => landmarker.track(vga, i / 30),
  };
  const times = {};
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const began = performance.now();
      for (let i = 0; i < runs; i++) await run(i + (round + 1) * runs);
      // The first round warms up.
      if (round >= 0) (times[name] ??= []).push((performance.now() - began) / runs);
    }
  }
  return times;
}
