import { addGatt } from "../../core/gatt/server.js";
import { check, finish, same } from "./_check.js";
import { createStation, type Station } from "./_station.js";

const ALPHABET = "6162636465666768696a6b6c6d6e6f707172737475767778797a";

/**
 * Behind Generic Access (handles 1 to 7) and Generic Attribute (8 to 11) a service at 12 with three values: 14 is read, 16 written, 18 is longer than
 * the MTU and has a UUID of 128 bits.
 */
function serve(mtu: number, written: string[]): Station {
  const station = createStation([addGatt], { mtu: mtu });
  const bt = station.instance;
  bt.servegatt([
    {
      uuid: 0x180f,
      chars: [
        { uuid: 0x2a19, value: "\x63" },
        {
          uuid: 0x2a1a,
          flags: 0x0c,
          write: function (_connection: any, value: Uint8Array) {
            let text = "";
            for (let i = 0; i < value.length; i++) text += String.fromCharCode(value[i]);
            written.push(text);
            return value[0] == 33 ? 0x81 : 0;
          },
        },
        { uuid: "00112233-4455-6677-8899-aabbccddeeff", value: "abcdefghijklmnopqrstuvwxyz" },
      ],
    },
  ]);
  return station;
}

/** Sends each request and compares what comes back: name, request, answer. */
function talk(station: Station, lines: string[]): void {
  for (let i = 0; i < lines.length; i += 3) same(station.att(lines[i + 1]), lines[i + 2], lines[i]);
}

check("att: what is there", function () {
  talk(serve(23, []), [
    "services", "100100ffff0028", "1106" + "010007000018" + "08000b000118" + "0c0012000f18",
    "one service", "060100ffff00280f18", "070c001200",
    "characteristics", "080c0012000328", "0907" + "0d00020e00192a" + "0f000c10001a2a",
    "the one of another length", "08110012000328", "0915" + "1100021200" + "ffeeddccbbaa99887766554433221100",
    "types", "040d001000", "0501" + "0d0003280e00192a" + "0f00032810001a2a",
    "a type of 128 bits", "0412001200", "0502" + "1200" + "ffeeddccbbaa99887766554433221100",
    "behind the end", "101300ffff0028", "011013000a",
    "no group", "100100ffff0328", "0110010010",
  ]);
});

check("att: reading", function () {
  talk(serve(23, []), [
    "read", "0a0e00", "0b63",
    "as much as fits", "0a1200", "0b" + ALPHABET.substr(0, 44),
    "the rest", "0c12001600", "0d" + ALPHABET.substr(44),
    "nothing at the end", "0c12001a00", "0d",
    "behind it", "0c12001b00", "010c120007",
    "several", "0e0e001200", "0f63" + ALPHABET.substr(0, 42),
    "several with their lengths", "200e001200", "21" + "010063" + "1a00" + ALPHABET.substr(0, 34),
    "by type", "080100ffff192a", "0903" + "0e0063",
    "not to be read", "0a1000", "010a100002",
  ]);
});

check("att: writing", function () {
  const written: string[] = [];
  const station = serve(23, written);
  talk(station, [
    "write", "1210004142", "13",
    "refused by the application", "12100021", "0112100081",
    "not to be written", "120e0001", "01120e0003",
    "command", "52100043", "",
    "first part", "161000000044", "171000000044",
    "second part", "1610000100454600", "1710000100454600",
    "execute", "1801", "19",
    "a part with a gap before it", "161000050047", "171000050047",
    "refused as a whole", "1801", "0118100007",
    "cancel", "1800", "19",
  ]);
  same(written.join(), "AB,!,C,DEF\0", "written");
});

check("att: mistakes", function () {
  const station = serve(23, []);
  talk(station, [
    "handle 0", "0a0000", "010a000001",
    "no such handle", "0a1300", "010a130001",
    "a range backwards", "0402000100", "0104020001",
    "too short", "0a0e", "010a000004",
    "no such request", "3e00", "013e000006",
    "no such command", "7e00", "",
    "an answer to nothing", "0b63", "",
    "and it goes on", "0a0e00", "0b63",
  ]);
});

check("att: MTU, and frames in fragments both ways", function () {
  const written: string[] = [];
  const station = serve(64, written);
  talk(station, ["MTU", "02f700", "034000", "whole now", "0a1200", "0b" + ALPHABET, "a long write", "121000" + ALPHABET + ALPHABET, "13"]);
  same(written[0].length, 52, "bytes written");
  // Answer: 1 + 26 bytes behind the frame's 4, in buffers of 27.
  same(station.packets[1], "0240001b00" + "1b000400" + "0b" + ALPHABET.substr(0, 44), "first fragment");
  same(station.packets[2], "0240100400" + ALPHABET.substr(44), "second fragment");
});

finish();
