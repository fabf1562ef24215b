import type { Device, Known } from "./device.js";
import { hex } from "./judge.js";

/** What an application may do at any moment; returns what is to be noted of it. */
type Action = (device: Device, pick: (n: number) => number) => string | void;

const ACTIONS: Action[] = [
  (device, pick) => {
    device.declared.advert = { data: `\x02\x01${String.fromCharCode(4 + pick(3))}`, min: 20 + 20 * pick(3), max: 80, response: pick(2) ? `\x02\x0a${String.fromCharCode(pick(9))}` : null };
    device.advertise();
    return "advertises";
  },
  (device, pick) => {
    // It comes back soon.
    if (pick(3)) return ACTIONS[0](device, pick);
    device.declared.advert = null;
    device.bt.stopadvertise();
    return "stops advertising";
  },
  (device, pick) => {
    device.declared.welcome = pick(6) > 0;
    device.welcome();
    return device.declared.welcome ? "welcomes" : "welcomes nobody";
  },
  (device, pick) => {
    device.declared.table = pick(6);
    device.serve();
    return `serves table ${device.declared.table}`;
  },
  (device, pick) => {
    device.setSecurity(([1, 3, 4, 4] as const)[pick(4)], pick(2) ? pick(1_000_000) : undefined);
    return `wants level ${device.declared.level}`;
  },
  (device, pick) => {
    device.declared.scanning = pick(2) > 0;
    if (device.declared.scanning) device.scan();
    else device.bt.stopscan();
    return device.declared.scanning ? "scans" : "stops scanning";
  },
  (device, pick) => {
    device.bt.setscanparams(pick(2) > 0, 60, 30 + 15 * pick(3));
  },
  (device, pick) => {
    for (let i = 0; i < 4; i++) device.bt.notify(0xaa01, [device.notified++ & 255], pick(2) ? null : (one(device, pick)?.connection ?? null));
  },
  (device, pick) => {
    const known = one(device, pick);
    if (!known) return;
    device.left(known);
    known.connection.close();
    return "closes a connection";
  },
  (device, pick) => void one(device, pick)?.connection.rssi(device.promise("rssi")),
  (device, pick) => {
    const known = one(device, pick);
    if (known) known.connection.parameters(7.5 + 7.5 * pick(4), 60, pick(3), 600 + 200 * pick(4), device.promise("parameters"));
  },
  (device, pick) => {
    const others = device.world.addresses().filter((address) => address !== device.bt.address());
    if (!others.length) return;
    const address = others[pick(others.length)];
    device.bt.connect(address, device.world.typeOf(address), device.promise("connect", (error, connection) => error || device.met(connection)), 500 + 500 * pick(8));
    return `connects to ${address}`;
  },
  (device) => device.bt.cancelconnect(),
  (device, pick) => {
    const known = one(device, pick);
    if (!known) return;
    const { connection } = known;
    const what = pick(6);
    if (what === 0) connection.discover(device.promise("discover"));
    else if (what === 1) connection.read(pick(3) ? 1 + pick(40) : 0xaa02, device.promise("read of a peer"));
    else if (what === 2) connection.write(1 + pick(40), "x".repeat(pick(60)), device.promise("write to a peer"));
    else if (what === 3) connection.subscribe(1 + pick(40), pick(3) ? device.wrap("value", () => {}) : null, device.promise("subscribe to a peer"));
    else if (what === 4) connection.send(1 + pick(40), "y");
    else connection.pair(device.promise("pair"));
    return "asks a peer";
  },
  (device, pick) => {
    const bonds = device.bt.bonds();
    if (!bonds.length || pick(3)) return;
    const { address } = bonds[pick(bonds.length)];
    const all = pick(3) === 0;
    // Their connections are closed.
    for (const known of device.known) {
      const bond = known.connection._bond;
      if (bond && (all || hex([...bond._address].reverse()) === address)) device.left(known);
    }
    if (all) device.bt.forgetall();
    else device.bt.forget(address);
    return "forgets";
  },
  (device) => {
    const { troubles } = device.world;
    if (!troubles.strikes("reopen", 2)) return;
    device.close();
    device.open();
    return "closes and opens";
  },
  (device) => {
    if (!device.world.troubles.strikes("flood", 1)) return;
    for (let i = 0; i < 40; i++) device.bt.notify(0xaa01, "n".repeat(20));
  },
];

/** One of the connections that the application has, which may have ended. */
function one(device: Device, pick: (n: number) => number): Known | undefined {
  const { known } = device;
  const few = Math.min(4, known.length);
  return few ? known[known.length - 1 - pick(few)] : undefined;
}

/** Does something. */
export function act(device: Device): void {
  const pick = (n: number): number => device.random.below(n);
  const said = ACTIONS[pick(ACTIONS.length)](device, pick);
  if (said) device.world.log(`device ${device.number} ${said}`);
}
