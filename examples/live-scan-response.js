// A beacon that shows three readings to who asks for them: its scan response is renewed every 20 seconds, while its advert goes on. After
// Electric Imp's active advertiser, whose readings are a LED, a light sensor and a button.
//
// Espruino  require("live-scan-response")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    liveScanResponse(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      liveScanResponse(blimp, hal, firmware, print);
// Node      require("./live-scan-response.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the beacon script. Node without hardware: node examples/run.mjs live-scan-response
// A fifth argument gives the readings, [led, light, button], each 0 to 255; without it they are made up:
// function () { return [digitalRead(LED1), Math.round(analogRead(A0) * 255), digitalRead(BTN1)]; }

function liveScanResponse(blimp, hal, firmware, print, readings) {
  var SECONDS = 20;
  var advert = "\x02\x01\x06\x1A\xFF\x4C\x00\x02\x15\x92\x77\x83\x0A\xB2\xEB\x49\x0F\xA1\xDD\x7F\xE3\x8C\x49\x2E\xDE\x00\x01\x00\x02\xC5";
  var turn = 0;
  var timer = null;
  var bt;
  var close;

  function madeUp() {
    return [turn & 1, (turn * 32) & 255, turn % 3 ? 0 : 1];
  }

  function update() {
    var three = readings ? readings() : madeUp();
    turn++;
    timer = hal.timer.set(SECONDS * 1000, update);
    print("led " + three[0] + ", light " + three[1] + ", button " + three[2]);
    // The response is no AD structure: the bytes go out as they are. With one, the advert can be scanned (type 2).
    bt.startadvertise(advert, 100, 100, three);
  }

  bt = blimp.open(hal, firmware, {
    onready: update,
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  close = bt.close;
  bt.close = function () {
    if (timer !== null) hal.timer.clear(timer);
    timer = null;
    close();
  };
  return bt;
}

if (typeof module == "object") module.exports = liveScanResponse;
