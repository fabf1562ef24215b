import { toBytes, type Bytes } from "../bytes/bytes.js";
import { integer, reject } from "../errors.js";
import { AdvertisingType, Command, Status } from "../hci/codes.js";
import { begin, put16, put8, putBytes } from "../hci/commands.js";
import { declared, use, type Host, type Role } from "../host.js";

const enum Advert {
  /** The most bytes of an advert or a scan response. */
  Most = 31,
  /** Shortest interval, in units of 0.625 ms, of an advert that is not connectable, before version 5.0 of the specification. */
  Floor = 160,
  Version5_0 = 9,
  AllChannels = 7,
}

/** The methods that advertising adds to the instance. */
export interface Advertising {
  /**
   * Puts an advert on the air, or changes the one that is there, until `stopadvertise()` or `close()`. The bytes go out as they are. The
   * type follows by itself: connectable while a connection handler is registered, else scannable with a scan response, else neither.
   * @param advert 0 to 31 bytes: a Uint8Array, an array, or a string of characters 0 to 255
   * @param minAdInterval shortest interval in milliseconds, 20 to 10240; a controller older than 5.0 makes it 100 at least for an advert that
   *   is not connectable
   * @param maxAdInterval longest interval in milliseconds, not below the shortest
   * @param scanResponse the same form as the advert; none where it is left out or null
   * @throws BlimpError "argument"; "closed"
   */
  startadvertise(advert: Bytes, minAdInterval: number, maxAdInterval: number, scanResponse?: Bytes | null): void;
  /** Takes the advert off the air; no error where there is none. */
  stopadvertise(): void;
}

/** The advertiser, to other roles. */
export interface Advertiser extends Role {
  /** Whether connections are welcome, so that the advert should be connectable. */
  _welcome: boolean;
  /** What else may be on the air: 2 a scannable advert, 1 one that is neither; both: 3. */
  _beside: number;
  /** A connection has ended it; or may have, where that is `unsure`. */
  _stopped(unsure?: boolean): void;
}

/**
 * Adds the advertiser to a host, and its methods to the instance: LE Set Advertising Parameters, Data, Scan Response Data and Enable, Vol 4
 * Part E sections 7.8.5 to 7.8.9.
 */
export function addAdvertising(host: Host, instance: Advertising): Advertiser {
  // Wanted. Data and response as their commands take them: a length and 31 bytes.
  const data = new Uint8Array(Advert.Most + 1);
  const response = new Uint8Array(Advert.Most + 1);
  let on = false;
  let low = 0;
  let high = 0;
  // Actual, as far as the chip has answered; parameters as `wantedParameters` makes them, -1 unknown.
  let enabled = false;
  let parameters = -1;
  let dataSet = false;
  let responseSet = false;
  // It may be on though `enabled` says that it is not.
  let doubtful = false;
  // What the command under way will make of `enabled` or `parameters`.
  let becomes = 0;

  function units(ms: number): number {
    const interval = Math.round((ms * 8) / 5);
    return interval < Advert.Floor && !role._welcome && host._version < Advert.Version5_0 ? Advert.Floor : interval;
  }

  /** Type and intervals in one number. */
  function wantedParameters(): number {
    const type = role._welcome ? AdvertisingType.Connectable : response[0] && role._beside > 1 ? AdvertisingType.Scannable : AdvertisingType.NonConnectable;
    return (units(low) * 65536 + units(high)) * 4 + type;
  }

  /** Whether an advert with these parameters is to be on the air. */
  function allows(wanted: number): boolean {
    return on && !host._testing && (role._welcome || (role._beside & 1) > 0 || (wanted & 1) == 0);
  }

  function next(): boolean {
    const wanted = wantedParameters();
    const allowed = allows(wanted);
    const enable = allowed && wanted == parameters;
    if (!allowed && !enabled) return false;
    if (enabled != enable && (enabled || (dataSet && responseSet))) {
      becomes = enable ? 1 : 0;
      begin(host, Command.LeSetAdvertisingEnable);
      put8(host, becomes);
    } else if (!enable) {
      becomes = wanted;
      parameters = -1;
      begin(host, Command.LeSetAdvertisingParameters);
      put16(host, units(low));
      put16(host, units(high));
      put8(host, wanted & 3);
      put8(host, host._addresstype);
      // No peer: address type and address.
      putBytes(host, [0, 0, 0, 0, 0, 0, 0]);
      put8(host, Advert.AllChannels);
      put8(host, 0);
    } else if (!dataSet) {
      dataSet = true;
      begin(host, Command.LeSetAdvertisingData);
      putBytes(host, data);
    } else if (!responseSet) {
      responseSet = true;
      begin(host, Command.LeSetScanResponseData);
      putBytes(host, response);
    } else return false;
    return true;
  }

  function reset(): void {
    enabled = dataSet = responseSet = doubtful = false;
    parameters = -1;
  }

  function answer(status: number): boolean {
    const opcode = host._opcode;
    if (opcode == Command.LeSetAdvertisingEnable) {
      // A chip may refuse to make it what it is already.
      const same = status == Status.CommandDisallowed && (doubtful || !becomes);
      doubtful = false;
      if (same || !status) enabled = becomes > 0;
      else if (becomes) {
        // One that cannot be switched on may be on: it begins anew, from a chip that is switched off first.
        parameters = -1;
        enabled = true;
      }
      if (same) return true;
    } else if (opcode == Command.LeSetAdvertisingParameters) {
      if (!status) parameters = becomes;
      // That is what a chip says whose advert is on, whatever it has said before.
      else if (status == Status.CommandDisallowed) {
        enabled = true;
        if (doubtful) return true;
      }
    } else if (status && opcode == Command.LeSetAdvertisingData) dataSet = false;
    else if (status) responseSet = false;
    return !status;
  }

  /** What the application hands over, as its command takes it. */
  function parse(name: string, value: Bytes): Uint8Array {
    const bytes = toBytes(value) || reject("startadvertise", name, value, "bytes or a byte string");
    const parameters = new Uint8Array(Advert.Most + 1);
    parameters[0] = integer("startadvertise", name + ".length", bytes.length, 0, Advert.Most);
    parameters.set(bytes, 1);
    return parameters;
  }

  /** Takes over what is wanted; returns whether the chip has it already. */
  function take(wanted: Uint8Array, target: Uint8Array, set: boolean): boolean {
    for (let i = 0; i <= Advert.Most; i++) if (wanted[i] != target[i]) set = false;
    target.set(wanted);
    return set;
  }

  const role: Advertiser = {
    _name: "advertiser",
    _next: next,
    _answer: answer,
    _reset: reset,
    _welcome: false,
    _beside: 3,
    _stopped: function (unsure) {
      // What is to be off is switched off once more, what is to be on is switched on.
      enabled = unsure === true && !allows(wantedParameters());
      doubtful = unsure === true;
    },
  };
  host._advertiser = role;

  instance.startadvertise = function (advert, minAdInterval, maxAdInterval, scanResponse) {
    use(host, "startadvertise");
    const wanted = parse("advert", advert);
    const wantedResponse = parse("scanResponse", scanResponse == null ? "" : scanResponse);
    integer("startadvertise", "minAdInterval", minAdInterval, 20, 10240);
    integer("startadvertise", "maxAdInterval", maxAdInterval, minAdInterval, 10240);
    on = true;
    low = minAdInterval;
    high = maxAdInterval;
    dataSet = take(wanted, data, dataSet);
    responseSet = take(wantedResponse, response, responseSet);
    declared(host, role);
  };

  instance.stopadvertise = function () {
    on = false;
    declared(host, role);
  };

  return role;
}
