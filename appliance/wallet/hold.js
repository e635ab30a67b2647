// A button that does one thing when it is pressed, and another when it is held. Must know neither.

import { button } from "./dom.js";

const HOLD_MS = 2000;

export function holdButton(label, press, hold, kind) {
  let timer = null;
  let isHeld = false;
  const begin = () => {
    clearTimeout(timer);
    isHeld = false;
    timer = setTimeout(() => {
      isHeld = true;
      hold();
    }, HOLD_MS);
  };
  const end = () => clearTimeout(timer);
  const made = button(label, () => (isHeld ? null : press()), kind);
  made.addEventListener("pointerdown", begin);
  ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"].forEach((one) => made.addEventListener(one, end));
  made.addEventListener("keydown", (event) => {
    const isKey = event.key === "Enter" || event.key === " ";
    if (isKey && event.repeat) event.preventDefault(); // one press, however long
    if (isKey && !event.repeat) begin();
  });
  made.addEventListener("contextmenu", (event) => event.preventDefault());
  return made;
}
