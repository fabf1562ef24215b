// A beacon whose advert is put together byte by byte, for values that are not known beforehand: after Electric Imp's beacon example.
//
// Espruino  require("beacon")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    beacon(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      beacon(blimp, hal, firmware, print);
// Node      require("./beacon.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the beacon script. Node without hardware: node examples/run.mjs beacon

function beacon(blimp, hal, firmware, print) {
  var UUID = "9277830A-B2EB-490F-A1DD-7FE38C492EDE";
  var MAJOR = 1;
  var MINOR = 2;
  var POWER = -60; // dBm at one metre

  var advert = new Uint8Array(30);
  // Flags; manufacturer data, Apple, iBeacon, 21 bytes.
  advert.set([0x02, 0x01, 0x06, 0x1A, 0xFF, 0x4C, 0x00, 0x02, 0x15], 0);
  var digits = UUID.split("-").join("");
  for (var i = 0; i < 16; i++) advert[9 + i] = parseInt(digits.substr(2 * i, 2), 16);
  advert.set([MAJOR >> 8, MAJOR & 255, MINOR >> 8, MINOR & 255, POWER & 255], 25);

  var bt = blimp.open(hal, firmware, {
    onready: function (info) {
      print("Beacon " + info.address + ": " + UUID + ", major " + MAJOR + ", minor " + MINOR + ", " + POWER + " dBm");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  bt.startadvertise(advert, 100, 100);
  return bt;
}

if (typeof module == "object") module.exports = beacon;
