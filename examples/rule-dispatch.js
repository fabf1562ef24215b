// A listener with a handler for each rule: the beacons of one UUID, and all others. Neither cares for those that are far away. After Electric
// Imp's listener example.
//
// Espruino  require("rule-dispatch")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    ruleDispatch(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      ruleDispatch(blimp, hal, firmware, print);
// Node      require("./rule-dispatch.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the observer script. Node without hardware: node examples/run.mjs rule-dispatch

function ruleDispatch(blimp, hal, firmware, print) {
  // Without Flags in front: it matches adverts with any Flags, and with none.
  var IBEACON = "\x1A\xFF\x4C\x00\x02\x15";
  var UUID = "\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE";
  var MOST = 32;
  var told = [];

  /** Tells of a beacon once. */
  function tell(advert, who) {
    if (told.indexOf(advert.address) >= 0) return;
    if (told.length == MOST) told.splice(0, 1);
    told.push(advert.address);
    print(who + " " + advert.address + ", " + advert.rssi + " dBm");
  }

  // The first rule that matches counts; an advert says which it was.
  var rules = [
    { data: IBEACON + UUID, minrssi: -90 },
    { data: IBEACON, minrssi: -90 }
  ];
  var handlers = [
    function (advert) {
      // Major and minor stand behind the UUID, five bytes before the end.
      var at = advert.data.length - 5;
      tell(advert, "Ours, major " + ((advert.data[at] << 8) | advert.data[at + 1]) + ", minor " + ((advert.data[at + 2] << 8) | advert.data[at + 3]) + ":");
    },
    function (advert) {
      tell(advert, "Another iBeacon:");
    }
  ];

  var bt = blimp.open(hal, firmware, {
    onready: function () {
      print("Scanning...");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  bt.setscanparams(false, 100, 100);
  bt.setscanfilter(rules);
  bt.startscan(function (adverts) {
    for (var i = 0; i < adverts.length; i++) handlers[adverts[i].rule](adverts[i]);
  });
  return bt;
}

if (typeof module == "object") module.exports = ruleDispatch;
