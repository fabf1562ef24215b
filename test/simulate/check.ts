import { Phone } from "../../hal/mock/index.js";
import type { Device } from "./device.js";
import { hex } from "./judge.js";
import { longOf, textOf } from "./table.js";
import type { World } from "./world.js";

/** What a phone that does everything right gets of each device in the end: all of it. */
export function check(world: World): void {
  for (const device of world.devices) {
    atHome(device, world);
    probe(device, world);
    atHome(device, world);
  }
  if (world.devices.length > 1) meet(world);
}

/** Buffers, credits and places of links are all there; nothing is under way. */
function atHome(device: Device, world: World): void {
  const { host } = device;
  const expect = (name: string, is: unknown, wanted: unknown): void => {
    if (is !== wanted) world.fail(`device ${device.number}: ${name} is ${is}, not ${wanted}`);
  };
  expect("the number of links", host._links.length, 0);
  expect("the number of free link buffers", host._free.length, device.links);
  // As long as nobody is welcome the chip has not even been asked.
  if (host._onconnect && device.declared.advert) expect("the number of free ACL packets", host._aclFree, Math.min(device.packets, device.limit || 255));
  const { all } = device.board.chip.controller.connections;
  expect("the chip's number of links", all.length, 0);
}

/** A phone comes, pairs where that is asked for, and uses everything. */
function probe(device: Device, world: World): void {
  const { bt, declared } = device;
  const { clock } = world;
  const where = `device ${device.number}, probe at level ${declared.level}`;
  const ends = device.known.length;
  // Guesses of strangers make a device wait for minutes, unless there is a new code.
  device.setSecurity(declared.level, 123456);
  declared.welcome = true;
  device.welcome();
  declared.advert = { data: "\x02\x01\x06", min: 20, max: 20, response: null };
  device.advertise();
  const phone = new Phone(world.air, {
    name: "probe",
    address: "0b5e12e2ff0" + device.number,
    interval: 7.5,
    mtu: 60,
    pairing: { passkey: 123456, display: (passkey) => void (world.guest = passkey) },
  });
  let step = "connect";
  try {
    phone.connect({ address: bt.address()! });
    if (!clock.until(() => device.known.length > ends, 30_000)) throw new Error("onconnect is not called");
    const { connection } = device.known.at(-1)!;
    if (connection.security() < declared.level) throw new Error(`the level is ${connection.security()}`);
    step = "read";
    same(phone.read("aa01"), textOf(declared.table));
    same(phone.read("aa02"), longOf(declared.table));
    step = "write";
    const writes = device.written.length;
    phone.write("aa03", "written");
    if (device.written.at(-1) !== hex(Buffer.from("written")) || device.written.length !== writes + 1) throw new Error("what was written has not come");
    step = "subscribe";
    const values: number[] = [];
    phone.subscribe("aa01", (value) => void values.push(value[0]), { indicate: false });
    step = "notify";
    // A peer that takes nothing: exactly the packets that the chip has buffers for are with the chip.
    phone.central.busy = true;
    phone.run(50);
    let queued = 0;
    while (queued < 12 && bt.notify(0xaa01, [queued])) queued++;
    phone.run(100);
    const packets = Math.min(queued, device.packets, device.limit || 255);
    const occupied = device.board.chip.controller.connections.all.reduce((sum: number, one: any) => sum + one.occupied + one.completed, 0);
    if (!queued || occupied !== packets) throw new Error(`${queued} values are queued, and ${occupied} packets with the chip, not ${packets}`);
    phone.central.busy = false;
    phone.run(500);
    if (values.join() !== Array.from({ length: queued }, (_, i) => i).join()) throw new Error(`notified were ${values}, of ${queued}`);
    step = "disconnect";
    phone.disconnect();
    if (phone.violations.length) throw new Error(phone.violations.join("; "));
  } catch (error: any) {
    world.fail(`${where}: ${step}: ${error.message}${error.code ? ` (${error.code})` : ""}`);
    if (phone.central.connected) phone.vanish();
  }
  clock.run(3000);
}

/** One device connects to another, and reads. */
function meet(world: World): void {
  const [one, other] = world.devices;
  const { clock } = world;
  one.setSecurity(1);
  other.setSecurity(1);
  let found: any;
  let value: Uint8Array | undefined;
  let failed: any;
  one.bt.connect(other.bt.address()!, other.host._addresstype ? 1 : 0, one.promise("connect", (error, connection) => {
    failed = error;
    if (!connection) return;
    found = connection;
    one.met(connection, true);
    connection.discover(one.promise("discover", (problem) => {
      failed = problem;
      if (!problem) connection.read(0xaa02, one.promise("read of a peer", (trouble, read) => {
        failed = trouble;
        value = read;
      }));
    }));
  }));
  clock.until(() => value !== undefined || !!failed, 20_000);
  try {
    if (failed) throw failed;
    same(value ?? new Uint8Array(0), longOf(other.declared.table));
  } catch (error: any) {
    world.fail(`device ${one.number} connects to ${other.number}: ${error.message}`);
  }
  if (found) {
    one.left(one.known.at(-1)!);
    found.close();
  }
  clock.run(2000);
}

function same(value: Uint8Array, text: string): void {
  const got = String.fromCharCode(...value);
  if (got !== text) throw new Error(`"${got}" was read, not "${text}"`);
}
