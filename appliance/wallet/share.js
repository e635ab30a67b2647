// Hands a text to the phone: its clipboard, its share sheet, its printer. Must know no text's meaning.

import { Fault } from "./fault.js";
import { say } from "./words.js";

export async function copied(app, shown) {
  try {
    await navigator.clipboard.writeText(shown);
  } catch {
    throw new Fault("fault-copy");
  }
  app.note(say("copied"));
}

export async function shared(app, title, url) {
  if (!navigator.share) {
    await copied(app, url);
    return;
  }
  try {
    await navigator.share({ title, url });
  } catch (error) {
    if (error.name !== "AbortError") throw error; // closed by the person
  }
}
