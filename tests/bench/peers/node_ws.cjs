// Node's `ws` and JSON.parse.
"use strict";

const { readFileSync } = require("node:fs");
const WebSocket = require("ws");
const { ca, heard, port, ready } = require("./meter.cjs");

class User {
  constructor(user, action, at) {
    this.uid = user.uid;
    this.name = user.name;
    this.status = action === "offline" ? "offline" : "online";
    this.role = user.role;
    this.avatar = user.avatar;
    this.link = user.link;
    this.statusMessage = user.statusMessage;
    this.lastActiveAt = at;
    this.metadata = user.metadata;
    this.tags = user.tags;
  }
}

function tell(user) {
  heard(user.uid, user.status);
}

const socket = new WebSocket(`ws${ca ? "s" : ""}://127.0.0.1:${port}/`, {
  perMessageDeflate: false,
  ca: ca && readFileSync(ca),
});
socket.on("open", () => {
  socket.send(JSON.stringify({ type: "auth", body: { auth: "bench.jwt" } }));
  ready();
});
socket.on("message", (data) => {
  const frame = JSON.parse(data);
  if (frame.type === "presence") tell(new User(frame.body.user, frame.body.action, frame.body.timestamp));
});
