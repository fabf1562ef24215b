// A listener that learns: for each beacon that can be asked (type 2) it adds a rule for the scan responses (type 4) of that address, and asks
// from then on. Filter, parameters and scan are set anew from inside the scan's own callback. After Electric Imp's active listener; its
// counterpart is live-scan-response.js.
//
// Espruino  require("growing-filter")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    growingFilter(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      growingFilter(blimp, hal, firmware, print);
// Node      require("./growing-filter.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the observer script. Node without hardware: node examples/run.mjs growing-filter

function growingFilter(blimp, hal, firmware, print) {
  var IBEACON = "\x1A\xFF\x4C\x00\x02\x15";
  var UUID = "\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE";
  // The first rule and eight beacons.
  var MOST = 9;
  var bt;
  var rules;

  function isKnown(address) {
    for (var i = 1; i < rules.length; i++) if (rules[i].address == address) return true;
    return false;
  }

  function responded(advert, rule) {
    var text = "";
    for (var i = 0; i < advert.data.length; i++) text += (i ? " " : "") + advert.data[i];
    if (text == rule.last) return;
    rule.last = text;
    print("Response of " + advert.address + ": " + text);
  }

  function scanned(adverts) {
    for (var i = 0; i < adverts.length; i++) rules[adverts[i].rule].cb(adverts[i], rules[adverts[i].rule]);
  }

  function found(advert) {
    if (advert.type != 2 || isKnown(advert.address) || rules.length == MOST) return;
    print("Found " + advert.address + ", asking for its scan response");
    rules.push({ address: advert.address, type: 4, cb: responded, last: null });
    bt.setscanfilter(rules);
    bt.setscanparams(true, 100, 100);
    bt.startscan(scanned);
  }

  // Keys that the filter does not know are the program's own: here what is to be done.
  rules = [{ data: IBEACON + UUID, minrssi: -90, cb: found }];
  bt = blimp.open(hal, firmware, {
    onready: function () {
      print("Scanning...");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  // Passive, as long as there is nobody to ask.
  bt.setscanparams(false, 100, 100);
  bt.setscanfilter(rules);
  bt.startscan(scanned);
  return bt;
}

if (typeof module == "object") module.exports = growingFilter;
