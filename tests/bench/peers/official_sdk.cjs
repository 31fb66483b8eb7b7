// The official SDK, unmodified, on Node's `ws`: from its socket to its UserListener.
//
// It speaks TLS only; without --ca what stands for the browser takes the S off its URLs.
"use strict";

const { readFileSync } = require("node:fs");
const WebSocket = require("ws");
const { provide } = require("../../interop/surroundings.cjs");
const { ca, heard, port, ready } = require("./meter.cjs");

const plain = (url) => (ca ? url : String(url).replace(/^(http|ws)s:/, "$1:"));

class Socket extends WebSocket {
  constructor(url, protocols) {
    super(plain(url), protocols, { perMessageDeflate: false, ca: ca && readFileSync(ca) });
  }
}

const { fetch } = globalThis;
provide(Socket, (url, options) => fetch(plain(url), options));
console.log = () => {}; // standard output is the meter's

const { CometChat } = require("@cometchat/chat-sdk-javascript");

async function begin() {
  const host = `127.0.0.1:${port}`;
  const settings = new CometChat.AppSettingsBuilder()
    .subscribePresenceForAllUsers()
    .setRegion("us")
    .overrideAdminHost(host)
    .overrideClientHost(host)
    .build();
  await CometChat.init("app1", settings);
  const tell = (user) => heard(user.getUid(), user.getStatus());
  CometChat.addUserListener("bench", new CometChat.UserListener({ onUserOnline: tell, onUserOffline: tell }));
  CometChat.addConnectionListener("bench", new CometChat.ConnectionListener({ onConnected: ready }));
  await CometChat.login("bench_token");
}

begin().catch((error) => {
  console.error(error);
  process.exit(1);
});
