import type { Connection } from "../../../core/connection.js";
import { adFlags, adJoin, adServices } from "../../../core/gap/ad.js";
import { Phone, type Air, type PhoneError } from "../../../hal/mock/index.js";
import { explainReason, formatPeer } from "../report/happening.js";
import { printable } from "../report/printable.js";
import type { Report } from "../report/report.js";
import { createGuard, peerOf } from "./serving.js";
import type { Session } from "./session.js";

/** The Wi-Fi refresh service of imp's guide: the name of a network, its password, and what has them applied. */
const SERVICE = "fada47bec45548c9a5f2af7cf368d719";
const SSID = "5eba195632d347c681a6a7e59f18dac0";
const PASSWORD = "ed694ab947564528aa3a799a4fd11117";
const TRIGGER = "f299c3428a8a4544ac4208c841737b1b";

/** What the phone's user wants. */
const WANTED = { ssid: "Blimp Hangar", password: "lighter than air" };

/** General discoverable, no BR/EDR. */
const FLAGS = 6;

/** ms between adverts; how long the phone's user takes to type a code. */
const INTERVAL = 100;
const TYPING = 1500;

/**
 * The Wi-Fi refresh on a virtual air, at security level 4: the device shows its code, and a phone, whose user types it, finds the service, writes name
 * and password, and has them applied; the device says what it would do.
 * @param session of the device: its instance is up, has no advert, and no code has been set
 */
export function refreshWifi({ bt, elapsed, end }: Session, guard: ReturnType<typeof createGuard>, air: Air, report: Report): void {
  const settings = { ssid: "", password: "" };
  let failed = false;

  function say(who: string, text: string): void {
    report.said({ ms: elapsed(), who, text });
  }

  function take(name: keyof typeof settings): { write(connection: unknown, value: Uint8Array): void } {
    return {
      write(_, value) {
        settings[name] = Buffer.from(value).toString("latin1");
      },
    };
  }

  guard.show();
  bt.servegatt([
    {
      uuid: SERVICE,
      chars: [
        { uuid: SSID, ...take("ssid") },
        { uuid: PASSWORD, ...take("password") },
        {
          uuid: TRIGGER,
          write(connection) {
            say("device", `would join "${printable(settings.ssid, false)}", password ${"#".repeat(settings.password.length)}`);
            // The answer to the write goes out first.
            connection.close();
          },
        },
      ],
    },
  ]);
  bt.onconnect((connection: Connection) => {
    report.happened({ ms: elapsed(), ...peerOf(connection), what: "connect", security: connection.security() });
    connection.onclose((reason) => report.happened({ ms: elapsed(), ...peerOf(connection), what: "close", reason, why: explainReason(reason) }));
  });
  bt.startadvertise(adJoin([adFlags(FLAGS), adServices([SERVICE])]), INTERVAL, INTERVAL);

  const phone = new Phone(air, {
    pairing: {
      userdelay: TYPING,
      passkey: () => {
        // What the user reads off the device.
        const code = bt.getsecuritycode();
        say("phone", "its user types the code");
        return code;
      },
    },
  });
  const { start } = phone;

  /** Goes on, unless something has failed: then the demonstration is over. */
  function then(go: () => void): (error: PhoneError | null) => void {
    return (error) => {
      if (failed) return;
      if (error === null) return go();
      failed = true;
      process.exitCode = 1;
      say("phone", error.message);
      end();
    };
  }

  phone.ondisconnected = () => {
    if (failed) return;
    say("phone", "the device has ended the connection");
    end();
  };
  say("phone", "looks for the Wi-Fi service");
  start.connect(
    { service: SERVICE },
    then(() => {
      say("phone", `has found it, and is connected to ${formatPeer({ address: bt.address()!, addresstype: 0 })}`);
      start.discover(
        then(() => {
          say("phone", `writes the network's name, "${WANTED.ssid}"`);
          start.write(
            SSID,
            WANTED.ssid,
            then(() => {
              say("phone", `writes the password, ${"#".repeat(WANTED.password.length)}`);
              start.write(
                PASSWORD,
                WANTED.password,
                then(() => {
                  say("phone", "has both applied");
                  start.write(TRIGGER, "", then(() => {}));
                }),
              );
            }),
          );
        }),
      );
    }),
  );
}
