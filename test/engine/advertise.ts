import { check, finish, same } from "./_check.js";
import { createReady } from "./_beacon.js";

const BEACON = "\x02\x01\x06\x1a\xff\x4c\x00\x02\x15\x92\x77\x83\x0a\xb2\xeb\x49\x0f\xa1\xdd\x7f\xe3\x8c\x49\x2e\xde\x00\x01\x00\x02\xc5";
const DATA = "0108202" + "01e0201061aff4c0002159277830ab2eb490fa1dd7fe38c492ede00010002c500";

check("advertise: the iBeacon, byte for byte", function () {
  const ready = createReady();
  ready.bt.startadvertise(BEACON, 100, 100);
  ready.bench.run(10);
  same(ready.bench.sent[0], "0106200fa000a0000300000000000000000700", "parameters");
  same(ready.bench.sent[1], DATA, "data");
  same(ready.bench.sent[3], "010a200101", "enable");
  ready.bt.close();
});

check("advertise: new data do not take it off the air", function () {
  const ready = createReady();
  ready.bt.startadvertise(BEACON, 100, 100);
  ready.bench.run(10);
  ready.bench.sent.splice(0);
  ready.bt.startadvertise("abc", 100, 100);
  ready.bench.run(10);
  same(ready.bench.sent.length, 1, "commands");
  same(ready.bench.sent[0].substr(0, 16), "0108202003616263", "data");
  ready.bt.startadvertise("abc", 200, 300, "xyz");
  ready.bench.run(10);
  same(ready.bench.sent[1], "010a200100", "off");
  same(ready.bench.sent[2], "0106200f4001e0010200000000000000000700", "parameters");
  same(ready.bench.sent[3].substr(0, 16), "0109202003" + "78797a", "response");
  same(ready.bench.sent[4], "010a200101", "on");
  ready.bt.stopadvertise();
  ready.bt.stopadvertise();
  ready.bench.run(10);
  same(ready.bench.sent.length, 6, "commands");
  same(ready.bench.sent[5], "010a200100", "off");
  ready.bt.close();
});

check("advertise: bad arguments", function () {
  const ready = createReady();
  const wrong: any[] = [
    [BEACON + "12", 100, 100],
    [7, 100, 100],
    [BEACON, 19, 100],
    [BEACON, 100, 10241],
    [BEACON, 200, 100],
    [BEACON, "100", 100],
    [BEACON, 100, 100, "12345678901234567890123456789012"],
  ];
  for (let i = 0; i < wrong.length; i++) {
    let code = "";
    try {
      ready.bt.startadvertise(wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3]);
    } catch (e) {
      code = (e as any).code;
    }
    same(code, "argument", "error " + i);
  }
  ready.bench.run(10);
  same(ready.bench.sent.length, 0, "commands");
  ready.bt.close();
});

check("advertise: back after the chip has failed", function () {
  const ready = createReady();
  ready.bt.startadvertise(BEACON, 100, 100);
  ready.bench.run(10);
  ready.bench.sent.splice(0);
  ready.bench.reply("04100103");
  ready.bench.run(2000);
  same(ready.errors.join(), "hardware-error", "error");
  same(ready.bench.sent[ready.bench.sent.length - 1], "010a200101", "enable");
  same(ready.bench.sent[ready.bench.sent.length - 3], DATA, "data");
  ready.bt.close();
});

finish();
