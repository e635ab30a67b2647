// Keeps the page's own files, so that it opens without a network. Must know nothing of passes; keeps nothing else.

// Of all files but this one; tests/test_wallet.py says what it must be, so no change is ever left out.
const VERSION = "d32f1e985b7fe384";
const NAME = `yardpass-${VERSION}`;
const FILES = [
  "./",
  "app.js",
  "base45.js",
  "bytes.js",
  "cbor.js",
  "challenge.js",
  "claims.js",
  "code.js",
  "code_view.js",
  "cose.js",
  "dom.js",
  "enrol_view.js",
  "fault.js",
  "hold.js",
  "icon-180.png",
  "icon-192.png",
  "icon-512.png",
  "icon-maskable-512.png",
  "icon-maskable.svg",
  "icon.svg",
  "intake.js",
  "invite.js",
  "invite_view.js",
  "keys.js",
  "live.js",
  "manifest.webmanifest",
  "old.js",
  "pass.js",
  "phone_view.js",
  "qr.js",
  "qr_bits.js",
  "qr_mask.js",
  "qr_view.js",
  "scan.js",
  "second.js",
  "share.js",
  "store.js",
  "text.js",
  "visit_view.js",
  "wallet.css",
  "wallet.js",
  "words.js",
  "words/en.json",
  "words/es.json",
  "words/zh-Hans.json",
];

async function keep() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES.map((name) => new Request(name, { cache: "reload" })));
  await self.skipWaiting();
}

async function takeOver() {
  const names = (await caches.keys()).filter((name) => name.startsWith("yardpass-") && name !== NAME);
  await Promise.all(names.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(NAME);
  const wanted = request.mode === "navigate" ? "./" : request; // one page, by whatever address
  return (await cache.match(wanted, { ignoreSearch: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const isOurs = new URL(event.request.url).origin === self.location.origin;
  if (event.request.method === "GET" && isOurs) event.respondWith(answer(event.request));
});
