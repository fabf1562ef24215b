import { get16 } from "../bytes/bytes.js";
import { later } from "../connection.js";
import { callable, failure, integer } from "../errors.js";
import { Command, Status } from "../hci/codes.js";
import { begin, put8 } from "../hci/commands.js";
import { declared, use, type Host, type Role } from "../host.js";

/** The methods that the direct test mode adds to the instance. */
export interface DirectTesting {
  /**
   * Sends test packets, one after the other on one channel without hopping, until `testend()` or another test: what a laboratory measures power,
   * spectrum and drift by. What is on the air goes off it first and comes back when the test has ended: the advert and the scan.
   * @param channel 0 to 39, by frequency: 2402 MHz + 2 MHz * channel. These are not the numbers of the Link Layer's channels
   * @param length of the payload, 0 to 255 bytes; a controller before version 4.2 takes 37 at most, and refuses more
   * @param payload what it holds, as Vol 6 Part F section 4.1.5 numbers it: 0 PRBS9, 1 11110000, 2 10101010, 3 PRBS15, 4 11111111, 5 00000000,
   *   6 00001111, 7 01010101, in the order of the bits on the air
   * @param callback gets null when the test has begun; or a BlimpError: "refused" (its `detail` is the HCI status; the test is not tried again),
   *   "no-answer", "cancelled". Without it `onerror` hears of the first two
   * @throws BlimpError "argument"; "busy" where there is a connection, or one is being made; "closed"
   */
  testtransmit(channel: number, length: number, payload: number, callback?: (error: Error | null) => void): void;
  /**
   * Receives and counts test packets on one channel, as `testtransmit` sends them. The rest is as there.
   * @throws BlimpError "argument"; "busy"; "closed"
   */
  testreceive(channel: number, callback?: (error: Error | null) => void): void;
  /**
   * Ends the test; no error where there is none. The advert and the scan go on.
   * @param callback gets null and how many packets have been received, 0 to 65535 (0 for a test that sends); or a BlimpError: "restarted" where
   *   the chip had to be restarted meanwhile, so that the test had a gap and the number is only what has come since; "refused", "no-answer"
   * @throws BlimpError "argument"; "busy" where the end of the last test is still under way; "closed"
   */
  testend(callback?: (error: Error | null, packets?: number) => void): void;
}

const enum Channel {
  Most = 39,
}

/** A test: its command with its parameters; who waits for its beginning. */
interface Test {
  readonly _opcode: number;
  readonly _parameters: number[];
  _onbegun?: ((error: Error | null) => void) | null;
}

/**
 * Adds the direct test mode (Vol 6 Part F) to a host, and its methods to the instance: LE Receiver Test, LE Transmitter Test and LE Test End, Vol 4 Part E
 * sections 7.8.28 to 7.8.30. It is to be the last of the parts: a role that is asked last is asked when the others have left the air.
 */
export function addDirectTest(host: Host, instance: DirectTesting): Role {
  let wanted: Test | null = null;
  // Actual, as far as the chip has answered; a command has got no answer, so that nobody knows.
  let running: Test | null = null;
  let unsure = false;
  // Whose command is under way.
  let asked: Test | null = null;
  // Who waits for the end; the chip has been restarted in the midst of it.
  let onend: ((error: Error | null, packets?: number) => void) | null = null;
  let broken = false;

  /** The test has begun, or will not. */
  function begun(test: Test | null, error: Error | null): boolean {
    const callback = test && test._onbegun;
    if (callback) test._onbegun = null;
    later(host, callback, error);
    return !!callback;
  }

  /** The test is over; nothing else has the radio until it is told so. */
  function over(error: Error | null, packets: number): void {
    const callback = onend;
    onend = null;
    host._testing = !!wanted;
    later(host, callback, error, packets);
  }

  function ended(status: number, bytes: Uint8Array, at: number, length: number): boolean {
    if (status < 0 && role._unanswered) {
      unsure = true;
      return false;
    }
    // It has ended with the command whose answer was lost, and its number with that; or it never began.
    if (unsure && status == Status.CommandDisallowed) status = Status.NoAnswer;
    running = null;
    unsure = false;
    over(status ? failure(status < 0 ? "no-answer" : "refused", "testend", status) : broken ? failure("restarted", "testend", 0) : null, status || length < 2 ? 0 : get16(bytes, at));
    return true;
  }

  const role: Role = {
    _name: "test",
    _next: function () {
      if (unsure || (running && running != wanted)) {
        begin(host, Command.LeTestEnd);
        return true;
      }
      // A connection that was made in the last moment comes to its end first.
      if (!wanted || running || (host._links && host._links.length)) return false;
      asked = wanted;
      begin(host, asked._opcode);
      for (let i = 0; i < asked._parameters.length; i++) put8(host, asked._parameters[i]);
      return true;
    },
    _answer: function (status, bytes, at, length) {
      const test = asked;
      asked = null;
      if (host._opcode == Command.LeTestEnd) return ended(status, bytes, at, length);
      if (!status) {
        running = test;
        begun(test, null);
        return true;
      }
      unsure = status < 0;
      if (unsure && role._unanswered) return false;
      if (wanted == test) wanted = null;
      // Where it may be running all the same its end follows.
      if (!unsure) over(null, 0);
      return begun(test, failure(unsure ? "no-answer" : "refused", "test", status));
    },
    _reset: function () {
      if (running || unsure) broken = true;
      running = asked = null;
      unsure = false;
      if (onend) over(failure("restarted", "testend", 0), 0);
      host._testing = !!wanted;
    },
  };

  function start(method: string, opcode: number, parameters: number[], callback: Test["_onbegun"]): void {
    if (callback) callable(method, "callback", callback);
    if (host._seeking || (host._links && host._links.length)) throw failure("busy", method, 0, "there is a connection, or one is being made");
    begun(wanted, failure("cancelled", method, 0));
    wanted = { _opcode: opcode, _parameters: parameters, _onbegun: callback };
    host._testing = true;
    broken = false;
    declared(host, role);
  }

  if (!host._later) host._later = [];
  instance.testtransmit = function (channel, length, payload, callback) {
    const method = "testtransmit";
    use(host, method);
    integer(method, "channel", channel, 0, Channel.Most);
    integer(method, "length", length, 0, 255);
    integer(method, "payload", payload, 0, 7);
    start(method, Command.LeTransmitterTest, [channel, length, payload], callback);
  };
  instance.testreceive = function (channel, callback) {
    use(host, "testreceive");
    start("testreceive", Command.LeReceiverTest, [integer("testreceive", "channel", channel, 0, Channel.Most)], callback);
  };
  instance.testend = function (callback) {
    use(host, "testend");
    if (callback) callable("testend", "callback", callback);
    if (onend) throw failure("busy", "testend", 0, "the end of the last test is still under way");
    begun(wanted, failure("cancelled", "testend", 0));
    wanted = null;
    onend = callback || null;
    if (!running && !unsure && !asked) over(null, 0);
    declared(host, role);
  };
  return role;
}
