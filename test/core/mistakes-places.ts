import assert from "node:assert/strict";
import { Beacon, Phone, type PhoneOptions } from "../../hal/mock/index.js";
import { IMAGE, unhex } from "../support/rig.js";
import { CODE, Memory } from "../support/security.js";
import { attributes, Model, Server } from "../support/server.js";
import { App, type AppSetup } from "./mistakes-app.js";

/** Where the application's code runs: every callback, and what leads to it. */
export interface Place {
  readonly name: string;
  /** What becomes of an exception: it is counted, unless the step that it breaks fails by name, or the application's own code has called it. */
  readonly throws?: "fails" | "own";
  /** How the instance is opened. `in` is to be called from the callback where the options themselves hold it. */
  readonly setup?: (at: (connection?: any) => void) => AppSetup;
  /** Makes the callback run, at least once. */
  readonly lead: (app: App) => void;
}

function peripheral(app: App, respond = new Model(attributes([{ uuid: "180f", chars: [{ uuid: "2a19", flags: 0x1a, value: "63", descriptors: [{ uuid: "2902" }] }] }])).respond): any {
  const server = new Server(app.rig.board.air, respond);
  let made: any = null;
  app.bt.connect(server.address, 0, (error: Error | null, connection: any) => {
    assert.equal(error, null);
    made = app.connection = connection;
  });
  app.rig.clock.until(() => made !== null && server.handle >= 0, 5000);
  app.run(100);
  return { connection: made, server };
}

/** A phone that pairs, with the code that is asked for or with another. */
function pair(app: App, options: PhoneOptions = {}, code = CODE): Phone {
  const phone = new Phone(app.rig.board.air, { mtu: 23, address: "0b5e12e50001", interval: 7.5, ...options, pairing: { passkey: code, ...options.pairing } });
  app.bt.setsecurity(4, CODE);
  phone.onpairingfailed = () => {};
  phone.start.connect({});
  app.run(6000);
  return phone;
}

function pairing(state: string): (at: (connection?: any) => void) => AppSetup {
  return (at) => ({ options: { onpairing: (connection: any, now: string) => now === state && at(connection) } });
}

/** Fills the queue of notifications. */
function fill(app: App): void {
  const peer = app.peer();
  peer.att("12" + app.at(0xfff3, 1) + "0100");
  for (let i = 0; i < 1000 && app.bt.notify(0xfff3, "value " + i); i++);
  app.run(500);
}

export const PLACES: readonly Place[] = [
  { name: "onready", setup: () => ({ up: false }), lead: (app) => app.rig.settle() },
  { name: "onstep", setup: () => ({ up: false }), lead: (app) => app.rig.settle() },
  { name: "onprogress", setup: () => ({ up: false, part: "cyw43438" }), lead: (app) => app.rig.settle() },
  {
    name: "onwarning",
    setup: () => ({ up: false, part: "cyw43438", before: ({ board }) => (board.chip.hook = (opcode: number) => (opcode === 0xfc18 ? { status: 1 } : undefined)) }),
    lead: (app) => app.rig.settle(),
  },
  {
    name: "onerror",
    lead(app) {
      const { chip } = app.rig.board;
      chip.hook = (opcode: number, parameters: Uint8Array) => (opcode === 0x2006 && parameters[0] === 64 ? { status: 0x12 } : undefined);
      app.bt.startadvertise("x", 40, 40);
      app.run(300);
      chip.hook = undefined;
    },
  },
  {
    name: "onrecover",
    lead(app) {
      app.rig.board.chip.hardwareError(7);
      app.run(5000);
    },
  },
  {
    name: "firmwareagain",
    throws: "fails",
    setup: (at) => ({ part: "cyw43438", options: { firmwareagain: () => (at(), IMAGE) } }),
    lead(app) {
      app.rig.board.chip.hardwareError(7);
      app.run(5000);
    },
  },
  { name: "onconnect", lead: (app) => void app.peer() },
  {
    name: "onclose",
    lead(app) {
      app.peer().central.disconnect();
      app.run(200);
    },
  },
  { name: "read", lead: (app) => void app.peer().att("0a" + app.at(0xfffa)) },
  { name: "write", lead: (app) => void app.peer().att("12" + app.at(0xfffa) + "01") },
  { name: "write", lead: (app) => void app.peer().send(4, "52" + app.at(0xfffa) + "01").next(4, 100) },
  { name: "subscribe", lead: (app) => void app.peer().att("12" + app.at(0xfffa, 1) + "0100") },
  { name: "late read", throws: "own", lead: (app) => void app.peer().att("0a" + app.at(0xfffb)) },
  { name: "late write", throws: "own", lead: (app) => void app.peer().att("12" + app.at(0xfffb) + "01") },
  {
    name: "scan",
    lead(app) {
      new Beacon(app.rig.board.air, { data: unhex("020106"), interval: 20 }).start();
      app.run(300);
    },
  },
  {
    name: "raw scan",
    lead(app) {
      app.bt.startrawscan(app.as("raw scan"));
      new Beacon(app.rig.board.air, { data: unhex("020106"), interval: 20 }).start();
      app.run(300);
    },
  },
  {
    name: "collected",
    lead(app) {
      app.bt.setscanfilter([{ collect: 0.1 }]);
      app.bt.startscan(app.as("collected"));
      new Beacon(app.rig.board.air, { data: unhex("020106"), interval: 20 }).start();
      app.run(500);
    },
  },
  {
    name: "notified",
    lead(app) {
      app.peer().att("12" + app.at(0xfff3, 1) + "0100");
      app.bt.notify(0xfff3, "x", null, app.as("notified"));
      app.run(200);
    },
  },
  {
    name: "indicated",
    lead(app) {
      const peer = app.peer();
      peer.att("12" + app.at(0xfff3, 1) + "0200");
      app.bt.notify(0xfff3, "x", null, app.as("indicated"));
      app.run(100);
      if (peer.central.connected) peer.send(4, "1e");
      app.run(100);
    },
  },
  { name: "onroom", lead: fill },
  {
    name: "rssi",
    lead(app) {
      app.peer();
      app.connection!.rssi(app.as("rssi"));
      app.run(200);
    },
  },
  {
    name: "parameters",
    lead(app) {
      app.peer();
      app.connection!.parameters(30, 50, 0, 4000, app.as("parameters"));
      app.run(31_000);
    },
  },
  {
    name: "not connected",
    lead(app) {
      app.bt.connect("00a0c0998877", 0, app.as("not connected"), 100);
      app.run(500);
    },
  },
  {
    name: "cancelled",
    lead(app) {
      app.bt.connect("00a0c0998877", 0, app.as("cancelled"));
      app.run(50);
      app.bt.cancelconnect();
      app.run(500);
    },
  },
  {
    name: "connected",
    lead(app) {
      const server = new Server(app.rig.board.air);
      app.bt.connect(server.address, 0, (_error: Error | null, connection: any) => {
        app.connection = connection ?? null;
        app.in("connected");
      });
      app.run(500);
    },
  },
  {
    name: "discovered",
    lead(app) {
      peripheral(app).connection.discover(app.as("discovered"));
      app.run(3000);
    },
  },
  {
    name: "value read",
    lead(app) {
      peripheral(app).connection.read(3, app.as("value read"));
      app.run(500);
    },
  },
  {
    name: "value written",
    lead(app) {
      peripheral(app).connection.write(3, "x".repeat(40), app.as("value written"));
      app.run(1000);
    },
  },
  {
    name: "subscribed",
    lead(app) {
      const { connection } = peripheral(app);
      connection.discover(() => {});
      app.run(3000);
      connection.subscribe(0x2a19, () => {}, app.as("subscribed"));
      app.run(500);
    },
  },
  {
    name: "value notified",
    lead(app) {
      const { connection, server } = peripheral(app);
      connection.discover(() => {});
      app.run(3000);
      connection.subscribe(0x2a19, app.as("value notified"));
      app.run(500);
      // Notification, indication, several in one.
      server.send("1b030041", "1d030042", "230300010043030001 0044".replace(/ /g, ""));
      app.run(500);
    },
  },
  {
    name: "asked in vain",
    lead(app) {
      const { connection, server } = peripheral(app, () => null);
      connection.read(3, app.as("asked in vain"));
      connection.read(3, app.as("asked in vain"));
      app.run(100);
      server.disconnect();
      app.run(300);
    },
  },
  {
    name: "trace",
    lead(app) {
      const peer = app.peer();
      const request = "0a" + app.at(0xfff1);
      app.bt.trace(app.as("trace"));
      peer.att(request);
    },
  },
  {
    name: "oobdata",
    lead(app) {
      app.bt.oobdata(app.as("oobdata"));
      app.run(3000);
    },
  },
  { name: "started", setup: pairing("started"), lead: (app) => void pair(app) },
  { name: "passkey", setup: pairing("passkey"), lead: (app) => void pair(app) },
  { name: "paired", setup: pairing("paired"), lead: (app) => void pair(app) },
  { name: "failed", setup: pairing("failed"), lead: (app) => void pair(app, {}, CODE ^ 1) },
  { name: "onpairingfailed", setup: (at) => ({ options: { onpairingfailed: () => at() } }), lead: (app) => void pair(app, {}, CODE ^ 1) },
  {
    name: "compare",
    setup: (at) => ({ options: { compare: (connection: any, _digits: number, reply: (same: boolean) => void) => (at(connection), reply(true)) } }),
    lead: (app) => void pair(app, { pairing: { io: "DisplayYesNo" } }),
  },
  {
    name: "typed",
    setup: (at) => ({
      options: {
        compare: (_c: any, _digits: number, reply: (same: boolean) => void) => reply(true),
        passkey: (connection: any, reply: (passkey: number) => void) => (at(connection), reply(CODE)),
      },
    }),
    lead: (app) => void pair(app, { pairing: { io: "DisplayOnly" } }),
  },
  { name: "oob", setup: (at) => ({ options: { oob: (connection: any) => (at(connection), null) } }), lead: (app) => void pair(app) },
  {
    name: "save",
    setup: (at) => {
      const store = new Memory();
      const save = store.save.bind(store);
      store.save = (bytes) => (at(), save(bytes));
      return { options: { store } };
    },
    lead: (app) => void pair(app),
  },
  {
    name: "pair",
    lead(app) {
      const phone = new Phone(app.rig.board.air, { mtu: 23, address: "0b5e12e50002", interval: 7.5, pairing: { passkey: CODE } });
      app.bt.setsecurity(1, CODE);
      phone.onpairingfailed = () => {};
      phone.start.connect({});
      app.run(500);
      app.connection!.pair(app.as("pair"));
      app.run(8000);
    },
  },
];
