import { open } from "../../targets/jerryscript/observer.js";
import { check, finish, same } from "./_check.js";
import { createBench, type Bench } from "./_chip.js";

/** Two reports in one event: the iBeacon prefix at -60 dBm, and an empty one of unknown strength. */
const EVENT = "043e1902020301563412eeffc003010203c40000112233445566007f";

function ready(then: (bench: Bench, bt: any) => void): void {
  const bench = createBench({ revision: 508 });
  const bt = open(bench.hal, null);
  bench.run(1000);
  bench.sent.splice(0);
  then(bench, bt);
  bt.close();
}

check("scan: commands, and a change while it runs", function () {
  ready(function (bench, bt) {
    bt.startscan(function () {});
    bench.run(10);
    same(bench.sent.join(), "010b2007001000100000" + "00,010c20020100", "start");
    bench.sent.splice(0);
    bt.setscanparams(true, 200, 100);
    bench.run(10);
    same(bench.sent.join(), "010c20020000,010b2007014001a0000000,010c20020100", "change");
    bench.sent.splice(0);
    bt.stopscan();
    bt.stopscan();
    bench.run(10);
    same(bench.sent.join(), "010c20020000", "stop");
  });
});

check("scan: adverts", function () {
  ready(function (bench, bt) {
    let batches = 0;
    let got: any[] = [];
    bt.startscan(function (adverts: any[]) {
      batches++;
      got = adverts;
    });
    bench.run(10);
    bench.reply(EVENT);
    same(batches, 1, "batches");
    same(got.length, 2, "adverts");
    same(got[0].type, 3, "type");
    same(got[0].rssi, -60, "rssi");
    same(got[0].address, "c0ffee123456", "address");
    same(got[0].addresstype, 1, "addresstype");
    same(got[0].data.length, 3, "length");
    same(got[0].data[2], 3, "data");
    same(got[0].rule, 0, "rule");
    same(got[1].rssi, 127, "unknown rssi");
    same(got[1].address, "665544332211", "address");
  });
});

check("scan: changes from within the callback, and an end that is one", function () {
  ready(function (bench, bt) {
    let calls = 0;
    bt.startscan(function () {
      calls++;
      bt.setscanfilter([{ type: 0 }]);
      bt.setscanparams(true, 100, 100);
      bt.startscan(function (adverts: any[]) {
        calls += 10 * adverts.length;
        bt.stopscan();
      });
    });
    bench.run(10);
    bench.reply(EVENT);
    same(calls, 1, "calls");
    bench.reply(EVENT + EVENT);
    bench.run(10);
    same(calls, 21, "calls");
    bench.reply(EVENT);
    same(calls, 21, "calls after the end");
  });
});

check("scan: collected adverts, and reports in place", function () {
  ready(function (bench, bt) {
    let got: any[] = [];
    bt.setscanfilter([{ collect: 1 }]);
    bt.startscan(function (adverts: any[]) {
      got = got.concat(adverts);
    });
    bench.run(10);
    bench.reply(EVENT + EVENT);
    bench.run(900);
    same(got.length, 0, "adverts before the time");
    bench.run(200);
    same(got.length, 2, "adverts after it");
    let raw = "";
    bt.startrawscan(function (bytes: Uint8Array, at: number, rule: number) {
      raw += bytes[at] + "/" + bytes[at + 8] + "/" + rule + " ";
    });
    bench.reply(EVENT);
    same(raw, "3/3/0 0/0/0 ", "raw");
  });
});

check("scan: damaged reports", function () {
  ready(function (bench, bt) {
    let got = 0;
    bt.startscan(function (adverts: any[]) {
      got += adverts.length;
    });
    bench.run(10);
    bench.reply("043e020203" + "043e0c02010000112233445566057f" + "043e0202ff" + "043e0102");
    bench.reply(EVENT);
    same(got, 2, "adverts");
    same(bt.counters().malformed, 4, "malformed");
    same(bt.counters().resyncs, 0, "resyncs");
  });
});

finish();
