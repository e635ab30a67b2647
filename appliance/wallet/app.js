// The page: starts the wallet, moves between views, tells faults in words. Must know no token's bytes.

import { answer, codeView } from "./code_view.js";
import { button, el } from "./dom.js";
import { enrolView } from "./enrol_view.js";
import { Fault } from "./fault.js";
import { holdButton } from "./hold.js";
import { handoverView, inviteView, withdrawalView } from "./invite_view.js";
import * as keys from "./keys.js";
import { languages, phoneView } from "./phone_view.js";
import { Store } from "./store.js";
import * as text from "./text.js";
import { visitView } from "./visit_view.js";
import { Wallet } from "./wallet.js";
import { load, say, time } from "./words.js";

const TICK_MS = 250;
const VIEWS = {
  code: (app, given) => (app.wallet.pass ? codeView(app, given) : enrolView(app)),
  invite: inviteView,
  handover: handoverView,
  withdrawal: withdrawalView,
  visit: visitView,
  phone: phoneView,
};
const TABS = ["code", "invite", "visit", "phone"];
const UNDER = { handover: "invite", withdrawal: "invite" };

class App {
  constructor(root) {
    this.root = root;
    this.leaving = [];
    // other windows of this page; an iPhone before iOS 15.4 cannot tell them
    this.others = globalThis.BroadcastChannel ? new BroadcastChannel("yardpass") : { postMessage() {} };
    this.others.onmessage = () => location.reload();
  }

  now() {
    return Math.floor(Date.now() / 1000);
  }

  // The frame around views, in the language of now; then the view that was open.
  frame() {
    this.said = el("div", { id: "said", role: "alert", hidden: true });
    this.main = el("main", { tabindex: "-1" });
    this.nav = el("nav", { "aria-label": say("menu") });
    const head = el("header", {}, this.brand(), languages(this));
    this.root.replaceChildren(head, this.said, this.main, this.nav);
    this.show(...(this.open ?? ["code"]));
  }

  // Back to the code. Held for two seconds it asks for the second key, and shows the same.
  brand() {
    const hold = () => this.guard(async () => {
      await this.wallet.second.ask(this.now());
      this.show("code");
    });
    return holdButton("Yardpass", () => this.show("code"), hold, "brand");
  }

  show(name, given = {}) {
    this.leave();
    this.open = [name, given];
    this.hush();
    const tab = UNDER[name] ?? name;
    this.nav.replaceChildren(...TABS.map((one) => {
      const made = button(say(`tab-${one}`), () => {
        this.show(one);
        this.main.focus({ preventScroll: true }); // where a screen reader goes on
      });
      if (one === tab) made.setAttribute("aria-current", "page");
      return made;
    }));
    this.main.replaceChildren(VIEWS[name](this, given));
    window.scrollTo(0, 0);
  }

  leave() {
    this.leaving.splice(0).forEach((end) => end());
  }

  onLeave(end) {
    this.leaving.push(end);
  }

  every(tick) {
    const timer = setInterval(tick, TICK_MS);
    this.onLeave(() => clearInterval(timer));
    tick();
  }

  // The screen stays on while a code is shown, where the browser can.
  keepAwake() {
    let lock = null;
    const ask = async () => {
      if (document.visibilityState !== "visible") return;
      lock = await navigator.wakeLock?.request("screen").catch(() => null);
    };
    document.addEventListener("visibilitychange", ask);
    this.onLeave(() => {
      document.removeEventListener("visibilitychange", ask);
      lock?.release();
    });
    ask();
  }

  sentence(error) {
    if (!(error instanceof Fault)) return say("fault-unknown", { why: String(error?.message ?? error) });
    const { at } = error.values;
    const values = { now: time(this.now()), ...error.values };
    return say(error.word, at === undefined ? values : { ...values, at: time(at) });
  }

  async guard(work) {
    try {
      this.hush();
      await work();
    } catch (error) {
      this.tell("bad", "■", this.sentence(error));
    }
  }

  hush() {
    this.said.hidden = true;
  }

  note(sentence) {
    this.tell("good", "●", sentence);
  }

  tell(kind, shape, sentence) {
    this.said.className = kind;
    this.said.replaceChildren(el("p", {}, el("span", { "aria-hidden": "true" }, shape), ` ${sentence}`),
      button(say("close"), () => this.hush()));
    this.said.hidden = false;
  }

  // A text of whatever kind, scanned, pasted or out of a link.
  async taken(shown) {
    const kind = text.kindOf(shown);
    if (kind === text.PASS) {
      await this.takenPass(shown);
    } else if (kind === text.INVITE) {
      this.show("visit", { entry: await this.wallet.takeInvite(shown, this.now()) });
    } else if (kind === text.CHALLENGE) {
      answer(this, shown);
    } else if (kind === text.KEY) {
      this.show("invite", { key: keys.fromText(shown) });
    } else {
      throw new Fault(kind === text.CODE ? "fault-code" : "fault-foreign");
    }
  }

  async takenPass(shown) {
    const { wallet } = this;
    const rival = wallet.rival(shown);
    if (rival && !window.confirm(say("pass-replace", { other: rival.issuer, home: wallet.pass.issuer }))) {
      this.note(say("pass-kept"));
      return;
    }
    await wallet.takePass(shown, this.now());
    navigator.storage?.persist?.().catch(() => null);
    this.show("code");
    this.note(say("pass-taken"));
  }

  // What a link brought; it is taken out of the address, which is shown and kept in histories.
  async fragment() {
    if (!/^#(pass|invite)=/.test(location.hash)) return;
    const shown = location.href;
    history.replaceState(null, "", location.pathname + location.search);
    await this.guard(() => this.taken(text.cleaned(shown)));
  }
}

async function start() {
  const root = document.getElementById("app");
  await load();
  const app = new App(root);
  try {
    if (!globalThis.isSecureContext) throw new Fault("fault-insecure");
    app.wallet = await Wallet.open(await Store.open());
  } catch (error) {
    root.replaceChildren(el("main", {}, el("h1", {}, "Yardpass"),
      el("p", { class: "status bad", role: "alert" }, `■ ${app.sentence(error)}`)));
    return;
  }
  if (!app.wallet.pass && app.wallet.received.length) app.open = ["visit"];
  app.frame();
  await app.fragment();
  window.addEventListener("hashchange", () => app.fragment());
}

navigator.serviceWorker?.register("sw.js").catch(() => null); // then it works, but not offline
start().catch((error) => {
  // no sentence is there yet in any language
  document.getElementById("app").textContent = `Yardpass could not load: ${error.message}. Connect once, then reload.`;
});
