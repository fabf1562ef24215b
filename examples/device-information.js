// The Device Information service of Electric Imp's Bluetooth guide: who has made the device, and which it is. Any scanner app shows it.
//
// Espruino  require("device-information")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    deviceInformation(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      deviceInformation(blimp, hal, firmware, print);
// Node      require("./device-information.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the peripheral script. Node without hardware: node examples/run.mjs device-information
// A fifth argument, { manufacturer, model, version, url }, tells of another device; each may be left out.

function deviceInformation(blimp, hal, firmware, print, about) {
  var told = about || {};
  var bt;

  // Device Information: a service of the Bluetooth SIG, so that 16 bits are its whole UUID.
  var dis = {
    uuid: 0x180A,
    chars: [
      // A fixed value, which can be read and nothing else.
      { uuid: 0x2A29, value: told.manufacturer || "Electric Imp" },
      {
        // The serial number is the device's address, which is known when the chip is up: asked for when it is read.
        uuid: 0x2A25,
        read: function () {
          return bt.address();
        }
      },
      { uuid: 0x2A24, value: told.model || "imp004m" },
      // The system ID, which BlinkUp uses for a web address: longer than one packet, so that a phone reads it in several.
      { uuid: 0x2A23, value: told.url || "https://agent.electricimp.com/000000000000" },
      { uuid: 0x2A26, value: told.version || "blimp" }
    ]
  };

  bt = blimp.open(hal, firmware, {
    // The name of the device, for the Generic Access service, which is there by itself.
    name: "blimp info",
    onready: function (info) {
      print("Offering Device Information as " + info.address);
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  // Anybody may read it.
  bt.setsecurity(1);
  bt.servegatt([dis]);
  bt.onconnect(function (conn) {
    print(conn.address() + " connected");
    conn.onclose(function () {
      print(conn.address() + " disconnected");
    });
  });
  bt.startadvertise(
    "\x02\x01\x06" + // Flags
      "\x03\x03\x0A\x18", // complete list of 16-bit services
    100,
    100,
    "\x0B\x09blimp info" // the scan response: the complete name
  );
  return bt;
}

if (typeof module == "object") module.exports = deviceInformation;
