// What the official SDK expects of a browser (PROTOCOL 9.8), and nothing more.
"use strict";

class MemoryStorage {
  #items = new Map();
  get length() { return this.#items.size; }
  key(index) { return [...this.#items.keys()][index] ?? null; }
  getItem(key) { return this.#items.get(String(key)) ?? null; }
  setItem(key, value) { this.#items.set(String(key), String(value)); }
  removeItem(key) { this.#items.delete(String(key)); }
  clear() { this.#items.clear(); }
}

// To be called before the SDK is loaded.  `fetch` and `WebSocket` are what it reaches servers by.
exports.provide = (WebSocket, fetch = globalThis.fetch) => {
  const browser = {
    window: globalThis,
    localStorage: new MemoryStorage(),
    sessionStorage: new MemoryStorage(),
    navigator: { userAgent: "interop/1 (Linux) Node", language: "en", platform: "Linux", onLine: true },
    location: { hostname: "localhost", host: "localhost", origin: "http://localhost", href: "http://localhost/" },
    document: { querySelector: () => null, addEventListener() {}, removeEventListener() {} },
    screen: { width: 1280, height: 720, orientation: { type: "landscape-primary" } },
    matchMedia: () => ({ matches: false, addListener() {}, addEventListener() {} }),
    WebSocket,
    // A page resolves the SDK's referrer "no-referrer" against its own address; Node has none.
    fetch: (url, { referrer, ...options }) => fetch(url, options),
    crypto: globalThis.crypto ?? require("node:crypto").webcrypto,
  };
  for (const [name, value] of Object.entries(browser)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
};
