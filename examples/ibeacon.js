// The iBeacon of Electric Imp's Bluetooth guide: says what it sends, and sends it ten times a second.
//
// Espruino  require("ibeacon")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    ibeacon(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      ibeacon(blimp, hal, firmware, print);
// Node      require("./ibeacon.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the beacon script. Node without hardware: node examples/run.mjs ibeacon

function ibeacon(blimp, hal, firmware, print) {
  var advert =
    "\x02\x01\x06" + // Flags: general discoverable, no BR/EDR
    "\x1A\xFF\x4C\x00\x02\x15" + // manufacturer data: Apple, iBeacon, 21 bytes
    "\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE" + // proximity UUID
    "\x00\x01" + // major
    "\x00\x02" + // minor
    "\xC5"; // -59 dBm at one metre
  var text = "";
  for (var i = 0; i < advert.length; i++) {
    text += (256 + advert.charCodeAt(i)).toString(16).substr(1);
    if (i == 12 || i == 14 || i == 16 || i == 18) text += "-";
  }

  var bt = blimp.open(hal, firmware, {
    onready: function (info) {
      print("BLE initialized after " + Math.round(info.ms) + " ms");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  print("Advertising the following iBeacon:");
  print("UUID: " + text.substr(18, 36));
  print("Major: " + text.substr(54, 4));
  print("Minor: " + text.substr(58, 4));
  bt.startadvertise(advert, 100, 100);
  return bt;
}

if (typeof module == "object") module.exports = ibeacon;
