import { addClient } from "../../core/gatt/client.js";
import type { Host } from "../../core/host.js";
import { check, finish, same } from "./_check.js";
import { createStation, type Station } from "./_station.js";

/** The peer has Generic Attribute with nothing in it, and a battery service: requests and answers of a discovery. */
const DISCOVERY = [
  // Database Hash; primary and secondary services; inclusions; characteristics; descriptors.
  "080100ffff2a2b", "010801000a",
  "100100ffff0028", "1106" + "01000f000118" + "1000ffff0f18",
  "100100ffff0128", "011001000a",
  "080100ffff0228", "010801000a",
  "080100ffff0328", "0907" + "1100121200192a",
  "081200ffff0328", "010812000a",
  "041300ffff", "0501" + "13000229",
  "041400ffff", "010414000a",
];

/** What the server does for the client: hands it what comes in. */
function addDoor(host: Host): void {
  host._att = function (_host, link, bytes, at, length) {
    host._askers[0](link, bytes, at, length);
  };
}

interface Asked {
  station: Station;
  connection: any;
}

function connected(): Asked {
  const station = createStation([addDoor, addClient]);
  return { station: station, connection: station.link };
}

/** The peer: each request that is to come, and its answer. */
function answer(asked: Asked, lines: string[]): void {
  for (let i = 0; i < lines.length; i += 2) {
    asked.station.bench.run(3);
    same(asked.station.taken("0400"), lines[i], "request " + i / 2);
    asked.station.frame("0400", lines[i + 1]);
  }
  asked.station.bench.run(3);
  same(asked.station.taken("0400"), "", "nothing more");
}

check("client: discovery", function () {
  const asked = connected();
  let found: any = null;
  asked.connection.discover(function (error: any, services: any) {
    found = error || services;
  });
  answer(asked, DISCOVERY);
  same(found.length, 2, "services");
  same(found[1].uuid, "180f", "service");
  same(found[1].handle + "-" + found[1].end, "16-65535", "its handles");
  same(found[1].chars.length, 1, "characteristics");
  same(found[1].chars[0].uuid + " " + found[1].chars[0].handle + " " + found[1].chars[0].flags, "2a19 18 18", "characteristic");
  same(found[1].chars[0].descriptors[0].uuid + " " + found[1].chars[0].descriptors[0].handle, "2902 19", "descriptor");
});

check("client: values", function () {
  const asked = connected();
  const got: string[] = [];
  asked.connection.read(3, function (error: any, value: Uint8Array) {
    got.push(error ? error.code : value.length + ":" + value[0] + ":" + value[value.length - 1]);
  });
  asked.connection.write(3, "abc", function (error: any) {
    got.push(error ? error.code + error.detail : "written");
  });
  asked.connection.write(4, "abc", function (error: any) {
    got.push(error ? error.code + error.detail : "written");
  });
  const long = "41424242424242424242424242424242424242424343";
  answer(asked, [
    // Full: there may be more.
    "0a0300", "0b" + long,
    "0c03001600", "0d4445",
    "120300616263", "13",
    "120400616263", "0112040003",
  ]);
  same(got.join(), "24:65:69,written,att3", "results");
});

check("client: subscribing, and what comes of it", function () {
  const asked = connected();
  const got: string[] = [];
  asked.connection.discover(function () {});
  answer(asked, DISCOVERY);
  asked.connection.subscribe("2a19", function (value: Uint8Array) {
    got.push("" + value[0]);
  }, function (error: any) {
    got.push(error ? error.code : "subscribed");
  });
  answer(asked, ["1213000100", "13"]);
  asked.station.frame("0400", "1b120063");
  asked.station.frame("0400", "1d120064");
  asked.station.bench.run(3);
  same(asked.station.taken("0400"), "1e", "the indication is confirmed");
  same(got.join(), "subscribed,99,100", "values");
});

check("client: no answer, a wrong one, and the end of the connection", function () {
  const asked = connected();
  const got: string[] = [];
  function tell(error: any): void {
    got.push(error ? error.code : "read");
  }
  asked.connection.read(3, tell);
  answer(asked, ["0a0300", "0d0102"]);
  same(got.join(), "malformed", "another answer");
  asked.connection.read(3, tell);
  asked.connection.read(4, tell);
  asked.station.bench.run(3);
  same(asked.station.taken("0400"), "0a0300", "one at a time");
  asked.station.disconnect();
  asked.station.bench.run(3);
  same(got.join(), "malformed,disconnected,disconnected", "all have ended");
});

finish();
