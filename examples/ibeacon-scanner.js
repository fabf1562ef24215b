// The iBeacon scanner of Electric Imp's Bluetooth guide: listens without being noticed, and tells of each beacon that it has not heard before,
// with a rough distance.
//
// Espruino  require("ibeacon-scanner")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    ibeaconScanner(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      ibeaconScanner(blimp, hal, firmware, print);
// Node      require("./ibeacon-scanner.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the observer script. Node without hardware: node examples/run.mjs ibeacon-scanner

function ibeaconScanner(blimp, hal, firmware, print) {
  var MOST = 32;
  var beacons = [];

  function isNew(beacon) {
    for (var i = 0; i < beacons.length; i++) {
      if (beacons[i].uuid == beacon.uuid && beacons[i].major == beacon.major && beacons[i].minor == beacon.minor) return false;
    }
    return true;
  }

  function heard(advert) {
    var payload = "";
    for (var i = 0; i < advert.data.length; i++) payload += (256 + advert.data[i]).toString(16).substr(1);
    // What a filter lets through may still be cut off.
    if (advert.data.length != 30) return;
    var beacon = { uuid: payload.substr(18, 32), major: payload.substr(50, 4), minor: payload.substr(54, 4) };
    if (!isNew(beacon)) return;
    if (beacons.length == MOST) beacons.splice(0, 1);
    beacons.push(beacon);
    print("Found an iBeacon:");
    print("UUID: " + beacon.uuid);
    print("Major: " + beacon.major);
    print("Minor: " + beacon.minor);
    // 127: the chip does not know. 6 dB less is twice as far.
    if (advert.rssi == 127) return;
    var power = (advert.data[29] << 24) >> 24;
    print(advert.rssi + " dBm, about " + Math.exp(((power - advert.rssi) * Math.LN10) / 20).toFixed(1) + " m");
  }

  var bt = blimp.open(hal, firmware, {
    onready: function () {
      print("Scanning...");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  // Passive, all of the time.
  bt.setscanparams(false, 100, 100);
  // Only iBeacons: adverts that are neither connectable nor scannable (3), with these Flags and the beginning of the manufacturer data. The
  // first print of the guide had 1A in third place, which is what a phone sends; its own beacon sends 06.
  bt.setscanfilter([{ type: 3, data: "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15" }]);
  bt.startscan(function (adverts) {
    for (var i = 0; i < adverts.length; i++) heard(adverts[i]);
  });
  return bt;
}

if (typeof module == "object") module.exports = ibeaconScanner;
