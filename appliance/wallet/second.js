// The second key, for who is forced to open: codes by it open as those of the first do, and the other
// terminals tell it (FORMAT.md 5.3). Must know no page and no language; nothing that it gives may
// look different from what the first key gives.

import * as keys from "./keys.js";
import * as passes from "./pass.js";

export const ASKED_SECONDS = 900; // how long codes are by the second key once it was asked for

export class Second {
  static async open(store) {
    const made = new Second(store);
    made.held = await store.get("second"); // {holder, token}
    made.spare = await store.get("spare"); // a key that has no pass yet
    made.until = (await store.get("asked")) ?? 0;
    return made;
  }

  constructor(store) {
    this.store = store;
  }

  // The key to enrol next, of the same kind as the first; the office enrols each key once.
  async key(alg) {
    if (!this.spare) await this.renew(alg);
    return this.spare;
  }

  async renew(alg) {
    const made = await keys.make(alg);
    await this.store.put("spare", made);
    this.spare = made;
  }

  // Takes a pass that was made for the spare key; false if it is for another one.
  async take(shown, now) {
    const { token } = passes.open(shown);
    const { key } = passes.read(token);
    if (!key || !this.spare || keys.toText(key) !== keys.toText(this.spare)) return false;
    passes.take(shown, this.spare, now);
    const held = { holder: this.spare, token };
    await this.store.put("second", held);
    await this.store.put("spare", null);
    [this.held, this.spare] = [held, null];
    return true;
  }

  // From now on codes are by this key, for a while: a page that is loaded again goes on with it.
  async ask(now) {
    await this.store.put("asked", now + ASKED_SECONDS);
    this.until = now + ASKED_SECONDS;
  }

  // {token, handle, signer} where it was asked for and is good, else null.
  async used(now) {
    const left = this.until - now;
    if (!this.held || left <= 0 || left > ASKED_SECONDS) return null;
    const { holder, token } = this.held;
    const standing = passes.standing(passes.read(token), now);
    if (standing === "over" || standing === "early") return null;
    return { token, handle: await passes.handleOf(token), signer: keys.signer(holder) };
  }
}
