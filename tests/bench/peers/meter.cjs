// What every Node peer measures, and in the same way; the arguments and answers are those of meter.py.
"use strict";

const { writeFileSync } = require("node:fs");
const { parseArgs } = require("node:util");

const text = { type: "string" };
const { positionals: [port], values: options } = parseArgs({
  allowPositionals: true,
  options: { warm: { ...text, default: "0" }, frames: text, ca: text, stamps: text, "slow-us": { ...text, default: "0" } },
});
const warm = Number(options.warm);
const frames = Number(options.frames);
const slow = BigInt(options["slow-us"]) * 1000n;
const stamps = new BigInt64Array(options.stamps ? frames : 0);

let count = -warm;
let cpu, wall;
exports.seen = undefined;

function begin() {
  cpu = process.cpuUsage();
  wall = process.hrtime.bigint();
}

function end() {
  const spent = process.cpuUsage(cpu);
  const wall_s = Number(process.hrtime.bigint() - wall) / 1e9;
  if (options.stamps) writeFileSync(options.stamps, new Uint8Array(stamps.buffer));
  process.stdout.write(JSON.stringify({ events: frames, wall_s, cpu_us: spent.user + spent.system }) + "\n");
  process.exit(0);
}

// What is called with each user; it looks at two of the user's fields.
exports.heard = (uid, status) => {
  exports.seen = uid + status;
  if (slow) for (const end = process.hrtime.bigint() + slow; process.hrtime.bigint() < end;);
  if (options.stamps && count >= 0) stamps[count] = process.hrtime.bigint();
  count += 1;
  if (count === 0) begin();
  if (count === frames) end();
};

// Connected, and waiting for the first event.
exports.ready = () => {
  if (warm === 0) begin();
  process.stdout.write(JSON.stringify({ ready: true }) + "\n");
};

exports.port = port;
exports.ca = options.ca;
