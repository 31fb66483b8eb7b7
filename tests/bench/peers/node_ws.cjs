// Node's `ws` and JSON.parse; the arguments and the answers are those of meter.py.
"use strict";

const { readFileSync, writeFileSync } = require("node:fs");
const { parseArgs } = require("node:util");
const WebSocket = require("ws");

const text = { type: "string" };
const { positionals: [port], values: options } = parseArgs({
  allowPositionals: true,
  options: { warm: { ...text, default: "0" }, frames: text, ca: text, stamps: text, "slow-us": { ...text, default: "0" } },
});
const warm = Number(options.warm);
const frames = Number(options.frames);
const slow = BigInt(options["slow-us"]) * 1000n;
const stamps = new BigInt64Array(options.stamps ? frames : 0);

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

let count = -warm;
let cpu, wall, seen;

function begin() {
  cpu = process.cpuUsage();
  wall = process.hrtime.bigint();
}

function heard(user) {
  seen = user.uid + user.status;
  if (slow) for (const end = process.hrtime.bigint() + slow; process.hrtime.bigint() < end;);
  if (options.stamps && count >= 0) stamps[count] = process.hrtime.bigint();
  count += 1;
  if (count === 0) begin();
  if (count === frames) end();
}

function end() {
  const spent = process.cpuUsage(cpu);
  const wall_s = Number(process.hrtime.bigint() - wall) / 1e9;
  if (options.stamps) writeFileSync(options.stamps, new Uint8Array(stamps.buffer));
  console.log(JSON.stringify({ events: frames, wall_s, cpu_us: spent.user + spent.system }));
  process.exit(0);
}

const socket = new WebSocket(`ws${options.ca ? "s" : ""}://127.0.0.1:${port}/`, {
  perMessageDeflate: false,
  ca: options.ca && readFileSync(options.ca),
});
socket.on("open", () => {
  socket.send(JSON.stringify({ type: "auth", body: { auth: "bench.jwt" } }));
  if (warm === 0) begin();
  console.log(JSON.stringify({ ready: true }));
});
socket.on("message", (data) => {
  const frame = JSON.parse(data);
  if (frame.type === "presence") heard(new User(frame.body.user, frame.body.action, frame.body.timestamp));
});
