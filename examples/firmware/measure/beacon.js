// What a beacon does.

var IBEACON = "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE\x00\x01\x00\x02\xC5";

// Another minor number.
var OTHER = IBEACON.substr(0, 28) + "\x03\xC5";

// Command Complete without a command, as controllers send it to give credits.
var NO_OPERATION = [4, 0x0e, 3, 1, 0, 0];

// LE Advertising Report, not connectable, from a public address: 30 bytes of data and -60 dBm follow. A beacon has no use for it.
var REPORT = [4, 0x3e, 42, 2, 1, 3, 0, 6, 5, 4, 3, 2, 1, 30];

function report() {
  var bytes = REPORT.slice();
  for (var i = 0; i < IBEACON.length; i++) bytes.push(IBEACON.charCodeAt(i));
  bytes.push(0xc4);
  return new Uint8Array(bytes);
}

function events(next) {
  var answer = new Uint8Array(NO_OPERATION);
  var advert = report();
  var pieces = [];
  for (var i = 0; i < advert.length; i++) pieces.push(advert.subarray(i, i + 1));
  each("one event, Command Complete", function () {
    receive(answer);
  });
  each("one event, advertising report", function () {
    receive(advert);
  });
  each("the same in " + pieces.length + " single bytes", function () {
    for (var i = 0; i < pieces.length; i++) receive(pieces[i]);
  });
  next();
}

measure({}, [], [
  function (next) {
    settle("advert put on the air, 4 commands", function () {
      bt.startadvertise(IBEACON, 100, 100);
    }, next);
  },
  function (next) {
    settle("advert changed, 1 command", function () {
      bt.startadvertise(OTHER, 100, 100);
    }, next);
  },
  events,
]);
