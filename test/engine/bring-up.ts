import { open } from "../../targets/jerryscript/beacon.js";
import { check, finish, same } from "./_check.js";
import { complete, createBench } from "./_chip.js";
import { createImage } from "./_image.js";

/** Each packet's indicator and opcode, the same ones in a row once. */
function outline(sent: string[]): string {
  let text = "";
  let last = "";
  for (let i = 0; i < sent.length; i++) {
    const head = sent[i].substr(2, 4);
    if (head != last) text += head + " ";
    last = head;
  }
  return text;
}

check("bring-up: firmware, from power to ready", function () {
  const bench = createBench({ revision: 0 });
  const image = createImage();
  let told: any = null;
  let done = 0;
  const bt = open(bench.hal, image, {
    baud: 921600,
    onready: function (info: any) {
      told = info;
    },
    onprogress: function (bytes: number) {
      done = bytes;
    },
  });
  bench.run(2000);
  same(outline(bench.sent), "030c 0110 18fc 2efc 4cfc 4efc 030c 0110 18fc 0210 140c 0910 6d0c 010c 0120 ", "commands");
  same(bench.rates.join(), "115200,921600,115200,921600", "rates");
  same(bench.sent[2], "0118fc06000000100e00", "change of rate");
  same(bench.sent.length, 3 + 1 + 33 + 1 + 9, "packets");
  same(done, image.length, "progress");
  same(told && told.revision, 508, "revision");
  same(told && told.address, "665544332211", "address");
  same(bt.address(), "665544332211", "address()");
  bt.close();
  bench.run(1);
  same(bench.timers(), 0, "timers");
  same(bench.isOpen(), false, "UART");
});

check("bring-up: any controller, without firmware", function () {
  const bench = createBench({ revision: 0 });
  let warned = "";
  const bt = open(bench.hal, null, {
    onwarning: function (warning: any) {
      warned += warning.code;
    },
  });
  bench.run(2000);
  same(outline(bench.sent), "030c 0110 0210 140c 0910 6d0c 010c 0120 ", "commands");
  same(warned, "rom", "warning");
  bt.close();
});

check("bring-up: a record that is refused, told with its number after three tries", function () {
  const bench = createBench({ revision: 0 });
  const standard = bench.answer;
  let writes = 0;
  let failed: any = null;
  bench.answer = function (opcode, packet) {
    if (opcode == 0xfc2e) writes = 0;
    if (opcode == 0xfc4c && ++writes == 3) bench.reply(complete(opcode, "12", ""));
    else standard(opcode, packet);
  };
  open(bench.hal, createImage(), {
    onerror: function (error: any) {
      failed = error;
    },
  });
  bench.run(10000);
  same(failed && failed.code, "record", "code");
  same(failed && failed.detail, 2, "record");
  same(bench.isOpen(), false, "UART");
  same(bench.timers(), 0, "timers");
});

check("bring-up: silence, and another try that works", function () {
  const bench = createBench({ revision: 508 });
  const standard = bench.answer;
  let failed = "";
  let ready = 0;
  bench.answer = function () {};
  open(bench.hal, null, {
    onerror: function (error: any) {
      failed = error.code + " " + error.step;
    },
  });
  bench.run(20000);
  same(failed, "no-answer reset", "error");
  bench.answer = standard;
  const bt = open(bench.hal, null, {
    onready: function () {
      ready++;
    },
  });
  bench.run(2000);
  same(ready, 1, "ready");
  bt.close();
});

finish();
