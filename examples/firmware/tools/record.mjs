// What a controller and a phone say to the stack, written down: the preset runs here, on the project's virtual board, and src/recording.c plays it on the emulated one.
import { createCipheriv, createECDH } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assemble } from "./h4.mjs";
import { presetFile } from "./machine.mjs";
import { here, out, root } from "./paths.mjs";

/** Kinds of entries, as in src/recording.c. */
const [END, CONTROLLER, HOST, SCENE] = [0, 1, 2, 3];

/** Lets what a scene has caused come to its end, ms; less than the stack's look at its chip's health. */
const QUIET = 1000;

/** The passkey of measure/application.js. */
const PASSKEY = 123456;

const READ_SUPPORTED_COMMANDS = 0x1002;
/** Bit 6 of octet 27 of Supported_Commands says LE Encrypt (Core Vol 4 Part E 6.27). It lies behind indicator, code, length, credits, opcode and status. */
const LE_ENCRYPT = { at: 7 + 27, bit: 0x40 };

/** The contract of hal.crypto, by node:crypto. */
const CRYPTO = {
  aes(key, block) {
    block.set(createCipheriv("aes-128-ecb", key, null).update(block));
  },
  p256public(secret, target) {
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(secret);
    target.set(ecdh.getPublicKey().subarray(1));
    return true;
  },
  p256shared(secret, peer, target) {
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(secret);
    target.set(ecdh.computeSecret(Buffer.concat([Buffer.of(4), peer])));
    return true;
  },
};

function entry(kind, bytes = []) {
  return Buffer.concat([Buffer.of(kind, bytes.length & 255, bytes.length >> 8), Buffer.from(bytes)]);
}

/** The opcode of a command or of a Command Complete; 0 of others. */
function opcodeOf(packet) {
  if (packet[0] === 1) return packet.readUInt16LE(1);
  return packet[0] === 4 && packet[1] === 0x0e ? packet.readUInt16LE(4) : 0;
}

/**
 * Has the secure preset serve a phone that pairs at level 4, scene by scene, as measure/secure.js counts them.
 * @param encrypts whether the controller has LE Encrypt
 * @param bigint whether the engine on the board has BigInt; without it there is none here
 * @param native whether the board has AES and P-256
 * @param scenes how many of them; none: all
 * @returns the file of the recording; the number of AES blocks that the controller was asked for, by scenes
 */
export async function record(preset, { encrypts, bigint, native, scenes = Infinity }) {
  const { createBoard, Phone } = await import(new URL("dist/node/esm/mock.js", `file://${root}/`));
  const { hal, air, clock, chip } = createBoard({ part: "plain", flow: false, random: false, seed: 1 });
  const entries = [];
  const blocks = {};
  let current = "";
  const note = (kind, packet) => {
    if (kind === HOST && opcodeOf(packet) === 0x2017) blocks[current] = (blocks[current] ?? 0) + 1;
    entries.push(entry(kind, packet));
  };

  const { uart } = hal;
  const host = assemble((packet) => note(HOST, packet));
  const recorded = {
    ...hal,
    gpio: { regon() {}, lpo() {} },
    ...(native ? { crypto: CRYPTO } : {}),
    uart: {
      open(baud, flow, receive, fault) {
        const fromChip = assemble((packet) => {
          if (!encrypts && opcodeOf(packet) === READ_SUPPORTED_COMMANDS) packet[LE_ENCRYPT.at] &= ~LE_ENCRYPT.bit;
          note(CONTROLLER, packet);
          receive(Uint8Array.from(packet));
        });
        uart.open(baud, flow, (bytes) => fromChip(Buffer.from(bytes)), fault);
      },
      write(bytes, offset, length) {
        host(Buffer.from(bytes.subarray(offset, offset + length)));
        uart.write(bytes, offset, length);
      },
      close: () => uart.close(),
    },
  };

  const scripts = [presetFile(preset), join(here, "measure/application.js")].map((file) => readFileSync(file, "utf8"));
  const device = new Function("hal", "BigInt", `${scripts.join("\n")}\nreturn { application, notifyAll, TIMES, address: () => bt.address() };`)(recorded, bigint ? BigInt : undefined);
  const phone = new Phone(air, { address: "c0de00000001", mtu: 23, pairing: { request: "ignore", passkey: PASSKEY } });

  let left = scenes;
  function scene(name, work) {
    if (left-- <= 0) return;
    current = name;
    entries.push(entry(SCENE, Buffer.from(name)));
    work();
    clock.run(QUIET);
  }
  const times = (count, work) => () => {
    for (let i = 0; i < count; i++) work();
  };
  scene("bring-up", () => device.application({}));
  scene("connection", () => phone.connect(device.address()));
  scene("pairing", () => phone.pair());
  scene("discovery", () => phone.discover());
  scene("reads", times(device.TIMES, () => phone.read("0b01")));
  scene("reads by a handler", times(device.TIMES, () => phone.read("0b02")));
  scene("writes", times(device.TIMES, () => phone.write("0b02", "lighter than air")));
  scene("subscription", () => phone.subscribe("0b03", () => {}));
  scene("notifications", () => device.notifyAll());
  scene("disconnection", () => phone.disconnect());
  scene("return", () => {
    phone.connect(device.address());
    phone.encrypt();
  });
  if (phone.violations.length || chip.violations.length) throw new Error(`the recording is of no use: ${JSON.stringify([phone.violations, chip.violations])}`);
  const file = join(out, `${preset}${encrypts ? "" : "-software"}${bigint ? "-bigint" : ""}${native ? "-native" : ""}.recording`);
  writeFileSync(file, Buffer.concat([...entries, entry(END)]));
  return { file, blocks };
}
