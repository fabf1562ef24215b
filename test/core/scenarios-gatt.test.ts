import assert from "node:assert/strict";
import type { Connection } from "../../core/connection.js";
import type { Service } from "../../core/gatt/database.js";
import { CID, Peer } from "../support/links.js";
import { brief, hex, latin, OP, rig, unhex, type Rig } from "../support/rig.js";
import { sent, u16le } from "./links-fixture.test.js";

/** Scenarios 6 to 11, 13 and 14 of the reference, as programs of the imp and as the phones that talk to them. The phone speaks ATT as bytes. */

const SERVICE = "FADA47BEC45548C9A5F2AF7CF368D719";
const SSID = "5EBA195632D347C681A6A7E59F18DAC0";
const PASSWORD = "ED694AB947564528AA3A799A4FD11117";
const PLAN = "A90AB0DC7B5C439A9AB52107E0BD816E";
const TOKEN = "BD107D3E48784F6DAF3DDA3B234FF584";
const TRIGGER = "F299C3428A8A4544AC4208C841737B1B";
const WIFI_LIST = "57A9ED95ADD54913849457759B79A46C";
const WIFI_CLEAR = "2BE5DDBA32864D09A652F24FAA514AF5";

/** The advert of the seeds: the literal joined where the page broke it. */
const ADVERT = "\x11\x07\x19\xD7\x68\xF3\x7C\xAF\xF2\xA5\xC9\x48\x55\xC4\xBE\x47\xDA\xFA";

function bytesOf(text: string): string {
  return hex(Array.from(text, (c) => c.charCodeAt(0)));
}

function number(digits: string): number {
  return parseInt(digits.slice(2, 4) + digits.slice(0, 2), 16);
}

/** A UUID as an application writes it: upper case, most significant octet first. */
function uuidOf(digits: string): string {
  return hex(unhex(digits).reverse()).toUpperCase();
}

interface Found {
  uuid: string;
  properties: number;
  handle: number;
}

/** A phone: finds the service in an advert, connects, discovers, reads and writes as phones do. */
class Phone extends Peer {
  private readonly _of: Rig<any>;
  mtuNow = 23;

  constructor(of: Rig<any>, options: any = {}) {
    super(of, options);
    this._of = of;
  }

  /** Waits for a connectable advert that lists the service, and connects; as the app does it, for 5 s. */
  find(uuid: string): this {
    const wanted = hex(unhex(uuid).reverse());
    const seen = this._of.listen(1000).filter(({ type, data }) => type === 0 && data.includes("1107" + wanted));
    assert.ok(seen.length > 0, "a connectable advert lists the service");
    this.mtuNow = 23;
    this.frames.length = 0;
    return this.connect(5000);
  }

  exchange(mtu: number): this {
    const answer = this.att("02" + u16le(mtu));
    assert.match(answer, /^03....$/);
    this.mtuNow = Math.min(mtu, number(answer.slice(2)));
    return this;
  }

  /** Services: UUID, first and last handle. */
  services(): { uuid: string; start: number; end: number }[] {
    const found: { uuid: string; start: number; end: number }[] = [];
    for (let start = 1; start <= 0xffff; ) {
      const answer = this.att("10" + u16le(start) + "ffff" + "0028");
      if (answer === "0110" + u16le(start) + "0a") break;
      assert.equal(answer.slice(0, 2), "11", answer);
      const size = 2 * parseInt(answer.slice(2, 4), 16);
      for (let i = 4; i < answer.length; i += size) {
        found.push({ start: number(answer.slice(i)), end: number(answer.slice(i + 4)), uuid: uuidOf(answer.slice(i + 8, i + size)) });
      }
      start = found.at(-1)!.end + 1;
    }
    return found;
  }

  characteristics(service: { start: number; end: number }): Found[] {
    const found: Found[] = [];
    for (let start = service.start; start <= service.end; ) {
      const answer = this.att("08" + u16le(start) + u16le(service.end) + "0328");
      if (answer === "0108" + u16le(start) + "0a") break;
      assert.equal(answer.slice(0, 2), "09", answer);
      const size = 2 * parseInt(answer.slice(2, 4), 16);
      for (let i = 4; i < answer.length; i += size) {
        found.push({ properties: parseInt(answer.slice(i + 4, i + 6), 16), handle: number(answer.slice(i + 6)), uuid: uuidOf(answer.slice(i + 10, i + size)) });
        start = number(answer.slice(i)) + 1;
      }
    }
    return found;
  }

  /** The characteristics of a service by their UUIDs. */
  discover(uuid: string): { [uuid: string]: Found } {
    const service = this.services().find((s) => s.uuid === uuid);
    assert.ok(service, `service ${uuid}`);
    return Object.fromEntries(this.characteristics(service).map((c) => [c.uuid, c]));
  }

  /** Reads a value of any length; hex digits. */
  read(c: Found): string {
    let value = this.att("0a" + u16le(c.handle));
    assert.equal(value.slice(0, 2), "0b", value);
    value = value.slice(2);
    for (let last = value; last.length / 2 === this.mtuNow - 1; value += last) {
      const answer = this.att("0c" + u16le(c.handle) + u16le(value.length / 2));
      assert.equal(answer.slice(0, 2), "0d", answer);
      last = answer.slice(2);
    }
    return value;
  }

  /** Writes with response, in parts where it is too long; returns the ATT error or 0. */
  write(c: Found, value: string): number {
    const digits = bytesOf(value);
    if (digits.length / 2 <= this.mtuNow - 3) {
      const answer = this.att("12" + u16le(c.handle) + digits);
      if (answer === "13") return 0;
      assert.equal(answer.slice(0, 8), "0112" + u16le(c.handle), answer);
      return parseInt(answer.slice(8), 16);
    }
    const part = 2 * (this.mtuNow - 5);
    for (let at = 0; at < digits.length; at += part) {
      const piece = u16le(c.handle) + u16le(at / 2) + digits.slice(at, at + part);
      assert.equal(this.att("16" + piece), "17" + piece);
    }
    const answer = this.att("1801");
    if (answer === "19") return 0;
    assert.equal(answer.slice(0, 4), "0118", answer);
    return parseInt(answer.slice(8), 16);
  }

  leave(): void {
    if (this.central.connected) this.central.disconnect();
    this._of.run(500);
    assert.equal(this.central.connected, false);
  }
}

/** The imp's log. */
class Server {
  readonly lines: string[] = [];
  log(line: string): void {
    this.lines.push(line);
  }
}

function clean(r: Rig<any>): void {
  assert.deepEqual(r.errors.map(brief), []);
  assert.deepEqual(r.warnings.map(brief), []);
  assert.deepEqual(r.board.chip.violations, []);
  const { malformed, resyncs, exceptions, overruns } = r.bt.counters();
  assert.deepEqual({ malformed, resyncs, exceptions, overruns }, { malformed: 0, resyncs: 0, exceptions: 0, overruns: 0 });
}

/** Nothing is left behind: no link, no packet in a buffer; the next peer is served by another phone. */
function home(r: Rig<any>): void {
  r.run(1000);
  const { connections } = r.board.chip.controller;
  assert.equal(connections.all.length, 0);
  const phone = new Phone(r, { address: "0b5e12e2ffff" }).connect();
  assert.equal(phone.services()[0].uuid, "1800");
  r.run(100);
  assert.deepEqual(connections.all.map((c: any) => [c.occupied, c.completed]), [[0, 0]]);
  phone.leave();
}

describe("scenario 6: refreshing Wi-Fi credentials", () => {
  /** The program of the seeds, with what the reference says about its slips: `incoming` is `connection`. */
  function program(bt: Rig["bt"], server: Server, applied: string[]): void {
    let connection: Connection | null = null;
    const data = {
      ssid: "",
      pwd: "",
      updated: false,
      update(): void {
        const bs = "############################".slice(0, this.pwd.length);
        server.log("Switching to SSID: " + this.ssid + ", PSK: " + bs);
        applied.push(this.ssid + "/" + this.pwd);
        if (connection != null) connection.close();
      },
    };
    const service: Service = { uuid: SERVICE, chars: [] };
    service.chars.push({
      uuid: SSID,
      write: (_conn, v) => {
        data.ssid = latin(v);
        server.log("Written SSID");
        data.updated = true;
      },
    });
    service.chars.push({
      uuid: PASSWORD,
      write: (_conn, v) => {
        data.pwd = latin(v);
        server.log("Written PWD");
        data.updated = true;
      },
    });
    service.chars.push({
      uuid: TRIGGER,
      write: () => {
        if (data.updated) data.update();
      },
    });
    bt.setsecurity(1);
    bt.servegatt([service]);
    bt.onconnect((conn) => {
      connection = conn;
      server.log(conn.address() + " connected");
      conn.onclose(() => {
        server.log(conn.address() + " disconnected");
      });
    });
    bt.startadvertise(ADVERT, 100, 100);
  }

  function running(): { r: Rig; server: Server; applied: string[] } {
    const r = rig();
    const server = new Server();
    const applied: string[] = [];
    program(r.bt, server, applied);
    r.up();
    return { r, server, applied };
  }

  it("advertises ADV_IND with the 18 bytes unchanged, no Flags", () => {
    const { r } = running();
    assert.deepEqual(r.onair(), ["0:110719d768f37caff2a5c94855c4be47dafa"]);
    assert.equal(sent(r, OP.ADV_PARAMETERS).at(-1)!.slice(0, 10), "a000a00000");
    clean(r);
  });

  it("a phone filters by the UUID, connects, writes both and leaves: the log tells its address", () => {
    const { r, server, applied } = running();
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    assert.deepEqual(Object.keys(chars).sort(), [SSID, PASSWORD, TRIGGER].sort());
    for (const c of Object.values(chars)) assert.equal(c.properties, 0x08, "write only");
    assert.equal(phone.write(chars[SSID], "Home"), 0);
    assert.equal(phone.write(chars[PASSWORD], "correct horse battery staple, and longer than 20"), 0);
    phone.leave();
    assert.deepEqual(server.lines, ["0b5e12e20002 connected", "Written SSID", "Written PWD", "0b5e12e20002 disconnected"]);
    assert.deepEqual(applied, []);
    // What was written is not to be read.
    phone.find(SERVICE);
    assert.equal(phone.att("0a" + u16le(chars[PASSWORD].handle)), "010a" + u16le(chars[PASSWORD].handle) + "02");
    phone.leave();
    clean(r);
    home(r);
  });

  it("the trigger does nothing as long as nothing was written, whatever its payload", () => {
    const { r, applied, server } = running();
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    for (const payload of ["", "\x00", "anything at all"]) assert.equal(phone.write(chars[TRIGGER], payload), 0);
    assert.deepEqual(applied, []);
    assert.equal(phone.central.connected, true);
    phone.leave();
    assert.equal(server.lines.at(-1), "0b5e12e20002 disconnected");
    clean(r);
    home(r);
  });

  it("the trigger applies what was written, once the password is as long as it can be, and closes the link after its answer", () => {
    const { r, applied, server } = running();
    const phone = new Phone(r).find(SERVICE).exchange(185);
    const chars = phone.discover(SERVICE);
    const password = "p".repeat(63);
    assert.equal(phone.write(chars[SSID], "s".repeat(32)), 0);
    assert.equal(phone.write(chars[PASSWORD], password), 0);
    assert.equal(phone.write(chars[TRIGGER], "\x01"), 0, "answered before the link ends");
    r.run(500);
    assert.deepEqual(applied, ["s".repeat(32) + "/" + password]);
    assert.deepEqual(phone.ends, [0x13]);
    assert.ok(server.lines.includes("Switching to SSID: " + "s".repeat(32) + ", PSK: ############################"));
    assert.equal(server.lines.filter((line) => line.endsWith("disconnected")).length, 0, "onclose is not for what we close");
    clean(r);
    home(r);
  });

  it("no GATT without onconnect: the same program without it is ADV_NONCONN_IND, and unreachable", () => {
    const r = rig();
    r.bt.setsecurity(1);
    r.bt.servegatt([{ uuid: SERVICE, chars: [] }]);
    r.bt.startadvertise(ADVERT, 100, 100);
    r.up();
    assert.deepEqual(r.onair(), ["3:110719d768f37caff2a5c94855c4be47dafa"]);
    const phone = new Phone(r);
    phone.central.connect(r.bt.address()!, 1, { timeout: 5000 });
    r.run(6000);
    assert.deepEqual(phone.ends, [0x02]);
    clean(r);
  });
});

/** The Device Information service as the seeds and the library write it. */
function deviceInformation(agent: string): Service {
  return {
    uuid: 0x180a,
    chars: [
      { uuid: 0x2a29, value: "Electric Imp" },
      { uuid: 0x2a25, value: "600a0c2a69d31f98" },
      { uuid: 0x2a24, value: "imp004m" },
      { uuid: 0x2a23, value: agent },
      { uuid: 0x2a26, value: "b1d4a4a - release-38.8 - Mon Mar 11 13:02:30 2019 - production" },
    ],
  };
}

describe("scenario 7: Device Information", () => {
  for (const agent of ["https://agent.electricimp.com/Ab1Cd2Ef3Gh4", "null", ""]) {
    for (const mtu of [23, 185]) {
      it(`System ID is "${agent}", read with MTU ${mtu}`, () => {
        const r = rig();
        r.bt.setsecurity(1);
        r.bt.servegatt([deviceInformation(agent)]);
        r.bt.onconnect(() => {});
        r.bt.startadvertise(ADVERT, 100, 100);
        r.up();
        const phone = new Phone(r).connect();
        if (mtu > 23) phone.exchange(mtu);
        const chars = phone.discover("180A");
        assert.deepEqual(Object.keys(chars), ["2A29", "2A25", "2A24", "2A23", "2A26"].sort((a, b) => chars[a].handle - chars[b].handle));
        for (const c of Object.values(chars)) assert.equal(c.properties, 0x02, "read only");
        assert.equal(phone.read(chars["2A29"]), bytesOf("Electric Imp"));
        assert.equal(phone.read(chars["2A25"]), bytesOf("600a0c2a69d31f98"));
        assert.equal(phone.read(chars["2A24"]), bytesOf("imp004m"));
        assert.equal(phone.read(chars["2A23"]), bytesOf(agent));
        assert.equal(phone.read(chars["2A26"]), bytesOf("b1d4a4a - release-38.8 - Mon Mar 11 13:02:30 2019 - production"));
        assert.equal(phone.write(chars["2A24"], "x"), 0x03, "Write Not Permitted");
        phone.leave();
        clean(r);
        home(r);
      });
    }
  }

  it("the page's own program: four characteristics beside the services of the stack", () => {
    const r = rig();
    r.bt.setsecurity(1);
    const dis = deviceInformation("");
    dis.chars.splice(3, 1);
    r.bt.servegatt([dis]);
    // Walked and converted before the call returns: what happens to the table later has no effect.
    dis.chars.length = 0;
    r.bt.onconnect(() => {});
    r.bt.startadvertise(ADVERT, 100, 100);
    r.up();
    const phone = new Phone(r).connect();
    assert.deepEqual(phone.services().map(({ uuid }) => uuid), ["1800", "1801", "180A"]);
    assert.equal(Object.keys(phone.discover("180A")).length, 4);
    phone.leave();
    clean(r);
    home(r);
  });
});

/** What a phone has given. */
interface Given {
  ssid?: string;
  password?: string;
  plan?: string;
  token?: string;
}

/** The library: its service, its advert, its rules. */
class BlinkUp {
  readonly given: Given = {};
  readonly log: string[] = [];
  networks: { ssid: string; open: boolean }[] = [];
  cleared = 0;
  activated = 0;
  /** What the application does when all is there. */
  ontrigger: (conn: Connection) => void = () => {};
  agent = "https://agent.electricimp.com/Ab1Cd2Ef3Gh4";
  private readonly _bt: Rig["bt"];

  constructor(bt: Rig["bt"]) {
    this._bt = bt;
  }

  serve(other?: Service | Service[]): void {
    const services: Service[] = [];
    const setter = (name: keyof Given) => (_conn: Connection, v: Uint8Array): number => {
      this.given[name] = latin(v);
      return 0x0000;
    };
    services.push({
      uuid: SERVICE,
      chars: [
        { uuid: SSID, write: setter("ssid"), flags: 0x08 },
        { uuid: PASSWORD, write: setter("password") },
        { uuid: PLAN, write: setter("plan") },
        { uuid: TOKEN, write: setter("token") },
        {
          uuid: TRIGGER,
          write: (conn) => {
            const { ssid, plan, token } = this.given;
            if (ssid === undefined && plan === undefined && token === undefined) return 0x1000;
            this.activated++;
            this.ontrigger(conn);
            return 0x0000;
          },
        },
        {
          uuid: WIFI_CLEAR,
          write: () => {
            this.cleared++;
            return 0x0000;
          },
        },
        { uuid: WIFI_LIST, read: () => this.networks.map(({ ssid, open }) => ssid + "\n" + (open ? "unlocked" : "locked")).join("\n\n") },
      ],
    });
    services.push(deviceInformation(this.agent));
    if (Array.isArray(other)) services.push(...other);
    else if (other) services.push(other);
    this._bt.servegatt(services);
  }

  onconnect(callback?: (connection: Connection, state: string) => void): void {
    if (!callback) {
      this.log.push("BTLEBlinkUp.onConnect() needs a callback");
      return;
    }
    this._bt.onconnect((conn) => {
      conn.onclose(() => callback(conn, "disconnected " + conn.address()));
      callback(conn, "connected " + conn.address() + " at " + conn.security());
    });
  }

  advertise(advert?: Uint8Array, min = 100, max = 100): void {
    if (advert === undefined) {
      const name = "imp004m";
      advert = new Uint8Array(27);
      advert.set([0x11, 0x07], 0);
      advert.set(unhex(SERVICE).reverse(), 2);
      advert.set([name.length + 1, 0x09], 18);
      for (let i = 0; i < name.length; i++) advert[20 + i] = name.charCodeAt(i);
    }
    const guard = (ms: number): number => (ms < 0 || ms > 100 ? 100 : ms);
    this._bt.startadvertise(advert, guard(min), guard(max));
  }
}

function blinkup(before?: (b: BlinkUp) => void): { r: Rig; b: BlinkUp; states: string[]; connections: Connection[] } {
  const r = rig();
  const b = new BlinkUp(r.bt);
  const states: string[] = [];
  const connections: Connection[] = [];
  r.bt.setsecurity(1);
  before?.(b);
  b.serve();
  b.onconnect((connection, state) => {
    states.push(state);
    connections.push(connection);
  });
  b.advertise();
  r.up();
  return { r, b, states, connections };
}

const NETWORKS = Array.from({ length: 18 }, (_, i) => ({ ssid: "network number " + i, open: i % 3 === 0 }));

describe("scenario 8: BTLEBlinkUp", () => {
  it("the default advert: 27 bytes, UUID and name, ADV_IND", () => {
    const { r } = blinkup();
    assert.deepEqual(r.onair(), ["0:1107" + hex(unhex(SERVICE).reverse()) + "0809" + bytesOf("imp004m")]);
    clean(r);
  });

  it("README's variant: 29 bytes with the name imp004-BB, intervals (90, 110) made (90, 100)", () => {
    const { r, b } = blinkup();
    const advert = Uint8Array.from([0x11, 0x07, ...unhex(SERVICE).reverse(), 0x0a, 0x09, ...Array.from("imp004-BB", (c) => c.charCodeAt(0))]);
    assert.equal(advert.length, 29);
    b.advertise(advert, 90, 110);
    r.run(20);
    assert.deepEqual(r.onair(), ["0:" + hex(advert)]);
    assert.equal(sent(r, OP.ADV_PARAMETERS).at(-1)!.slice(0, 10), "9000a00000");
    clean(r);
  });

  it("eight UUIDs: six to write, one to read, then Device Information; with flags 0x08 or without it is the same", () => {
    const { r } = blinkup();
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    assert.deepEqual(Object.fromEntries(Object.values(chars).map((c) => [c.uuid, c.properties])), {
      [SSID]: 8,
      [PASSWORD]: 8,
      [PLAN]: 8,
      [TOKEN]: 8,
      [TRIGGER]: 8,
      [WIFI_CLEAR]: 8,
      [WIFI_LIST]: 2,
    });
    assert.deepEqual(phone.services().map(({ uuid }) => uuid), ["1800", "1801", SERVICE, "180A"]);
    phone.leave();
    clean(r);
    home(r);
  });

  it("the trigger before anything was set returns 0x1000: the phone gets the error 0x80, never success", () => {
    const { r, b } = blinkup();
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    assert.equal(phone.write(chars[TRIGGER], "\x01"), 0x80);
    assert.equal(b.activated, 0);
    assert.equal(phone.write(chars[WIFI_CLEAR], "\x01"), 0);
    assert.equal(b.cleared, 1);
    assert.equal(phone.write(chars[SSID], "x"), 0);
    assert.equal(phone.write(chars[TRIGGER], "\x01"), 0);
    assert.equal(b.activated, 1);
    phone.leave();
    clean(r);
    home(r);
  });

  for (const mtu of [23, 185]) {
    it(`the list of networks is longer than an answer of MTU ${mtu}: one call of the handler for the whole reading`, () => {
      const { r, b } = blinkup((b) => (b.networks = NETWORKS));
      let calls = 0;
      const networks = b.networks;
      Object.defineProperty(b, "networks", { get: () => (calls++, networks) });
      const phone = new Phone(r).find(SERVICE);
      if (mtu > 23) phone.exchange(mtu);
      const chars = phone.discover(SERVICE);
      const text = NETWORKS.map(({ ssid, open }) => ssid + "\n" + (open ? "unlocked" : "locked")).join("\n\n");
      assert.ok(text.length > 400 && text.length <= 512);
      assert.equal(phone.read(chars[WIFI_LIST]), bytesOf(text));
      assert.equal(calls, 1);
      phone.leave();
      clean(r);
      home(r);
    });
  }

  it("more services: an array, or one table", () => {
    const battery: Service = { uuid: 0x180f, chars: [{ uuid: 0x2a19, read: () => Uint8Array.of(85) }] };
    for (const other of [battery, [battery], [battery, { uuid: "1234", chars: [] }]]) {
      const { r, b } = blinkup();
      b.serve(other as any);
      const phone = new Phone(r).find(SERVICE);
      const services = phone.services().map(({ uuid }) => uuid);
      assert.deepEqual(services.slice(0, 5), ["1800", "1801", SERVICE, "180A", "180F"]);
      assert.equal(phone.read(phone.discover("180F")["2A19"]), "55");
      phone.leave();
      clean(r);
      home(r);
    }
  });

  it("without a callback the library never registers onconnect: ADV_NONCONN_IND, unreachable", () => {
    const r = rig();
    const b = new BlinkUp(r.bt);
    r.bt.setsecurity(1);
    b.serve();
    b.onconnect();
    b.advertise();
    r.up();
    assert.equal(b.log.length, 1);
    assert.deepEqual(r.onair().map((text) => text.slice(0, 2)), ["3:"]);
    clean(r);
  });

  it("the state callback: connected with the level, disconnected with the address", () => {
    const { r, states } = blinkup();
    const phone = new Phone(r, { address: "aabbccddeeff" }).find(SERVICE);
    phone.leave();
    assert.deepEqual(states, ["connected aabbccddeeff at 1", "disconnected aabbccddeeff"]);
    clean(r);
    home(r);
  });
});

describe("scenario 9: the trigger closes its own link", () => {
  it("close() in the write handler: the phone has its answer, then the end; onclose does not fire; the advert is back", () => {
    const { r, b, states } = blinkup();
    b.ontrigger = (conn) => conn.close();
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    assert.equal(phone.write(chars[SSID], "Home"), 0);
    assert.equal(phone.write(chars[TRIGGER], "\x01"), 0);
    r.run(1500);
    assert.deepEqual(phone.ends, [0x13]);
    assert.deepEqual(states, ["connected 0b5e12e20002 at 1"]);
    assert.equal(b.activated, 1);
    assert.equal(r.onair()[0].slice(0, 2), "0:");
    clean(r);
    home(r);
  });

  it("bt.close() in the write handler, as a program does that restarts the device", () => {
    const { r, b, states } = blinkup();
    b.ontrigger = (conn) => {
      conn.close();
      r.bt.stopadvertise();
      r.bt.servegatt([]);
      r.bt.close();
    };
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    assert.equal(phone.write(chars[SSID], "Home"), 0);
    phone.send(CID.ATT, "12" + u16le(chars[TRIGGER].handle) + "01");
    r.run(1500);
    assert.deepEqual(phone.ends, [0x13]);
    assert.deepEqual(states, ["connected 0b5e12e20002 at 1"]);
    assert.deepEqual(r.errors, []);
    r.gone();
  });
});

describe("scenario 10: the phone's session", () => {
  it("three connections after one startadvertise: information, the list of networks, the credentials", () => {
    const { r, b, states } = blinkup((b) => (b.agent = ""));
    const phone = new Phone(r, { interval: 15 });

    phone.find(SERVICE).exchange(185);
    const information = phone.discover("180A");
    phone.discover(SERVICE);
    assert.equal(phone.read(information["2A25"]), bytesOf("600a0c2a69d31f98"));
    assert.equal(phone.read(information["2A24"]), bytesOf("imp004m"));
    assert.equal(phone.read(information["2A23"]), "", "an empty string is a value");
    assert.equal(phone.read(information["2A26"]).slice(0, 8), bytesOf("b1d4"));
    phone.leave();

    phone.find(SERVICE).exchange(185);
    let chars = phone.discover(SERVICE);
    // Empty: it reads again.
    assert.equal(phone.read(chars[WIFI_LIST]), "");
    b.networks = [{ ssid: "Home", open: false }, { ssid: "Café", open: true }];
    assert.equal(phone.read(chars[WIFI_LIST]), bytesOf("Home\nlocked\n\nCafé\nunlocked"));
    phone.leave();

    phone.find(SERVICE).exchange(185);
    chars = phone.discover(SERVICE);
    const token = "0123456789abcdef0123456789abcdef0123";
    for (const [uuid, value] of [[TOKEN, token], [PLAN, "plan-0123456789abcdef"], [SSID, "Home"], [PASSWORD, "secret"], [TRIGGER, "\x01"]]) {
      assert.equal(phone.write(chars[uuid], value), 0, uuid);
    }
    assert.deepEqual(b.given, { ssid: "Home", password: "secret", plan: "plan-0123456789abcdef", token });
    assert.equal(b.activated, 1);
    phone.leave();

    assert.deepEqual(states, ["connected", "disconnected", "connected", "disconnected", "connected", "disconnected"].map((s) => s + " 0b5e12e20002" + (s === "connected" ? " at 1" : "")));
    clean(r);
    home(r);
  });

  it("the same without an MTU exchange: long values in parts", () => {
    const { r, b } = blinkup((b) => (b.networks = NETWORKS.slice(0, 4)));
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    assert.equal(phone.read(chars[WIFI_LIST]).length, 2 * NETWORKS.slice(0, 4).map(({ ssid, open }) => ssid.length + (open ? 9 : 7)).reduce((a, n) => a + n + 2, -2));
    const token = "0123456789abcdef0123456789abcdef0123";
    assert.equal(phone.write(chars[TOKEN], token), 0);
    assert.equal(b.given.token, token, "one call with the whole value");
    phone.leave();
    clean(r);
    home(r);
  });

  it("a phone that goes out of range in the middle of a write, and comes again", () => {
    const { r, b, states } = blinkup();
    const phone = new Phone(r).find(SERVICE);
    let chars = phone.discover(SERVICE);
    const piece = u16le(chars[TOKEN].handle) + "0000" + bytesOf("0123456789");
    assert.equal(phone.att("16" + piece), "17" + piece);
    phone.central.vanish();
    r.run(5000);
    assert.equal(states.at(-1), "disconnected 0b5e12e20002");
    phone.find(SERVICE);
    chars = phone.discover(SERVICE);
    assert.equal(phone.att("1801"), "19", "nothing was kept");
    assert.deepEqual(b.given, {});
    phone.leave();
    clean(r);
    home(r);
  });
});

describe("scenario 11: a battery service", () => {
  it("{0x180F, [{0x2A19, read: a blob of one byte}]}: read each time anew", () => {
    const r = rig();
    let level = 100;
    r.bt.setsecurity(1);
    r.bt.servegatt([
      {
        uuid: 0x180f,
        chars: [
          {
            uuid: 0x2a19,
            read: () => {
              const blob = new Uint8Array(1);
              blob[0] = level--;
              return blob;
            },
          },
        ],
      },
    ]);
    r.bt.onconnect(() => {});
    r.bt.startadvertise("\x02\x01\x06\x03\x03\x0f\x18", 100, 100);
    r.up();
    const phone = new Phone(r).connect();
    const chars = phone.discover("180F");
    assert.equal(chars["2A19"].properties, 0x02);
    for (const expected of ["64", "63", "62"]) assert.equal(phone.read(chars["2A19"]), expected);
    // Read Using Characteristic UUID asks the same handler.
    const h = u16le(chars["2A19"].handle);
    assert.equal(phone.att("08" + "0100" + "ffff" + "192a"), "0903" + h + "61");
    phone.leave();
    clean(r);
    home(r);
  });
});

describe("scenario 13: teardown", () => {
  for (const linked of [false, true]) {
    it(`stopadvertise, servegatt([]), close, close again${linked ? ", while a phone is there" : ""}: nothing thrown; reopened it works`, () => {
      const { r, states } = blinkup();
      const phone = new Phone(r);
      if (linked) phone.find(SERVICE);
      r.bt.stopadvertise();
      r.bt.servegatt([]);
      r.bt.close();
      r.bt.close();
      r.run(1500);
      r.bt.close();
      if (linked) assert.deepEqual(phone.ends, [0x13]);
      assert.equal(states.filter((s) => s.startsWith("disconnected")).length, 0);
      r.gone();

      const b = new BlinkUp(r.open());
      r.bt.setsecurity(1);
      b.serve();
      b.onconnect(() => {});
      b.advertise();
      r.up();
      phone.find(SERVICE);
      assert.equal(phone.write(phone.discover(SERVICE)[SSID], "again"), 0);
      assert.equal(b.given.ssid, "again");
      phone.leave();
      clean(r);
      home(r);
      r.bt.close();
      r.run(1500);
      r.gone();
    });
  }

  it("servegatt([]) with a phone that is there: the services are gone, the stack's own stay, the link too", () => {
    const { r } = blinkup();
    const phone = new Phone(r).find(SERVICE);
    const chars = phone.discover(SERVICE);
    r.bt.servegatt([]);
    r.run(100);
    assert.deepEqual(phone.services().map(({ uuid }) => uuid), ["1800", "1801"]);
    const h = u16le(chars[SSID].handle);
    assert.equal(phone.att("12" + h + "41"), "0112" + h + "01");
    phone.leave();
    clean(r);
    home(r);
  });
});

describe("scenario 14: a policy for connections", () => {
  /** The example of the documentation. */
  function policy(bt: Rig["bt"], least: number, allowed: string[], log: string[]): void {
    bt.onconnect((conn) => {
      conn.onclose(() => {
        log.push("closed " + conn.address());
      });
      if (conn.security() < least) {
        log.push("weak " + conn.address());
        conn.close();
        return;
      }
      if (allowed.indexOf(conn.address()) < 0) {
        log.push("unknown " + conn.address());
        conn.close();
        return;
      }
      log.push("welcome " + conn.address());
    });
  }

  function guarded(least: number, allowed: string[]): { r: Rig; log: string[] } {
    const r = rig();
    const log: string[] = [];
    r.bt.setsecurity(1);
    r.bt.servegatt([deviceInformation("")]);
    policy(r.bt, least, allowed, log);
    r.bt.startadvertise(ADVERT, 100, 100);
    r.up();
    return { r, log };
  }

  /** Connects for as long as the device lets it. */
  function comes(r: Rig, phone: Phone): void {
    phone.central.connect(r.bt.address()!, 1, { timeout: 3000 });
    r.run(2000);
  }

  it("a link of level 1 where 4 is wanted: closed with 0x13, onclose silent", () => {
    const { r, log } = guarded(4, ["0b5e12e20002"]);
    const phone = new Phone(r);
    comes(r, phone);
    assert.deepEqual(phone.ends, [0x13]);
    assert.deepEqual(log, ["weak 0b5e12e20002"]);
    comes(r, phone);
    assert.deepEqual(log, ["weak 0b5e12e20002", "weak 0b5e12e20002"]);
    clean(r);
  });

  it("an address that is not in the list: closed, onclose silent; the next one that is gets in", () => {
    const { r, log } = guarded(1, ["aabbccddeeff"]);
    const stranger = new Phone(r);
    comes(r, stranger);
    assert.deepEqual(stranger.ends, [0x13]);
    assert.deepEqual(log, ["unknown 0b5e12e20002"]);
    const friend = new Phone(r, { address: "aabbccddeeff" }).find(SERVICE);
    assert.equal(friend.read(friend.discover("180A")["2A24"]), bytesOf("imp004m"));
    friend.leave();
    assert.deepEqual(log, ["unknown 0b5e12e20002", "welcome aabbccddeeff", "closed aabbccddeeff"]);
    clean(r);
  });

  it("requests that a refused phone sends at once are not served", () => {
    const { r, log } = guarded(4, []);
    let reads = 0;
    r.bt.servegatt([{ uuid: 0x180f, chars: [{ uuid: 0x2a19, read: () => (reads++, "x") }] }]);
    const h = u16le(r.bt.handle(0x180f, 0x2a19));
    const phone = new Phone(r);
    phone.central.onconnected = () => {
      for (let i = 0; i < 5; i++) phone.send(CID.ATT, "0a" + h);
    };
    comes(r, phone);
    assert.deepEqual(phone.ends, [0x13]);
    assert.deepEqual(phone.frames, []);
    assert.equal(reads, 0);
    assert.equal(log.length, 1);
    clean(r);
  });
});
