#!/usr/bin/env node
/**
 * trace.mjs: what examples/trace.js writes on a small engine, here duktape with the beacon script, is a btsnoop file that tshark reads: every packet, its
 * direction, its time; and tshark understands the commands of the direct test mode as they are meant. Needs duk and tshark; leaves the files in build/interop/trace.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Missing, ROOT } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";

/** The smallest chip that answers, in the words of a small engine; its time passes in `run`. It restarts after two seconds. */
const BOARD = `
var waiting = [], now = 1700000000000, receive = null, fed = 0;
function bytesOf(digits) {
  var bytes = new Uint8Array(digits.length / 2);
  for (var i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.substr(2 * i, 2), 16);
  return bytes;
}
function after(ms, callback) {
  var timer = { at: now + ms, callback: callback };
  waiting.push(timer);
  return timer;
}
function byte(value) { return (value < 16 ? "0" : "") + value.toString(16); }
function padded(digits, length) {
  while (digits.length < 2 * length) digits += "00";
  return digits;
}
var RETURNS = { 4097: "07000007ffff0000", 4098: padded("ffffff03ccffefffffffec1ff20fe8fe3ff78fff1c00040061f7ffff7ff8ffffff3f0000000000000008", 64), 4105: "112233445566", 3092: padded("626c696d70", 248) };
var hal = {
  uart: {
    open: function (baud, flow, to) { receive = to; },
    write: function (buffer, offset, length) {
      var low = buffer[offset + 1], high = buffer[offset + 2], returned = RETURNS[low + 256 * high] || "";
      if (buffer[offset] != 1) return;
      after(0.5, function () { if (receive) receive(bytesOf("040e" + byte(4 + returned.length / 2) + "01" + byte(low) + byte(high) + "00" + returned)); });
    },
    close: function () { receive = null; }
  },
  gpio: {},
  timer: {
    now: function () { return now; },
    set: after,
    clear: function (timer) { timer.callback = null; }
  },
  delay: function () {}
};
function run(ms) {
  var end = now + ms;
  for (;;) {
    var first = -1;
    for (var i = 0; i < waiting.length; i++) if (waiting[i].at <= end && (first < 0 || waiting[i].at < waiting[first].at)) first = i;
    if (first < 0) break;
    var timer = waiting.splice(first, 1)[0];
    if (timer.at > now) now = timer.at;
    if (timer.callback) timer.callback();
  }
  now = end;
}
`;

const PROGRAM = `
var instance = trace(blimp, hal, null, print);
run(1000);
receive(bytesOf("04100105"));
run(1000);
print("SENT " + instance.counters().sent + " RECEIVED " + instance.counters().received);
`;

function tshark(file, ...fields) {
  const { status, stdout, stderr } = spawnSync("tshark", ["-r", file, "-T", "fields", "-E", "separator=|", ...fields.flatMap((field) => ["-e", field])], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tshark: ${stderr}`);
  return stdout.trimEnd().split("\n").map((line) => line.split("|"));
}

function needs(program, ...args) {
  if (spawnSync(program, args).error) throw new Missing(`${program} is not there`);
}

/** A trace that a beacon on duktape has written. */
function small(folder) {
  const [script, file] = [join(folder, "beacon.js"), join(folder, "beacon.btsnoop")];
  writeFileSync(script, ["dist/bare/beacon.min.js", "examples/trace.js"].map((name) => readFileSync(join(ROOT, name), "utf8")).join("\n") + BOARD + PROGRAM);
  const { status, stdout, stderr } = spawnSync("duk", [script], { encoding: "utf8" });
  check("duktape runs it", status === 0, stderr + stdout);
  const lines = stdout.split("\n");
  writeFileSync(file, Buffer.from(lines.filter((line) => line.startsWith("btsnoop: ")).map((line) => line.slice(9)).join(""), "hex"));
  const [, sent, received] = /^SENT (\d+) RECEIVED (\d+)$/m.exec(stdout);
  const rows = tshark(file, "frame.number", "hci_h4.direction", "hci_h4.type", "bthci_cmd.opcode", "bthci_evt.code", "frame.time_epoch", "_ws.malformed");
  check(`tshark reads all of it: ${sent} packets sent, ${received} received`, rows.length === Number(sent) + Number(received), `${rows.length}`);
  check("in both directions", rows.filter(([, direction]) => parseInt(direction, 16) === 0).length === Number(sent), rows.map(([, direction]) => direction).join(" "));
  const opcodes = rows.filter(([, direction]) => parseInt(direction, 16) === 0).map(([, , , opcode]) => opcode);
  check("with HCI Reset first, and the advert switched on twice", opcodes[0] === "0x0c03" && opcodes.filter((opcode) => opcode === "0x200a").length >= 2, opcodes.join(" "));
  check("the Hardware Error is there", rows.some(([, , , , code]) => code === "0x10"), rows.map(([, , , , code]) => code).join(" "));
  const times = rows.map(([, , , , , time]) => Number(time));
  check("at the times of the board's clock", times.every((time, i) => time >= 1.7e9 && time <= 1.7e9 + 2 && (i === 0 || time >= times[i - 1])), times.join(" "));
  check("and nothing is malformed", rows.every(([, , , , , , malformed]) => !malformed), JSON.stringify(rows.filter((row) => row[6])));
}

/** The commands of the direct test mode, as tshark understands them. */
function tests(folder) {
  const cases = [
    ["tx", ["--channel", "39", "--length", "21", "--payload", "prbs15"], [["0x201e", "39", "21", "3"], ["0x201f", "", "", ""]]],
    ["rx", ["--mhz", "2440"], [["0x201d", "19"], ["0x201f", ""]]],
  ];
  for (const [what, words, expected] of cases) {
    const file = join(folder, `${what}.btsnoop`);
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "dist/node/cli.js"), "test", what, "--fast", "--duration", "1", "--trace", file, ...words], { encoding: "utf8" });
    check(`blimp test ${what} ends well`, status === 0, stderr);
    const rows = tshark(file, "bthci_cmd.opcode", ...FIELDS[what]).filter(([opcode]) => /^0x201[def]$/.test(opcode));
    const found = rows.map(([opcode, ...values]) => [opcode, ...values.map((value) => (value === "" ? "" : String(Number(value))))]);
    check(`tshark understands its commands: ${expected.join("; ")}`, JSON.stringify(found) === JSON.stringify(expected), JSON.stringify(found));
  }
}

/** tshark's names of what the commands carry. */
const FIELDS = {
  tx: ["bthci_cmd.tx_frequency", "bthci_cmd.le_test_data_length", "bthci_cmd.le_test_payload"],
  rx: ["bthci_cmd.rx_frequency"],
};

await main("traces of small engines", async () => {
  needs("duk", "/dev/null");
  needs("tshark", "--version");
  const folder = results("trace");
  small(folder);
  tests(folder);
});
