// An iBeacon, in the language that every small engine has. It runs behind dist/bare/beacon.min.js, which has made `blimp`.

var IBEACON = "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE\x00\x01\x00\x02\xC5";

function hex(text, from, to) {
  var digits = "";
  for (var i = from; i < to; i++) digits += (256 + text.charCodeAt(i)).toString(16).substr(1);
  return digits;
}

var bt = blimp.open(hal, null, {
  onstep: function (step) {
    print("step " + step);
  },
  onready: function (info) {
    print("ready after " + Math.round(info.ms) + " ms: " + (info.name || "a controller without a name") + ", address " + info.address);
    print("advertising " + hex(IBEACON, 9, 25) + ", major " + hex(IBEACON, 25, 27) + ", minor " + hex(IBEACON, 27, 29));
  },
  onwarning: function (warning) {
    print("warning: " + warning.message);
  },
  onerror: function (error) {
    print("error: " + error.message);
  },
});

// It need not wait until the chip is ready: what should be is declared, and comes into force as soon as it can.
bt.startadvertise(IBEACON, 100, 100);
