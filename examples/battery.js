// The Battery service: how full the battery is, to be read at any time, and notified to whoever has subscribed when it changes.
//
// Espruino  require("battery")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    battery(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      battery(blimp, hal, firmware, print);
// Node      require("./battery.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the peripheral script. Node without hardware: node examples/run.mjs battery
// A fifth argument measures, 0 to 100 per cent; without it the battery loses one per cent a second: function () { return Math.round(E.getBattery()); }

function battery(blimp, hal, firmware, print, measure) {
  var SECONDS = 1;
  var READ = 0x02;
  var NOTIFY = 0x10;
  var BATTERY_LEVEL = 0x2A19;
  var level = 100;
  var timer = null;
  var bt;
  var close;

  function stop() {
    if (timer !== null) hal.timer.clear(timer);
    timer = null;
  }

  function update() {
    var now = measure ? measure() : level > 0 ? level - 1 : 100;
    timer = hal.timer.set(SECONDS * 1000, update);
    if (now == level) return;
    level = now;
    // To all that have subscribed; to nobody, if nobody has. False: there is no room for now, and onroom tells.
    bt.notify(BATTERY_LEVEL, [level]);
  }

  var service = {
    uuid: 0x180F,
    chars: [
      {
        uuid: BATTERY_LEVEL,
        // What can be notified gets its Client Characteristic Configuration, which a phone writes to subscribe, by itself.
        flags: READ | NOTIFY,
        read: function () {
          return [level];
        },
        // 0: not any more, 1: notifications. A connection that ends takes its subscriptions with it and does not tell.
        subscribe: function (conn, on) {
          print(conn.address() + (on ? " wants to be told" : " does not want to be told any more"));
          // So that it need not wait for the next change: to this one only.
          if (on) bt.notify(BATTERY_LEVEL, [level], conn);
        }
      }
    ]
  };

  bt = blimp.open(hal, firmware, {
    name: "blimp battery",
    onready: function (info) {
      print("Battery of " + info.address + ": " + level + " %");
      timer = hal.timer.set(SECONDS * 1000, update);
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
      // The end of it: the chip does not come back.
      if (error.final) stop();
    }
  });
  bt.setsecurity(1);
  bt.servegatt([service]);
  // It suffices that somebody is told: then connections are welcome.
  bt.onconnect(function (conn) {
    print(conn.address() + " connected");
    conn.onclose(function () {
      print(conn.address() + " disconnected");
    });
  });
  // A value that there was no room for is sent when there is: the latest.
  bt.onroom(function () {
    bt.notify(BATTERY_LEVEL, [level]);
  });
  bt.startadvertise(
    "\x02\x01\x06" + // Flags
      "\x03\x03\x0F\x18", // complete list of 16-bit services
    100,
    100,
    "\x0E\x09blimp battery" // the scan response: the complete name
  );
  close = bt.close;
  bt.close = function () {
    stop();
    close();
  };
  return bt;
}

if (typeof module == "object") module.exports = battery;
