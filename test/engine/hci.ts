import { check, finish, same } from "./_check.js";
import { complete } from "./_chip.js";
import { createReady } from "./_beacon.js";

check("hci: one command at a time", function () {
  const ready = createReady();
  const bench = ready.bench;
  bench.answer = function () {};
  ready.bt.startadvertise("a", 100, 100);
  same(bench.sent.length, 1, "commands before an answer");
  bench.reply(complete(0x2006, "00", ""));
  same(bench.sent.length, 2, "commands after it");
  ready.bt.close();
});

check("hci: no credit, then a NOP that gives one", function () {
  const ready = createReady();
  const bench = ready.bench;
  bench.answer = function () {};
  ready.bt.startadvertise("a", 100, 100);
  bench.reply("040e0400062000");
  same(bench.sent.length, 1, "commands without a credit");
  bench.reply("040e03010000");
  same(bench.sent.length, 2, "commands with one");
  ready.bt.close();
});

check("hci: late, unknown and short answers do no harm", function () {
  const ready = createReady();
  const bench = ready.bench;
  bench.answer = function () {};
  ready.bt.startadvertise("a", 100, 100);
  bench.reply(complete(0x2008, "00", "") + "040e0101" + "040f0100" + "0400" + "040f0400010820");
  same(bench.sent.length, 1, "commands");
  bench.reply(complete(0x2006, "00", ""));
  bench.run(3000);
  same(ready.bt.counters().late > 0, true, "late answers counted");
  ready.bt.close();
});

check("hci: a command without an answer, and a chip that is there all the same", function () {
  const ready = createReady();
  const bench = ready.bench;
  const standard = bench.answer;
  let deaf = true;
  bench.answer = function (opcode, packet) {
    if (opcode == 0x2006 && deaf) deaf = false;
    else standard(opcode, packet);
  };
  ready.bt.startadvertise("a", 100, 100);
  bench.run(2100);
  same(ready.bt.counters().timeouts, 1, "timeouts");
  same(bench.sent[1], "01011000", "the chip is asked");
  same(bench.sent[bench.sent.length - 1], "010a200101", "the advert is on in the end");
  same(ready.errors.length, 0, "errors");
  ready.bt.close();
});

check("hci: a refused command is told once and tried again later", function () {
  const ready = createReady();
  const bench = ready.bench;
  bench.answer = function (opcode) {
    bench.reply(complete(opcode, opcode == 0x2008 ? "12" : "00", ""));
  };
  ready.bt.startadvertise("a", 100, 100);
  bench.run(900);
  const before = bench.sent.length;
  bench.run(20);
  same(bench.sent.length, before, "quiet");
  bench.run(8000);
  same(ready.errors.join(), "refused", "errors");
  same(bench.sent.length > before, true, "tried again");
  ready.bt.close();
});

finish();
