import assert from "node:assert/strict";
import { Air, PduType, Phone, PhoneError, VirtualClock, type PhoneOptions } from "../../hal/mock/index.js";
import { device } from "../support/links.js";
import { hex, unhex } from "./rawhost.js";
import { CID, RawPeripheral } from "./rawperipheral.js";

type Table = { readonly [request: string]: string | undefined };

const NO_MORE = (request: string, handle: string): string => `01${request}${handle}0a`;

/** Two services: 180f with 2a19 (read, notify, CCCD), and one of 128 bits with a characteristic of 128 bits (read, write, indicate, two descriptors). */
const DATABASE: Table = {
  "02b900": "031700",
  "100100ffff0028": "1106" + "010004000f18",
  "100500ffff0028": "1114" + "05000a00" + "00112233445566778899aabbccddeeff",
  "100b00ffff0028": NO_MORE("10", "0b00"),
  "08010004000228": NO_MORE("08", "0100"),
  "08010004000328": "0907" + "0200" + "12" + "0300" + "192a",
  "08030004000328": NO_MORE("08", "0300"),
  "0404000400": "0501" + "04000229",
  "0805000a000228": "0908" + "0600" + "0100" + "0400" + "0f18",
  "0807000a000228": NO_MORE("08", "0700"),
  "0805000a000328": "0915" + "0700" + "2a" + "0800" + "0123456789abcdef0123456789abcdef",
  "0808000a000328": NO_MORE("08", "0800"),
  "0409000a00": "0501" + "09000229" + "0a000129",
};
const LONG = "efcdab8967452301efcdab8967452301";

interface Made {
  peripheral: RawPeripheral;
  phone: Phone;
  clock: VirtualClock;
}

function made(table: Table = {}, options: PhoneOptions = {}): Made {
  const clock = new VirtualClock();
  const air = new Air(clock, { seed: 3 });
  const peripheral = new RawPeripheral(air).serve({ ...DATABASE, ...table });
  return { clock, peripheral, phone: new Phone(air, options) };
}

/** The same, connected. */
function connected(table: Table = {}, options: PhoneOptions = {}): Made {
  const all = made(table, options);
  all.phone.connect();
  return all;
}

function fails(call: () => unknown, code: string, more: object = {}): PhoneError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof PhoneError, String((error as Error).stack));
    const { [Symbol.toStringTag]: _, ...got } = { ...error } as any;
    assert.deepEqual({ code: got.code, ...Object.fromEntries(Object.keys(more).map((key) => [key, got[key]])) }, { code, ...more }, error.message);
    return error;
  }
  assert.fail(`it should have failed with "${code}"`);
}

/** Requests that the peripheral heard after the MTU exchange. */
function heard(peripheral: RawPeripheral): string[] {
  return peripheral.frames.filter(({ cid }) => cid === CID.ATT).map(({ bytes }) => bytes);
}

describe("the phone finds a peripheral", () => {
  function choice(): { phone: Phone; a: RawPeripheral; b: RawPeripheral } {
    const air = new Air(new VirtualClock());
    const table: Table = { "02b900": "031700" };
    const a = new RawPeripheral(air, { address: "c0000000000a", data: "02010603030f180309" + "6141" }).serve(table);
    const b = new RawPeripheral(air, { address: "00000000000b", random: 0, data: "020106", response: "1107" + "efcdab8967452301efcdab8967452301" + "0409626f62" }).serve(table);
    return { phone: new Phone(air), a, b };
  }

  it("by name, also from the scan response, which it asks for", () => {
    for (const [name, which] of [["aA", "a"], ["bob", "b"]] as const) {
      const all = choice();
      all.phone.connect({ name });
      assert.notEqual(all[which].end, null);
      assert.ok(all.phone.connected);
    }
  });

  it("by service, of 16 and of 128 bits, with dashes too, and a short one by its long form", () => {
    for (const [service, which] of [
      ["180f", "a"],
      ["0000180f-0000-1000-8000-00805f9b34fb", "a"],
      ["01234567-89ab-cdef-0123-456789abcdef", "b"],
      ["0123456789ABCDEF0123456789ABCDEF", "b"],
    ] as const) {
      const all = choice();
      all.phone.connect({ service });
      assert.notEqual(all[which].end, null, service);
    }
  });

  it("by address, whose type it need not be told", () => {
    const { phone, a, b } = choice();
    phone.connect("C0:00:00:00:00:0A");
    assert.ok(a.end !== null && b.end === null);
    phone.disconnect();
    phone.connect({ address: "00000000000b", addresstype: 0 });
    assert.ok(b.end !== null);
  });

  it("and gives up after its time if no one matches, or who matches cannot be connected to", () => {
    const { phone } = choice();
    for (const wanted of [{ name: "bo" }, { service: "1810" }, { address: "c0000000000b" }, { name: "aA", service: "180a" }, { address: "00000000000b", addresstype: 1 as const }]) {
      const before = phone.air.clock.now;
      fails(() => phone.connect({ ...wanted, timeout: 3000 }), "timeout");
      assert.equal(phone.air.clock.now - before, 3000);
      assert.equal(phone.connected, false);
    }
    const air = new Air(new VirtualClock());
    new RawPeripheral(air, { type: PduType.ADV_SCAN_IND, data: "020106" });
    fails(() => new Phone(air).connect({ timeout: 1000 }), "timeout");
  });

  it("and takes back an attempt", () => {
    const { clock, peripheral, phone } = made();
    let error: PhoneError | null = null;
    phone.start.connect({ name: "nobody" }, (failure) => (error = failure));
    clock.run(100);
    assert.equal(phone.disconnect(), 0x16);
    assert.equal(error!.code, "disconnected");
    phone.connect();
    assert.ok(peripheral.end?.alive);
  });
});

describe("the phone's connection", () => {
  it("exchanges the MTU first, and keeps 23 where the peripheral knows of none or has less", () => {
    for (const [answer, mtu] of [["030002", 185], ["036400", 100], ["030500", 23], ["0102000006", 23]] as const) {
      const { phone, peripheral } = connected({ "02b900": answer });
      assert.deepEqual([phone.mtu, heard(peripheral)], [mtu, ["02b900"]], answer);
    }
    const { phone, peripheral } = connected({ "020002": "030002" }, { mtu: 512 });
    assert.deepEqual([phone.mtu, heard(peripheral)], [512, ["020002"]]);
    assert.deepEqual(heard(connected({}, { mtu: 23 }).peripheral), []);
  });

  it("ends by the phone's wish, and by the peripheral's, with the reason", () => {
    const reasons: number[] = [];
    const { phone, peripheral, clock } = connected();
    phone.ondisconnected = (reason) => void reasons.push(reason);
    assert.equal(phone.disconnect(), 0x16);
    assert.deepEqual(peripheral.ends, [0x13]);
    phone.connect();
    peripheral.end!.terminate(0x15);
    clock.run(200);
    assert.deepEqual([reasons, phone.connected, phone.reason], [[0x16, 0x15], false, 0x15]);
    fails(() => phone.read(3), "disconnected", { reason: 0x15 });
    fails(() => phone.disconnect(), "disconnected");
  });

  it("fails what is under way and what waits when it ends", () => {
    const { phone, peripheral, clock } = connected();
    const codes: string[] = [];
    phone.start.read(3, (error) => void codes.push(`first ${error?.code} ${error?.reason}`));
    phone.start.read(5, (error) => void codes.push(`second ${error?.code} ${error?.reason}`));
    clock.run(100);
    peripheral.end!.terminate(0x13);
    clock.run(100);
    assert.deepEqual(codes, ["first disconnected 19", "second disconnected 19"]);
    assert.deepEqual(heard(peripheral).slice(1), ["0a0300"], "the second was never sent");
  });

  it("is one at a time", () => {
    const { phone } = connected();
    fails(() => phone.connect(), "busy");
  });

  it("takes the parameters that the peripheral asks for by L2CAP, or refuses them", () => {
    const { phone, peripheral, clock } = connected();
    const answers = (): string[] => peripheral.frames.filter(({ cid }) => cid === CID.SIGNALLING).map(({ bytes }) => bytes);
    peripheral.send(CID.SIGNALLING, "12010800" + "1800" + "2000" + "0000" + "c800");
    clock.run(1000);
    assert.deepEqual([answers(), phone.central.interval], [["130102000000"], 40]);
    phone.onparameters = () => false;
    peripheral.send(CID.SIGNALLING, "12020800" + "0600" + "0600" + "0000" + "c800");
    clock.run(1000);
    assert.deepEqual([answers()[1], phone.central.interval], ["130202000100", 40]);
    phone.onparameters = () => true;
    // A timeout that two intervals outlast is not legal, whoever asks.
    peripheral.send(CID.SIGNALLING, "12030800" + "800c" + "800c" + "0000" + "0a00");
    clock.run(1000);
    assert.deepEqual([answers()[2], phone.central.interval], ["130302000100", 40]);
  });
});

describe("the phone discovers", () => {
  it("services, includes, characteristics and descriptors", () => {
    const { phone, peripheral } = connected();
    assert.deepEqual(phone.discover(), [
      {
        uuid: "180f",
        handle: 1,
        end: 4,
        includes: [],
        characteristics: [{ uuid: "2a19", handle: 3, declaration: 2, end: 4, properties: 0x12, descriptors: [{ uuid: "2902", handle: 4 }] }],
      },
      {
        uuid: "ffeeddccbbaa99887766554433221100",
        handle: 5,
        end: 10,
        includes: [{ handle: 6, start: 1, end: 4, uuid: "180f" }],
        characteristics: [
          { uuid: LONG, handle: 8, declaration: 7, end: 10, properties: 0x2a, descriptors: [{ uuid: "2902", handle: 9 }, { uuid: "2901", handle: 10 }] },
        ],
      },
    ]);
    assert.deepEqual(heard(peripheral).slice(1), Object.keys(DATABASE).slice(1), "each request once, in this order");
    assert.deepEqual(phone.violations, []);
  });

  it("and does not go in circles where the peripheral's lists are malformed", () => {
    for (const answer of ["1106010000000f18", "1106010004000f", "1100", "11060500ffff0f18" + "010004000f18", "1108010004000f180000"]) {
      const { phone, peripheral } = connected({ "100100ffff0028": answer });
      fails(() => phone.discover(), "protocol");
      assert.equal(heard(peripheral).length, 2, answer);
    }
  });
});

describe("the phone, when the services have changed,", () => {
  it("forgets what it has discovered", () => {
    const { phone, peripheral, clock } = connected({
      "100100ffff0028": "1106" + "0100ffff0118",
      "080100ffff0228": NO_MORE("08", "0100"),
      "080100ffff0328": "0907" + "0200" + "20" + "0300" + "052a",
      "080300ffff0328": NO_MORE("08", "0300"),
      "040400ffff": "0501" + "04000229",
      "040500ffff": NO_MORE("04", "0500"),
      "1204000200": "13",
    });
    const got: string[] = [];
    phone.subscribe("2a05", (range) => void got.push(hex(range)));
    assert.notEqual(phone.services, null);
    peripheral.send(CID.ATT, "1d0300" + "0100ffff");
    clock.run(100);
    assert.deepEqual([got, phone.services], [["0100ffff"], null]);
  });
});

describe("the phone reads and writes", () => {
  it("by handle at once, by UUID after a discovery", () => {
    const { phone, peripheral } = connected({ "0a0300": "0b64" });
    assert.deepEqual(phone.read(3), Uint8Array.of(0x64));
    assert.deepEqual(heard(peripheral).slice(1), ["0a0300"]);
    assert.deepEqual(phone.read("2a19"), Uint8Array.of(0x64));
    assert.deepEqual(phone.read("180F/2A19"), Uint8Array.of(0x64));
    const before = heard(peripheral).length;
    assert.deepEqual(phone.read(phone.services![0].characteristics[0]), Uint8Array.of(0x64));
    assert.equal(heard(peripheral).length, before + 1, "nothing is discovered twice");
    fails(() => phone.read("2a1a"), "missing");
    fails(() => phone.read("180a/2a19"), "missing");
    fails(() => phone.read("nonsense"), "argument");
  });

  it("a long value by Read Blob, also one that ends where a part ends", () => {
    const part = (from: number, length: number): string => hex(Array.from({ length }, (_, i) => (from + i) & 255));
    const parts = { "0a0800": "0b" + part(0, 22), "0c08001600": "0d" + part(22, 22), "0c08002c00": "0d" + part(44, 3) };
    assert.equal(hex(connected(parts).phone.read(8)), part(0, 47));
    for (const end of ["0d", "010c080007", "010c08000b"]) assert.equal(hex(connected({ ...parts, "0c08001600": end }).phone.read(8)), part(0, 22), end);
    fails(() => connected({ ...parts, "0c08002c00": "010c08000e" }).phone.read(8), "att", { att: 0x0e, handle: 8 });
  });

  it("a value that fits by Write Request, and a command without an answer", () => {
    const { phone, peripheral, clock } = connected({ ["120800" + "61".repeat(20)]: "13" });
    phone.write(8, "a".repeat(20));
    phone.send(8, Uint8Array.of(1, 2));
    clock.run(100);
    assert.deepEqual(heard(peripheral).slice(1), ["120800" + "61".repeat(20), "5208000102"]);
    fails(() => phone.send(8, "a".repeat(21)), "argument");
    fails(() => phone.write(8, "\u20ac"), "argument");
  });

  it("a longer one by Prepare and Execute Write, which is cancelled when a part comes back different or is refused", () => {
    const value = Uint8Array.from({ length: 21 }, (_, i) => i);
    const first = "08000000" + hex(value.slice(0, 18));
    const second = "08001200" + hex(value.slice(18));
    const good = { ["16" + first]: "17" + first, ["16" + second]: "17" + second, "1801": "19", "1800": "19" };
    const { phone, peripheral } = connected(good);
    phone.write(8, value);
    assert.deepEqual(heard(peripheral).slice(1), ["16" + first, "16" + second, "1801"]);
    for (const [answer, code] of [["17" + second.replace("12", "13"), "protocol"], ["0116080009", "att"]]) {
      const other = connected({ ...good, ["16" + second]: answer });
      fails(() => other.phone.write(8, value), code);
      assert.deepEqual(heard(other.peripheral).slice(-2), ["16" + second, "1800"]);
    }
    fails(() => connected({ ...good, "1801": "0118080080" }).phone.write(8, value), "att", { att: 0x80, handle: 8 });
  });

  it("and tells errors by code and handle", () => {
    const { phone } = connected({ "0a0300": "010a030002", "120300": "0112030003" });
    fails(() => phone.read(3), "att", { att: 2, handle: 3 });
    fails(() => phone.write(3, ""), "att", { att: 3, handle: 3 });
  });

  it("any ATT request as bytes, whose error is a response like another", () => {
    const { phone } = connected({ ff: "01ff000006", "0e03000500": "0f6401" });
    assert.equal(hex(phone.request([0xff])), "01ff000006");
    assert.equal(hex(phone.request(unhex("0e03000500"))), "0f6401");
  });

  it("gives up after 30 s without an answer, and then uses the bearer no more", () => {
    const { phone, clock, peripheral } = connected();
    const before = clock.now;
    fails(() => phone.read(3), "timeout");
    assert.equal(Math.round(clock.now - before), 30_000);
    fails(() => phone.read(5), "timeout");
    assert.deepEqual(heard(peripheral).slice(1), ["0a0300"]);
  });

  it("a raw request with a limit of its own gives up alone", () => {
    const { phone, peripheral } = connected({ "0a0300": "0b01" });
    fails(() => phone.request([0x0a, 9, 0], 500), "timeout");
    assert.deepEqual(phone.read(3), Uint8Array.of(1));
    assert.equal(heard(peripheral).length, 3);
  });

  it("one operation after the other, with callbacks, while the clock is run", () => {
    const { phone, peripheral, clock } = made({ "0a0300": "0b64", "0a0500": "010a050002" });
    const told: string[] = [];
    phone.start.connect({}, (error) => void told.push(`connected ${error}`));
    phone.start.read(3, (error, value) => {
      told.push(`read ${error} ${value}`);
      // From inside a callback as well; but not the form that runs the clock.
      phone.start.read("2a19", (_, again) => void told.push(`again ${again}`));
      assert.throws(() => phone.read(3), /inside an event/);
    });
    phone.start.read(5, (error) => void told.push(`refused ${error?.att}`));
    assert.deepEqual(told, []);
    clock.run(3000);
    assert.deepEqual(told, ["connected null", "read null 100", "refused 2", "again 100"]);
    assert.equal(heard(peripheral).filter((pdu) => pdu === "0a0300").length, 2);
  });
});

describe("the phone subscribes", () => {
  it("to notifications, by the CCCD, until it unsubscribes", () => {
    const { phone, peripheral, clock } = connected({ "1204000100": "13", "1204000000": "13" });
    const got: string[] = [];
    const all: string[] = [];
    phone.onnotify = (handle, value, indication) => void all.push(`${handle} ${hex(value)} ${indication}`);
    phone.subscribe("2a19", (value) => void got.push(hex(value)));
    peripheral.send(CID.ATT, "1b0300" + "64");
    peripheral.send(CID.ATT, "1b0800" + "07");
    clock.run(100);
    assert.deepEqual([got, all], [["64"], ["3 64 false", "8 07 false"]]);
    phone.unsubscribe("2a19");
    peripheral.send(CID.ATT, "1b0300" + "63");
    clock.run(100);
    assert.deepEqual(got, ["64"]);
    assert.deepEqual(heard(peripheral).slice(-2), ["1204000100", "1204000000"]);
  });

  it("to indications where there are no notifications, and confirms each", () => {
    const { phone, peripheral, clock } = connected({ "1209000200": "13" });
    const got: string[] = [];
    phone.subscribe(LONG, (value, indication) => void got.push(`${hex(value)} ${indication}`));
    peripheral.send(CID.ATT, "1d0800" + "0102");
    clock.run(100);
    assert.deepEqual([got, heard(peripheral).at(-1)], [["0102 true"], "1e"]);
    phone.confirming = false;
    peripheral.send(CID.ATT, "1d0800" + "03");
    peripheral.send(CID.ATT, "1d0800" + "04");
    clock.run(100);
    assert.equal(heard(peripheral).filter((pdu) => pdu === "1e").length, 1);
    assert.deepEqual(phone.violations, ["an indication while another one is not confirmed"]);
    phone.confirm();
    clock.run(100);
    assert.equal(heard(peripheral).filter((pdu) => pdu === "1e").length, 2);
  });

  it("gets the notification that overtakes the answer to its subscription", () => {
    const { phone, peripheral } = connected();
    const serve = peripheral.onframe;
    peripheral.onframe = (cid, payload) => {
      if (hex(payload) !== "1204000100") return serve(cid, payload);
      peripheral.send(CID.ATT, "1b030055");
      peripheral.send(CID.ATT, "13");
    };
    const got: string[] = [];
    phone.subscribe("2a19", (value) => void got.push(hex(value)));
    assert.deepEqual(got, ["55"]);
  });

  it("not where there is no CCCD, or where it is refused", () => {
    const { phone, peripheral, clock } = connected({ "1204000100": "0112040003" });
    const got: string[] = [];
    fails(() => phone.subscribe("2a19", (value) => void got.push(hex(value))), "att", { att: 3, handle: 4 });
    peripheral.send(CID.ATT, "1b030064");
    clock.run(100);
    assert.deepEqual(got, []);
    const bare = connected({ "0404000400": NO_MORE("04", "0400") });
    fails(() => bare.phone.subscribe("2a19", () => {}), "missing");
  });
});

describe("the phone notes what a peripheral does wrong", () => {
  it("on the attribute channel", () => {
    const { phone, peripheral, clock } = connected({ "0a0300": "0d64", "0a0500": "010c050002" });
    peripheral.send(CID.ATT, "0b00");
    peripheral.send(CID.ATT, "1b" + "00".repeat(23));
    peripheral.send(CID.ATT, "1e");
    peripheral.send(CID.ATT, "1b01");
    clock.run(100);
    fails(() => phone.read(3), "protocol");
    fails(() => phone.read(5), "protocol");
    assert.deepEqual(phone.violations, [
      "an ATT response 0xb without a request",
      "an ATT PDU of 24 octets at an ATT_MTU of 23",
      "an ATT confirmation without an indication",
      "a handle value PDU of 2 octets",
      "an ATT PDU 0xd (2 octets) in answer to the request 0xa",
      "an ATT PDU 0x1 (5 octets) in answer to the request 0xa",
    ]);
  });

  it("and answers a peripheral that is a client too, as one that serves nothing", () => {
    const { phone, peripheral, clock } = connected();
    for (const request of ["024000", "100100ffff0028", "0a0700", "0e01000200"]) peripheral.send(CID.ATT, request);
    clock.run(200);
    assert.deepEqual(heard(peripheral).slice(1), ["03b900", "011001000a", "010a070001", "010e000006"]);
    assert.equal(phone.mtu, 64);
  });
});

describe("the phone with the stack", () => {
  it("finds it by its service, discovers, reads, writes long, and is notified", () => {
    const written: string[] = [];
    const long = Uint8Array.from({ length: 300 }, (_, i) => i & 255);
    const { rig } = device([
      {
        uuid: 0x180f,
        chars: [
          { uuid: 0x2a19, flags: 0x12, read: () => "d", value: "d" },
          { uuid: LONG, flags: 0x0a, read: () => long, write: (_: unknown, value: Uint8Array) => void written.push(hex(value)) },
        ],
      } as any,
    ]);
    const phone = new Phone(rig.board.air);
    phone.connect(rig.bt.address()!);
    assert.ok(phone.mtu > 23);
    const service = phone.discover().find(({ uuid }) => uuid === "180f")!;
    assert.deepEqual(service.characteristics.map(({ uuid, properties }) => [uuid, properties]), [["2a19", 0x12], [LONG, 0x0a]]);
    assert.deepEqual(phone.read("2a19"), Uint8Array.of(100));
    assert.deepEqual(phone.read(LONG), long);
    phone.write(LONG, long.slice(0, 250));
    assert.deepEqual(written, [hex(long.slice(0, 250))]);
    const got: string[] = [];
    phone.subscribe("2a19", (value) => void got.push(hex(value)));
    assert.equal(rig.bt.notify(0x2a19, "\x63"), true);
    phone.run(200);
    assert.deepEqual(got, ["63"]);
    assert.equal(phone.disconnect(), 0x16);
    assert.deepEqual(phone.violations, []);
  });
});
