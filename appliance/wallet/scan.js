// The camera as a scanner, where the browser can read QR codes itself. Must know no text's meaning.

import { Fault } from "./fault.js";

const LOOK_MS = 150;

export async function canScan() {
  if (!("BarcodeDetector" in globalThis) || !navigator.mediaDevices?.getUserMedia) return false;
  const formats = await BarcodeDetector.getSupportedFormats();
  return formats.includes("qr_code");
}

async function camera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    const denied = error.name === "NotAllowedError";
    throw new Fault(denied ? "fault-camera-denied" : "fault-camera", { why: String(error.message) });
  }
}

// Shows the camera in `video` until a code is seen or `signal` aborts; the text, or null.
export async function scan(video, signal) {
  const stream = await camera();
  try {
    video.srcObject = stream;
    await video.play();
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    while (!signal.aborted) {
      const found = await detector.detect(video);
      if (found.length) return found[0].rawValue;
      await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    }
    return null;
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

// The text of a QR code in a picture file, where the browser can read one.
export async function inPicture(file) {
  const picture = await createImageBitmap(file);
  const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(picture);
  if (!found.length) throw new Fault("fault-no-code");
  return found[0].rawValue;
}
