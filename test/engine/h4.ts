import { check, finish, same } from "./_check.js";
import { complete } from "./_chip.js";
import { createReady } from "./_beacon.js";

/** Counters of one run over bytes that come in pieces of `size`. */
function feed(digits: string, size: number): any {
  const ready = createReady();
  const before = ready.bt.counters();
  for (let i = 0; i < digits.length; i += 2 * size) ready.bench.reply(digits.substr(i, 2 * size));
  const after = ready.bt.counters();
  ready.bt.close();
  for (const name in after) after[name] -= before[name];
  return after;
}

const EVENT = "04ff03010203";

check("h4: whole packets, split ones and joined ones", function () {
  for (let size = 1; size < 20; size++) {
    const seen = feed(EVENT + EVENT + "043e0299aa" + EVENT, size);
    same(seen.received, 4, "received in pieces of " + size);
    same(seen.resyncs, 0, "resyncs");
  }
});

check("h4: Broadcom's extras", function () {
  let diagnostic = "07";
  for (let i = 0; i < 63; i++) diagnostic += "04";
  const seen = feed("00" + EVENT + "31" + diagnostic + "34" + EVENT, 7);
  same(seen.received, 3, "received");
  same(seen.resyncs, 0, "resyncs");
});

check("h4: the ring goes round", function () {
  let digits = "";
  for (let i = 0; i < 200; i++) digits += EVENT;
  const seen = feed(digits, 11);
  same(seen.received, 200, "received");
  same(seen.overruns, 0, "overruns");
});

check("h4: noise, then in step again after a chain of packets", function () {
  const ready = createReady();
  ready.bench.reply("ff" + EVENT + EVENT + EVENT + EVENT);
  ready.bench.run(5);
  const seen = ready.bt.counters();
  same(seen.resyncs, 1, "resyncs");
  same(ready.bench.sent[0], "01011000", "the chip is asked whether it is there");
  same(ready.errors.length, 0, "errors");
  ready.bt.close();
});

check("h4: a packet that stands still has lost bytes", function () {
  const ready = createReady();
  ready.bench.reply("040e0401");
  ready.bench.run(500);
  same(ready.bt.counters().resyncs, 1, "resyncs");
  same(ready.bench.sent[0], "01011000", "the chip is asked whether it is there");
  ready.bench.reply(complete(0x1234, "00", ""));
  same(ready.bt.counters().late, 1, "a whole packet is understood again");
  ready.bt.close();
});

check("h4: what is sent", function () {
  const ready = createReady();
  ready.bt.startadvertise("\x02\x01\x06", 100, 100);
  ready.bench.run(50);
  let zeros = "";
  while (zeros.length < 56) zeros += "00";
  same(ready.bench.sent[0], "0106200fa000a0000300000000000000000700", "parameters");
  same(ready.bench.sent[1], "0108202003020106" + zeros, "data");
  same(ready.bench.sent[2], "0109202000000000" + zeros, "response");
  same(ready.bench.sent[3], "010a200101", "enable");
  ready.bt.close();
  same(ready.bench.sent[ready.bench.sent.length - 1], "01030c00", "last");
  ready.bench.run(1);
  same(ready.bench.timers(), 0, "timers");
});

finish();
