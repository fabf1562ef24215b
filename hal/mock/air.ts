import { Beacon, type BeaconOptions } from "./beacon.js";
import type { VirtualClock } from "./clock.js";
import { Observer, type ObserverOptions } from "./observer.js";
import { Link, type LinkFault, type LinkOwner } from "./link.js";
import { airTime, T_IFS, type AdvertisingPdu, type ConnectRequest, type DeviceAddress, type LinkPdu } from "./pdu.js";
import { Random } from "./random.js";
import type { TestPdu } from "./testpdu.js";

/** What takes part in the air: a controller, a beacon, an observer. */
export interface Radio {
  /** For messages and for `air.rssi`. */
  readonly name: string;
  /** True if the receiver is on an advertising channel at `time` (ms). Asked only between `air.listen` and `air.ignore`. */
  listening(time: number): boolean;
  /** Takes a PDU that it has heard; `rssi` in dBm, 127 is unknown. */
  hear(pdu: AdvertisingPdu, rssi: number, from: Radio): void;
  /** Answers a SCAN_REQ that `scanner` sends after a scannable PDU of this radio: the SCAN_RSP, or null for silence. */
  scanRequested(scanner: DeviceAddress): AdvertisingPdu | null;
  /**
   * Answers a CONNECT_IND that follows a connectable PDU of this radio: the owner of its end of the connection, or null if it does not take
   * it. A radio without this method takes none.
   */
  connectRequested?(request: ConnectRequest): LinkOwner | null;
}

/** What `air.sniff` hands out. */
export interface Sniffed {
  /** Virtual time (ms) of the end of the PDU. */
  readonly time: number;
  readonly pdu: AdvertisingPdu;
  readonly from: Radio;
}

/** What `air.sniffLinks` hands out. */
export interface SniffedLink {
  /** Virtual time (ms) of the end of the packet. */
  readonly time: number;
  readonly link: Link;
  readonly from: Radio;
  readonly pdu: LinkPdu;
  /** True if `linkFault` lost it. */
  readonly lost: boolean;
}

/** What `air.sniffTests` hands out. */
export interface SniffedTest {
  /** Virtual time (ms) of the end of the packet. */
  readonly time: number;
  /** 0 to 39, by frequency: 2402 MHz + 2 MHz * channel. */
  readonly channel: number;
  readonly pdu: TestPdu;
  readonly from: Radio;
}

/**
 * Asked about each test packet on its way to each receiver; true loses it.
 * @param index how many test packets that radio has sent before, in all
 */
export type TestFault = (from: Radio, to: Radio, channel: number, index: number) => boolean;

/** A SCAN_REQ: preamble, access address, header, ScanA, AdvA, CRC at 1 Mbit/s. */
const SCAN_REQ_TIME = 0.176;
/** A CONNECT_IND: preamble, access address, header, InitA, AdvA, LLData, CRC at 1 Mbit/s. */
const CONNECT_IND_TIME = 0.352;

/**
 * The air: joins the radios of one virtual clock. Legacy advertising and connections on LE 1M are modelled with their times and the
 * scanners' windows, and the packets of direct tests. Left out: channels (a scanner hears every PDU sent in its window) and collisions.
 */
export class Air {
  readonly clock: VirtualClock;
  /** Whence advertisers draw their advDelay. */
  readonly random: Random;
  /**
   * How strongly a radio hears another, replaceable: dBm (-127 to 20), 127 for a receiver that does not know, null for out of range.
   * The default asks a beacon for its own `rssi` and is -60 dBm elsewhere.
   */
  rssi: (from: Radio, to: Radio) => number | null = (from) => (from instanceof Beacon ? from.rssi : -60);

  /** What goes wrong on connections; undefined is good air. A lost packet is sent again at the next connection event. */
  linkFault: LinkFault | undefined = undefined;

  /** Which packets of direct tests get lost; undefined is good air. */
  testFault: TestFault | undefined = undefined;

  /** Receivers of direct tests: whose, their channel, what each packet is told to. */
  private _tuned: readonly { readonly radio: Radio; readonly channel: number; readonly heard: () => void }[] = [];
  /** How many test packets each radio has sent. */
  private readonly _tested = new Map<Radio, number>();
  private _testsniffers: readonly ((sniffed: SniffedTest) => void)[] = [];

  /** Replaced, never changed, so that a radio may come and go while a PDU is handed out. */
  private _listeners: readonly Radio[] = [];
  /** How many times each has asked to listen. */
  private readonly _asked = new Map<Radio, number>();
  private _linksniffers: readonly ((sniffed: SniffedLink) => void)[] = [];
  private _sniffers: readonly ((sniffed: Sniffed) => void)[] = [];

  constructor(clock: VirtualClock, options: { seed?: number } = {}) {
    this.clock = clock;
    this.random = new Random(options.seed ?? 1);
  }

  /** From now on `radio` hears what is sent while it is `listening`. */
  listen(radio: Radio): void {
    const asked = this._asked.get(radio) ?? 0;
    this._asked.set(radio, asked + 1);
    if (asked === 0) this._listeners = [...this._listeners, radio];
  }

  /** Ends one `listen`; the radio is deaf when each has been ended. */
  ignore(radio: Radio): void {
    const asked = this._asked.get(radio) ?? 0;
    if (asked > 1) {
      this._asked.set(radio, asked - 1);
      return;
    }
    this._asked.delete(radio);
    this._listeners = this._listeners.filter((other) => other !== radio);
  }

  /** Sends a PDU whose last bit leaves now. */
  transmit(from: Radio, pdu: AdvertisingPdu): void {
    this._overhear(from, pdu);
    const listeners = this._listeners;
    for (let i = 0; i < listeners.length; i++) {
      const to = listeners[i];
      if (to !== from && to.listening(this.clock.now)) this._carry(from, to, pdu);
    }
  }

  /**
   * Sends a SCAN_REQ that follows a PDU just heard, and brings the SCAN_RSP, if there is one, to `scanner`.
   * @param own the scanner's own address (ScanA)
   */
  requestScan(scanner: Radio, own: DeviceAddress, advertiser: Radio): void {
    if (this.rssi(scanner, advertiser) === null) return;
    this.clock.after(T_IFS + SCAN_REQ_TIME, () => {
      const response = advertiser.scanRequested(own);
      if (response === null) return;
      this.clock.after(T_IFS + airTime(response), () => {
        this._overhear(advertiser, response);
        this._carry(advertiser, scanner, response);
      });
    });
  }

  /**
   * Sends a CONNECT_IND that follows a PDU just heard, and makes the connection. As nothing answers a CONNECT_IND, the initiator has a
   * connection also where the advertiser did not hear or take it; that one is never established.
   * @param go asked just before it is sent: the owner of the initiator's end, or null not to send
   */
  requestConnection(initiator: Radio, advertiser: Radio, request: ConnectRequest, go: () => LinkOwner | null): void {
    this.clock.after(T_IFS + CONNECT_IND_TIME, () => {
      const owner = go();
      if (owner === null) return;
      const heard = this.rssi(initiator, advertiser) !== null;
      const accepted = heard ? (advertiser.connectRequested?.(request) ?? null) : null;
      new Link(this, request, owner, accepted);
    });
  }

  /**
   * Calls `callback` with every packet on every connection, at its end.
   * @returns a function that ends it
   */
  sniffLinks(callback: (sniffed: SniffedLink) => void): () => void {
    this._linksniffers = [...this._linksniffers, callback];
    return () => {
      this._linksniffers = this._linksniffers.filter((other) => other !== callback);
    };
  }

  /** @internal */
  overhearLink(sniffed: SniffedLink): void {
    const sniffers = this._linksniffers;
    for (let i = 0; i < sniffers.length; i++) sniffers[i](sniffed);
  }

  /**
   * Calls `callback` with every advertising PDU that is on the air, whoever hears it.
   * @returns a function that ends it
   */
  sniff(callback: (sniffed: Sniffed) => void): () => void {
    this._sniffers = [...this._sniffers, callback];
    return () => {
      this._sniffers = this._sniffers.filter((other) => other !== callback);
    };
  }

  /**
   * From now on `heard` is called at the end of each packet of a direct test that `radio` hears on one channel.
   * @returns a function that ends it
   */
  tune(radio: Radio, channel: number, heard: () => void): () => void {
    const receiver = { radio, channel, heard };
    this._tuned = [...this._tuned, receiver];
    return () => {
      this._tuned = this._tuned.filter((other) => other !== receiver);
    };
  }

  /** Sends a packet of a direct test whose last bit leaves now. */
  transmitTest(from: Radio, channel: number, pdu: TestPdu): void {
    const index = this._tested.get(from) ?? 0;
    this._tested.set(from, index + 1);
    const sniffers = this._testsniffers;
    for (let i = 0; i < sniffers.length; i++) sniffers[i]({ time: this.clock.now, channel, pdu, from });
    for (const { radio, channel: tuned, heard } of this._tuned) {
      if (radio === from || tuned !== channel || this.rssi(from, radio) === null) continue;
      if (this.testFault?.(from, radio, channel, index) !== true) heard();
    }
  }

  /**
   * Calls `callback` with every packet of a direct test that is on the air, whoever hears it.
   * @returns a function that ends it
   */
  sniffTests(callback: (sniffed: SniffedTest) => void): () => void {
    this._testsniffers = [...this._testsniffers, callback];
    return () => {
      this._testsniffers = this._testsniffers.filter((other) => other !== callback);
    };
  }

  /** Puts an advertiser on the air that is not a whole chip, and starts it. */
  advertise(options: BeaconOptions = {}): Beacon {
    const beacon = new Beacon(this, options);
    beacon.start();
    return beacon;
  }

  /** Puts a scanner on the air that is not a whole chip, and starts it. */
  observe(options: ObserverOptions = {}): Observer {
    const observer = new Observer(this, options);
    observer.start();
    return observer;
  }

  private _overhear(from: Radio, pdu: AdvertisingPdu): void {
    const sniffers = this._sniffers;
    for (let i = 0; i < sniffers.length; i++) sniffers[i]({ time: this.clock.now, pdu, from });
  }

  private _carry(from: Radio, to: Radio, pdu: AdvertisingPdu): void {
    const rssi = this.rssi(from, to);
    if (rssi !== null) to.hear(pdu, rssi, from);
  }
}
