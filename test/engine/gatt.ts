import { addGatt } from "../../core/gatt/server.js";
import { check, finish, same } from "./_check.js";
import { createStation, type Station } from "./_station.js";

/** A value at 14 with its configuration at 15, and one at 17 that is made when it is read. */
function serve(then: (station: Station, bt: any, told: string[]) => void): void {
  const station = createStation([addGatt]);
  const bt = station.instance;
  const told: string[] = [];
  bt.servegatt([
    {
      uuid: 0x180d,
      chars: [
        {
          uuid: 0x2a37,
          flags: 0x30,
          subscribe: function (_connection: any, on: number) {
            told.push("subscribed " + on);
          },
        },
        {
          uuid: 0x2a38,
          read: function (_connection: any, reply: any) {
            told.push("read");
            station.bench.hal.timer.set(10, function () {
              reply("late");
            });
            return bt.LATER;
          },
        },
      ],
    },
  ]);
  then(station, bt, told);
}

check("gatt: notifications to who wants them", function () {
  serve(function (station, bt, told) {
    same(bt.handle(0x180d, 0x2a37), 14, "handle");
    same(bt.notify(0x2a37, "a"), true, "nobody has subscribed");
    station.bench.run(3);
    same(station.taken("0400"), "", "nothing");
    same(station.att("120f000200"), "13", "indications");
    same(station.att("120f000100"), "13", "notifications instead");
    same(station.att("0a0f00"), "0b0100", "configuration");
    same(station.att("120f000400"), "01120f00fd", "what it lacks");
    bt.notify(0x2a37, "bc");
    bt.notify(14, "d");
    station.bench.run(3);
    same(station.taken("0400"), "1b0e006263,1b0e0064", "notified");
    same(told.join(), "subscribed 2,subscribed 1", "told");
  });
});

check("gatt: no room, and room again", function () {
  serve(function (station, bt) {
    let room = 0;
    bt.onroom(function () {
      room++;
    });
    same(station.att("120f000100"), "13", "subscribe");
    let sent = 0;
    while (bt.notify(14, "abcdefghijklmnopqrst")) sent++;
    // Two in the controller, four waiting.
    same(sent, 6, "taken");
    same(room, 0, "no room yet");
    station.bench.run(10);
    same(room > 0, true, "room");
    same(station.taken("0400").length, 6 * 46 + 5, "sent");
  });
});

check("gatt: an indication is confirmed before the next", function () {
  serve(function (station, bt) {
    let confirmed = 0;
    same(station.att("120f000200"), "13", "subscribe");
    bt.notify(14, "x", null, function (error: any) {
      if (!error) confirmed++;
    });
    same(bt.notify(14, "y"), false, "the next one");
    station.bench.run(3);
    same(station.taken("0400"), "1d0e0078", "indicated");
    same(confirmed, 0, "not yet");
    same(station.att("1e"), "", "confirmed");
    same(confirmed, 1, "done");
    same(bt.notify(14, "y"), true, "the next one now");
  });
});

check("gatt: an answer that comes later", function () {
  serve(function (station, _bt, told) {
    same(station.att("0a1100"), "", "nothing yet");
    station.bench.run(20);
    same(station.taken("0400"), "0b6c617465", "late");
    same(told[0], "read", "asked");
  });
});

check("gatt: another table, and who wants to know of it", function () {
  serve(function (station, bt) {
    same(station.att("120b000200"), "13", "Service Changed");
    bt.servegatt([{ uuid: 0x180f, chars: [{ uuid: 0x2a19, value: "c" }] }]);
    station.bench.run(3);
    same(station.taken("0400"), "1d0a00" + "0c00ffff", "changed from 12 on");
    same(station.att("1e"), "", "confirmed");
    same(station.att("0a0e00"), "0b63", "the new value");
    same(station.att("0a1100"), "010a110001", "the old one");
  });
});

check("gatt: the end of a connection, with an indication under way", function () {
  serve(function (station, bt) {
    let ended = "";
    same(station.att("120f000200"), "13", "subscribe");
    bt.notify(14, "x", null, function (error: any) {
      ended = error.code;
    });
    station.disconnect();
    station.bench.run(3);
    same(ended, "disconnected", "told");
    same(bt.notify(14, "x"), true, "nobody is there");
  });
});

finish();
