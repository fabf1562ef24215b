// What a scanner does: reports that its rules let through, and others.

// LE Advertising Report, connectable, from a public address, -60 dBm: flags, an incomplete list of services, a name.
var REPORT = [4, 0x3e, 40, 2, 1, 0, 0, 6, 5, 4, 3, 2, 1, 28, 2, 1, 6, 3, 2, 0x0d, 0x18, 20, 9];

function report(name) {
  var bytes = REPORT.slice();
  for (var i = 0; i < name.length; i++) bytes.push(name.charCodeAt(i));
  bytes.push(0xc4);
  return new Uint8Array(bytes);
}

function reports(next) {
  var wanted = report("blimp Wi-Fi refresh");
  var other = report("somebody else's box");
  var heard = 0;
  bt.setscanfilter([{ minrssi: -40 }, { address: "aabbcc______" }, { data: "blimp" }]);
  bt.startscan(function (adverts) {
    heard += adverts.length;
  });
  follow(
    SETTLED,
    function () {},
    function () {
      each("one advertising report, rejected by 3 rules", function () {
        receive(other);
      });
      if (heard) fail(new Error("a rejected report was heard"));
      each("one advertising report, let through by the third", function () {
        receive(wanted);
      });
      if (heard !== REPEATS + 1) fail(new Error(heard + " reports were heard"));
      next();
    }
  );
}

measure({}, [], [
  reports,
  function (next) {
    settle("the scan stopped", function () {
      bt.stopscan();
    }, next);
  },
]);
