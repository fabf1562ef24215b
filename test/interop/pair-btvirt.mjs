#!/usr/bin/env node
/**
 * pair-btvirt.mjs: npm's ble-host pairs with the stack over btvirt's air, as the phone of our device and as the device of our central: by passkey with
 * Secure Connections and without, by comparison of numbers, with what has to be refused, and back with the key that is kept. Needs btvirt (Debian:
 * bluez-test-tools) and the built library; leaves traces, and what really passed, in build/interop/pair.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, sleep, startAir, until } from "./air.mjs";
import { check, main, results } from "./beacon.mjs";
import { loadBleHost, openTransport } from "./ble-host.mjs";
import { framesOf } from "./gatt.mjs";
import { SnoopFile, startProxy } from "./h4.mjs";
import { checkMasks, checkSecrets, guessPasskey, packetsOf, PAIRING_REQUEST, secretsOf, SMP } from "./pair.mjs";

const library = process.env.LIBRARY ?? join(ROOT, "dist/node/esm/blimp.js");
const { createNodeHal, open } = await import(pathToFileURL(library).href);

const ATT = 4;
/** Small, so that all codes up to it are soon tried. */
const CODE = 12345;
const SERVICE = "9e1f0001-3c55-4b0e-8f1a-6d1c5a7e2b90";
const SECRET = "9e1f0002-3c55-4b0e-8f1a-6d1c5a7e2b90";
const VALUE = "a1b2c3d4";
const ADVERT = Buffer.from("020106", "hex");

const IO = { displayOnly: 0, displayYesNo: 1, keyboardOnly: 2, none: 3 };
const REASON = { authentication: 0x03, confirm: 0x04, repeated: 0x09, comparison: 0x0c };

function reversed(digits) {
  return Buffer.from(digits, "hex").reverse().toString("hex");
}

/** What happens, to be asked for by name: in its order, but for other things that happen in between. */
class Story {
  said = [];

  say(event, values = {}) {
    this.said.push({ event, ...values });
  }

  async hears(event, limit = 8000) {
    const find = () => this.said.findIndex((one) => one.event === event);
    await until(
      () => find() >= 0,
      limit,
      () => `"${event}" has not happened in ${limit} ms, but ${this.said.map((one) => JSON.stringify(one.event)).join(", ") || "nothing"}`,
    );
    return this.said.splice(find(), 1)[0];
  }

  /** How often something has happened that nobody has asked for. */
  count(event) {
    return this.said.filter((one) => one.event === event).length;
  }
}

/** Whether a host has a connectable advert on the air, by what has passed between it and its controller. */
function isAdvertising(packets) {
  let asked = false;
  let on = false;
  for (const { sent, bytes } of packets) {
    if (sent && bytes[0] === 1 && bytes.readUInt16LE(1) === 0x200a) asked = bytes[4] === 1;
    if (sent || bytes[0] !== 4) continue;
    if (bytes[1] === 0x0e && bytes.readUInt16LE(4) === 0x200a && !bytes[6]) on = asked;
    if (bytes[1] === 0x3e && bytes[3] === 1 && !bytes[4]) on = false;
  }
  return on;
}

/** Our side: an instance of the stack with a store that outlives it, on a controller of its own. */
class Ours extends Story {
  store = {
    bytes: null,
    load: () => this.store.bytes,
    save: (bytes) => {
      this.store.bytes = new Uint8Array(bytes);
      return true;
    },
  };
  runs = 0;

  constructor(air, folder, name, mac) {
    super();
    Object.assign(this, { air, folder, name, mac });
  }

  /** Opens it; again after `close`, with what its store has kept. */
  async open(options = {}) {
    const name = `${this.name}${++this.runs}`;
    const socket = join(this.air.folder, `${name}.sock`);
    this.proxy = await startProxy(socket, this.air.le, join(this.folder, `${name}-wire.btsnoop`));
    this.trace = join(this.folder, `${name}.btsnoop`);
    this.file = new SnoopFile(this.trace);
    this.bt = open(createNodeHal(`unix:${socket}`), null, {
      mac: this.mac,
      store: this.store,
      onready: () => this.say("ready"),
      onerror: (error) => this.say("error", { text: error.message }),
      onwarning: (warning) => this.say("error", { text: warning.message }),
      onpairing: (connection, state) => this.say(state),
      onpairingfailed: (count) => this.say("failures", { count }),
      ...options,
    });
    this.bt.trace((sent, packet, at, length) => this.file.add(sent, Buffer.from(packet.subarray(at, at + length))));
    await this.hears("ready");
  }

  /** Serves a value, and welcomes whoever reaches the level. */
  serve(level, code) {
    const { bt } = this;
    bt.setsecurity(level, code);
    bt.servegatt([
      {
        uuid: SERVICE,
        chars: [
          {
            uuid: SECRET,
            read: () => {
              this.say("read");
              return Buffer.from(VALUE, "hex");
            },
          },
        ],
      },
    ]);
    bt.onconnect((connection) => {
      this.say("connect", { connection, security: connection.security() });
      connection.onclose((reason) => this.say("close", { reason }));
    });
    bt.startadvertise(ADVERT, 100, 100);
  }

  async ready() {
    await until(() => isAdvertising(this.proxy.packets), 5000, () => "the device does not advertise");
  }

  /** What both have sent of the Security Manager, since the beginning or a place in what has passed. */
  pdus(from = 0) {
    return framesOf(this.proxy.packets.slice(from), SMP);
  }

  get passed() {
    return this.proxy.packets.length;
  }

  async close() {
    this.bt.close();
    await sleep(100);
    this.file.close();
    this.proxy.close();
  }
}

/** ble-host on a controller of its own, phone or device. */
class Theirs extends Story {
  static async start(path) {
    const theirs = new Theirs();
    theirs.transport = await openTransport(path, (address) => (theirs.address = address));
    return theirs.restart(true);
  }

  /** Starts the program anew, on the same controller. */
  async restart(secure) {
    this.transport.removeAllListeners();
    const { BleManager } = loadBleHost(secure);
    this.manager = await new Promise((resolve, reject) => BleManager.create(this.transport, {}, (error, it) => (error ? reject(error) : resolve(it))));
    this.manager.on("error", () => {});
    return this;
  }

  take(connection, features) {
    this.connection = connection;
    this.ended = new Promise((resolve) => connection.on("disconnect", resolve));
    const { smp } = connection;
    smp.on("pairingRequest", (asked, reply) => {
      this.say("asked", asked);
      reply({ bondingFlags: 1, mitm: true, ...features });
    });
    smp.on("passkeyExchange", (model, shown, reply) => this.say("passkey", { shown, reply }));
    smp.on("pairingComplete", (result) => this.say("paired", result));
    smp.on("pairingFail", (reason, remote) => this.say("failed", { reason, remote }));
    smp.on("encrypt", (status, level) => this.say("encrypted", { status, level }));
  }

  /** Connects to our device. */
  async connect(ours, features) {
    await ours.ready();
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("ble-host does not connect")), 5000);
      this.manager.connect("random", ours.mac.match(/../g).join(":").toUpperCase(), {}, (connection) => {
        clearTimeout(timer);
        this.take(connection, features);
        resolve();
      });
    });
  }

  /** Finds the value and reads it, hex digits; or says what there is instead. */
  async read() {
    const [service] = await new Promise((resolve) => this.connection.gatt.discoverServicesByUuid(SERVICE.toUpperCase(), 1, resolve));
    if (!service) return "no such service";
    const [characteristic] = await new Promise((resolve) => service.discoverCharacteristics(resolve));
    return new Promise((resolve) => characteristic.read((error, value) => resolve(error ? `error ${error}` : Buffer.from(value).toString("hex"))));
  }

  async disconnect() {
    this.connection.disconnect();
    await this.ended;
    this.said = [];
  }

  /** Serves a value to who has paired, and takes a connection. */
  advertise(features) {
    this.manager.gattDb.addServices([
      { uuid: SERVICE.toUpperCase(), characteristics: [{ uuid: SECRET.toUpperCase(), properties: ["read"], readPerm: "encrypted-mitm", value: Buffer.from(VALUE, "hex") }] },
    ]);
    return this.again(features);
  }

  async again(features) {
    await new Promise((resolve) => this.manager.setAdvertisingData(ADVERT, resolve));
    this.manager.startAdvertising({}, (status, connection) => {
      if (!status) this.take(connection, features);
    });
    // Its controller has been told by then.
    await sleep(50);
  }
}

/** Of ATT nothing goes out before the link is encrypted, but for what is not of the database: its MTU. */
function checkSilence(name, packets) {
  let encrypted = false;
  const early = [];
  for (const packet of packets) {
    const { sent, bytes } = packet;
    if (!sent && bytes[0] === 4 && bytes[1] === 0x08) encrypted = !bytes[3] && bytes[6] > 0;
    if (!sent && bytes[0] === 4 && bytes[1] === 0x05) encrypted = false;
    if (encrypted || !sent) continue;
    for (const { bytes: pdu } of framesOf([packet], ATT)) if (!/^0[23]/.test(pdu)) early.push(pdu);
  }
  check(name, early.length === 0, early.join());
}

/** What has been traced: no secret, and the passkey does not come out of it, though it does out of what really passed. */
async function checkTrace(ours, addresses, extra = []) {
  // What is on its way arrives.
  await sleep(50);
  const { packets } = ours.proxy;
  const secrets = secretsOf(packets).concat(extra);
  const kinds = checkMasks(ours.trace, packets);
  check(`zeroed in it: ${kinds.join(", ")}`, kinds.length > 0);
  checkSecrets(ours.trace, secrets);
  if (!addresses) return;
  const [wire, traced] = [guessPasskey(packets, addresses, CODE + 1), guessPasskey(packetsOf(ours.trace), addresses, CODE + 1)];
  check(`who has heard all finds the code ${CODE}, who has the trace does not`, wire === CODE && traced === -1, `${wire} and ${traced}`);
}

function keys({ rspLtk, initLtk }) {
  return [rspLtk, initLtk].filter(Boolean).map((key) => ({ what: "ble-host's key", value: Buffer.from(key).toString("hex") }));
}

/** The phone's user types the code that our device shows. */
async function types(ours, phone, code) {
  const { reply } = await phone.hears("passkey");
  await ours.hears("passkey");
  reply(code);
}

/** The phone comes back: encrypted with the key that is kept, without any pairing. */
async function comesBack(name, ours, phone, level, features) {
  const from = ours.passed;
  await phone.connect(ours, features);
  const { status } = await phone.hears("encrypted");
  const { security } = await ours.hears("connect");
  const value = await phone.read();
  const pairings = ours.pdus(from).filter(({ bytes }) => bytes.startsWith(PAIRING_REQUEST)).length;
  check(`${name}: level ${level} by the key that is kept, and it reads`, status === 0 && security === level && value === VALUE && pairings === 0, `status ${status}, level ${security}, ${value}, ${pairings} pairings`);
  await phone.disconnect();
  const { reason } = await ours.hears("close");
  check("it leaves", reason === 0x13, reason);
}

async function passkey(air, folder, level, secure) {
  const reached = secure ? 4 : 3;
  const mac = secure ? (level === 4 ? "c40000000001" : "c30000000002") : "c30000000003";
  const name = `level${level}-${secure ? "secure" : "legacy"}`;
  console.log(`-- the phone pairs by passkey: level ${level}, ${secure ? "Secure Connections" : "legacy"}`);
  const ours = new Ours(air, folder, name, mac);
  await ours.open();
  ours.serve(level, CODE);
  const phone = await (await Theirs.start(air.le)).restart(secure);
  const features = { ioCap: IO.keyboardOnly };
  await phone.connect(ours, features);
  const asked = await phone.hears("asked");
  check("the device asks for security by itself: MITM, bonding, Secure Connections", asked.mitm && asked.sc && asked.bondingFlags === 1, JSON.stringify(asked));
  const reading = phone.read();
  const { reply } = await phone.hears("passkey");
  await ours.hears("passkey");
  const early = await Promise.race([reading, sleep(300).then(() => "nothing")]);
  check("what the phone asks meanwhile is not answered, and the application knows of nobody", early === "nothing" && ours.count("connect") + ours.count("read") === 0, early);
  reply(CODE);
  const result = await phone.hears("paired");
  const { security, connection } = await ours.hears("connect");
  check(`it pairs, ${secure ? "with" : "without"} Secure Connections, authenticated: level ${reached}`, result.sc === secure && result.mitm && security === reached && connection.security() === reached, `${security}`);
  check("then it is answered", (await reading) === VALUE);
  checkSilence("before the link was encrypted nothing of the database has gone out", ours.proxy.packets);
  const bonds = JSON.stringify(ours.bt.bonds());
  check(`both have a bond: ${bonds}`, bonds === JSON.stringify([{ address: phone.address, addresstype: 0, level: reached }]) && phone.connection.smp.isBonded, bonds);
  await phone.disconnect();
  await ours.hears("close");
  await comesBack("the phone comes back", ours, phone, reached, features);
  await checkTrace(ours, [{ type: 0, address: phone.address }, { type: 1, address: mac }], keys(result));

  await ours.close();
  await phone.restart(secure);
  await ours.open();
  ours.serve(level, CODE);
  await comesBack("both have been restarted", ours, phone, reached, features);
  await checkTrace(ours, null, keys(result));
  if (!secure) {
    ours.bt.setsecurity(4, CODE);
    const from = ours.passed;
    await phone.connect(ours, features);
    const { reason, remote } = await phone.hears("failed");
    check("at level 4 its key is not enough, and pairing without Secure Connections is refused: 0x03", reason === REASON.authentication && remote && ours.count("connect") === 0, reason);
    checkSilence("nothing of the database goes out", ours.proxy.packets.slice(from));
    await phone.disconnect();
    ours.bt.setsecurity(3, CODE);
  }

  const from = ours.passed;
  ours.bt.forget(phone.address);
  await phone.connect(ours, features);
  await phone.hears("asked");
  await types(ours, phone, CODE);
  await phone.hears("paired");
  const again = await ours.hears("connect");
  check("a device that has forgotten the phone refuses its key, and they pair anew", again.security === reached && ours.bt.bonds().length === 1 && ours.pdus(from).filter(({ bytes }) => bytes.startsWith(PAIRING_REQUEST)).length === 1);
  await phone.disconnect();
  await ours.hears("close");
  check("no error has been reported", ours.count("error") === 0, JSON.stringify(ours.said));
  await ours.close();
  phone.transport.end();
}

async function refusals(air, folder) {
  console.log("-- what is refused");
  const mac = "c40000000004";
  const ours = new Ours(air, folder, "refusals", mac);
  await ours.open();
  ours.serve(4, CODE);
  const phone = await Theirs.start(air.le);
  for (const level of [4, 3]) {
    ours.bt.setsecurity(level, CODE);
    await phone.connect(ours, { ioCap: IO.none });
    const { reason, remote } = await phone.hears("failed");
    check(`a phone without keyboard and display at level ${level}: 0x03`, reason === REASON.authentication && remote, reason);
    await phone.disconnect();
  }
  ours.bt.setsecurity(4, CODE);
  await phone.connect(ours, { ioCap: IO.keyboardOnly });
  await types(ours, phone, CODE ^ 4);
  const wrong = await phone.hears("failed");
  const randoms = ours.pdus().filter(({ bytes }) => bytes.startsWith("04")).map(({ sent }) => (sent ? "ours" : "theirs"));
  check("a code that is wrong in its third bit: 0x04 in the third round, before our random value", wrong.reason === REASON.confirm && randoms.join() === "theirs,ours,theirs,ours,theirs", `${wrong.reason}, ${randoms.join()}`);
  phone.connection.smp.sendPairingRequest({ ioCap: IO.keyboardOnly, mitm: true });
  await types(ours, phone, CODE);
  await phone.hears("paired");
  const { security } = await ours.hears("connect");
  check("the right one at the second attempt, on the same link: level 4", security === 4, security);
  await phone.disconnect();
  await ours.hears("close");
  ours.bt.forgetall();

  const others = [phone, await Theirs.start(air.le)];
  for (let attempt = 0; attempt < 3; attempt++) {
    const other = others[attempt % 2];
    await other.connect(ours, { ioCap: IO.keyboardOnly });
    await types(ours, other, 999999 - attempt);
    await other.hears("failed");
    await other.disconnect();
  }
  await others[1].connect(ours, { ioCap: IO.keyboardOnly });
  const repeated = await others[1].hears("failed");
  check("after three wrong codes of two phones nobody may try a fourth: 0x09", repeated.reason === REASON.repeated && repeated.remote, repeated.reason);
  await others[1].disconnect();
  ours.bt.setsecurity(4, CODE);
  await others[1].connect(ours, { ioCap: IO.keyboardOnly });
  await types(ours, others[1], CODE);
  await others[1].hears("paired");
  await ours.hears("connect");
  check("with a new code they may", true);
  await others[1].disconnect();
  await ours.hears("close");
  checkSilence("in all this nothing of the database has gone out unencrypted", ours.proxy.packets);
  check("and no error has been reported", ours.count("error") === 0, JSON.stringify(ours.said));
  await checkTrace(ours);

  // Keys that were never given: of zeros for a bond without one, a guessed EDIV, another key.
  ours.bt.forgetall();
  ours.bt.setsecurity(3, CODE);
  await phone.restart(false);
  await phone.connect(ours, { ioCap: IO.keyboardOnly, rspKeyDistr: { encKey: false } });
  await types(ours, phone, CODE);
  await phone.hears("paired");
  await ours.hears("connect");
  check("a phone that wants no key gets no bond", ours.bt.bonds().length === 0, JSON.stringify(ours.bt.bonds()));
  await phone.disconnect();
  await ours.hears("close");
  await phone.restart(false);
  for (const [what, ediv] of [["a key of zeros", 0], ["a guessed EDIV", 0x1234]]) {
    await phone.connect(ours, { ioCap: IO.keyboardOnly });
    await phone.hears("asked");
    phone.connection.smp.sendPairingFailed(REASON.authentication);
    await phone.hears("failed");
    phone.connection.smp.setAvailableLtk(Buffer.alloc(16), Buffer.alloc(8), ediv, true, false);
    const from = ours.passed;
    phone.connection.smp.startEncryption();
    const { status } = await phone.hears("encrypted");
    const replies = ours.proxy.packets.slice(from).filter(({ sent, bytes }) => sent && bytes[0] === 1).map(({ bytes }) => bytes.readUInt16LE(1).toString(16));
    check(`${what} is refused`, status === 0x06 && replies[0] === "201b" && ours.count("connect") === 0, `status ${status}, ${replies.join()}`);
    await phone.disconnect();
  }
  await ours.close();
  for (const other of others) other.transport.end();
}

/** Both show six digits and have a key for yes. */
async function comparison(air, folder) {
  console.log("-- numbers are compared");
  const mac = "c40000000005";
  const ours = new Ours(air, folder, "comparison", mac);
  await ours.open({ compare: (connection, number, reply) => ours.say("compare", { number, reply }) });
  ours.serve(4, CODE);
  const phone = await Theirs.start(air.le);
  for (const same of [false, true]) {
    await phone.connect(ours, { ioCap: IO.displayYesNo });
    const [mine, theirs] = [await ours.hears("compare"), await phone.hears("passkey")];
    check(`the same six digits on both sides: ${theirs.shown}`, String(mine.number).padStart(6, "0") === theirs.shown, `${mine.number} and ${theirs.shown}`);
    theirs.reply();
    mine.reply(same);
    if (same) {
      await phone.hears("paired");
      const { security } = await ours.hears("connect");
      check("a yes on both gives level 4", security === 4 && (await phone.read()) === VALUE, security);
      await phone.disconnect();
      await ours.hears("close");
      await comesBack("the phone comes back", ours, phone, 4, { ioCap: IO.displayYesNo });
    } else {
      const { reason } = await phone.hears("failed");
      check("a no of ours ends it: 0x0c", reason === REASON.comparison && ours.count("connect") === 0, reason);
      await phone.disconnect();
    }
  }
  checkSilence("nothing of the database has gone out unencrypted", ours.proxy.packets);
  check("and no error has been reported", ours.count("error") === 0, JSON.stringify(ours.said));
  await checkTrace(ours);
  await ours.close();
  phone.transport.end();
}

function connectTo(ours, theirs) {
  return new Promise((resolve, reject) => ours.bt.connect(theirs.address, 0, (error, connection) => (error ? reject(error) : resolve(connection)), 5000));
}

/** Calls a method of a connection whose callback gets an error first; [the error or null, the value]. */
function asks(connection, method, ...values) {
  return new Promise((resolve) => connection[method](...values, (error, value) => resolve([error, value])));
}

async function leave(connection, theirs) {
  connection.close();
  await theirs.ended;
  theirs.said = [];
}

/** Our central and ble-host's peripheral. */
async function central(air, folder, secure) {
  const reached = secure ? 4 : 3;
  console.log(`-- our central pairs: ${secure ? "Secure Connections" : "legacy"}`);
  const mac = secure ? "c40000000006" : "c30000000007";
  const ours = new Ours(air, folder, `central-${secure ? "secure" : "legacy"}`, mac);
  const options = { passkey: (connection, reply) => ours.say("type", { reply }) };
  await ours.open(options);
  ours.bt.setsecurity(reached);
  const theirs = await (await Theirs.start(air.le)).restart(secure);
  const features = { ioCap: IO.displayOnly };
  await theirs.advertise(features);
  let connection = await connectTo(ours, theirs);
  await asks(connection, "discover");
  const [refused] = await asks(connection, "read", SECRET);
  check("before it pairs it may not read: an ATT error", refused?.code === "att" && [0x05, 0x0f].includes(refused.detail), refused && `${refused.code} ${refused.detail}`);

  let pairing = asks(connection, "pair");
  let typing = await ours.hears("type");
  let { shown } = await theirs.hears("passkey");
  typing.reply((Number(shown) + 1) % 1000000);
  const [error] = await pairing;
  check("a wrong code: pairing fails with reason 0x04", error?.code === "pairing" && error.detail === REASON.confirm, error && `${error.code} ${error.detail}`);
  if (connection.security() === 1) check("and there is no bond", ours.bt.bonds().length === 0 && !theirs.connection.smp.isBonded);
  theirs.said = [];

  pairing = asks(connection, "pair");
  typing = await ours.hears("type");
  ({ shown } = await theirs.hears("passkey"));
  typing.reply(Number(shown));
  const result = await theirs.hears("paired");
  const [none, level] = await pairing;
  check(`the code that ble-host shows: level ${reached}`, none === null && level === reached && connection.security() === reached && result.sc === secure && result.mitm, `${none && none.code} ${level}`);
  const [, value] = await asks(connection, "read", SECRET);
  check("then it reads", value && Buffer.from(value).toString("hex") === VALUE);
  const bonds = JSON.stringify(ours.bt.bonds());
  check(`both have a bond: ${bonds}`, bonds === JSON.stringify([{ address: theirs.address, addresstype: 0, level: reached }]) && theirs.connection.smp.isBonded, bonds);
  await leave(connection, theirs);

  const back = async (name) => {
    const from = ours.passed;
    await theirs.again(features);
    connection = await connectTo(ours, theirs);
    const [error, level] = await asks(connection, "pair");
    const { status } = await theirs.hears("encrypted");
    const pairings = ours.pdus(from).length;
    check(`${name}: level ${reached} by the key that is kept`, error === null && level === reached && status === 0 && pairings === 0, `${error && error.code} ${level}, ${pairings} PDUs of the Security Manager`);
    await leave(connection, theirs);
  };
  await back("the central comes back");
  await checkTrace(ours, null, keys(result));
  await ours.close();
  await theirs.restart(secure);
  await ours.open(options);
  ours.bt.setsecurity(reached);
  await back("both have been restarted");

  // The device has forgotten the central.
  theirs.manager.removeBond("random", mac.match(/../g).join(":").toUpperCase());
  await theirs.again(features);
  connection = await connectTo(ours, theirs);
  pairing = asks(connection, "pair");
  typing = await ours.hears("type");
  ({ shown } = await theirs.hears("passkey"));
  typing.reply(Number(shown));
  const [failed, anew] = await pairing;
  check("a device that has forgotten us pairs anew", failed === null && anew === reached && ours.bt.bonds().length === 1, failed && `${failed.code} ${failed.detail}`);
  await leave(connection, theirs);
  check("no error has been reported", ours.count("error") === 0, JSON.stringify(ours.said));
  await checkTrace(ours);
  await ours.close();
  theirs.transport.end();
}

async function centralCompares(air, folder) {
  console.log("-- our central compares numbers");
  const ours = new Ours(air, folder, "central-comparison", "c40000000008");
  await ours.open({ compare: (connection, number, reply) => ours.say("compare", { number, reply }) });
  ours.bt.setsecurity(4);
  const theirs = await Theirs.start(air.le);
  await theirs.advertise({ ioCap: IO.displayYesNo });
  let connection = await connectTo(ours, theirs);
  const pairing = asks(connection, "pair");
  const [mine, shown] = [await ours.hears("compare"), await theirs.hears("passkey")];
  check(`the same six digits on both sides: ${shown.shown}`, String(mine.number).padStart(6, "0") === shown.shown, mine.number);
  mine.reply(true);
  shown.reply();
  const [error, level] = await pairing;
  check("level 4", error === null && level === 4, error && error.code);
  await leave(connection, theirs);

  // Without being asked for it by the application, but by the device.
  ours.bt.forgetall();
  await theirs.again({ ioCap: IO.displayYesNo });
  connection = await connectTo(ours, theirs);
  theirs.connection.smp.sendSecurityRequest(true, true, false);
  const second = await ours.hears("compare");
  const { reply } = await theirs.hears("passkey");
  second.reply(true);
  reply();
  await theirs.hears("paired");
  await until(() => connection.security() === 4, 2000, () => `a device that asks for security gets it: level ${connection.security()}`);
  check("a device that asks for security gets it: level 4, and a bond", ours.bt.bonds().length === 1, JSON.stringify(ours.bt.bonds()));
  await leave(connection, theirs);
  check("no error has been reported", ours.count("error") === 0, JSON.stringify(ours.said));
  await checkTrace(ours);
  await ours.close();
  theirs.transport.end();
}

await main("pairing on btvirt", async () => {
  const folder = results("pair");
  const air = await startAir();
  // ble-host keeps its bonds in the working folder.
  process.chdir(air.folder);
  await passkey(air, folder, 4, true);
  await passkey(air, folder, 3, false);
  await passkey(air, folder, 3, true);
  await refusals(air, folder);
  await comparison(air, folder);
  await central(air, folder, true);
  await central(air, folder, false);
  await centralCompares(air, folder);
});
