// Electric Imp's BlinkUp over Bluetooth LE, as their BTLEBlinkUp library serves it: an app reads which networks are near, writes what the device
// needs to join one and to enrol, and has it applied. With it goes Device Information, from which the app learns which device it is.
//
// Espruino  require("blinkup")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    blinkup(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      blinkup(blimp, hal, firmware, print);
// Node      require("./blinkup.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the peripheral script. Node without hardware: node examples/run.mjs blinkup
// A fifth argument is the device: { networks(): array of {ssid, open}, activate(settings), clear() }. `settings`: {ssid, password, planid, token},
// byte strings. Without it the networks are made up and the rest is only told.

function blinkup(blimp, hal, firmware, print, device) {
  var settings = { ssid: "", password: "", planid: "", token: "" };
  var updated = false;
  var bt;

  function stringOf(bytes) {
    var text = "";
    for (var i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
    return text;
  }

  /** A characteristic that sets one of the settings. */
  function setter(uuid, name, label) {
    return {
      uuid: uuid,
      write: function (conn, v) {
        settings[name] = stringOf(v);
        updated = true;
        print(label + " set");
        return 0x0000;
      }
    };
  }

  /** Records of a name and "locked" or "unlocked", a blank line between two; nothing at all where there is no network. */
  function list() {
    var networks = device ? device.networks() : [{ ssid: "Blimp Hangar", open: false }, { ssid: "Airfield Guests", open: true }];
    var text = "";
    for (var i = 0; i < networks.length; i++) {
      text += (i ? "\n\n" : "") + networks[i].ssid + "\n" + (networks[i].open ? "unlocked" : "locked");
    }
    return text;
  }

  var service = {
    uuid: "FADA47BEC45548C9A5F2AF7CF368D719",
    chars: [
      setter("5EBA195632D347C681A6A7E59F18DAC0", "ssid", "WiFi SSID"),
      setter("ED694AB947564528AA3A799A4FD11117", "password", "WiFi password"),
      setter("A90AB0DC7B5C439A9AB52107E0BD816E", "planid", "Plan ID"),
      setter("BD107D3E48784F6DAF3DDA3B234FF584", "token", "Enrolment token"),
      {
        // The trigger.
        uuid: "F299C3428A8A4544AC4208C841737B1B",
        write: function (conn) {
          // There is nothing to apply. An error of the protocol has one byte: this one arrives as 0x80, and never as success.
          if (!updated) return 0x1000;
          print("Device activation triggered");
          updated = false;
          if (device) device.activate(settings);
          // The device restarts now. The app gets its answer before the connection ends; onclose is not called.
          conn.close();
          return 0x0000;
        }
      },
      {
        // Forgets the network.
        uuid: "2BE5DDBA32864D09A652F24FAA514AF5",
        write: function () {
          print("Device WiFi clearance triggered");
          if (device) device.clear();
          return 0x0000;
        }
      },
      {
        // The networks near by: asked for once, however many packets a phone needs to read it.
        uuid: "57A9ED95ADD54913849457759B79A46C",
        read: function () {
          print("Sending WLAN list to app");
          return list();
        }
      }
    ]
  };
  // The library writes it down for one of them; for the others it follows from their handlers.
  service.chars[0].flags = 0x08;

  var dis = {
    uuid: 0x180A,
    chars: [
      { uuid: 0x2A29, value: "Electric Imp" },
      {
        uuid: 0x2A25,
        read: function () {
          return bt.address();
        }
      },
      { uuid: 0x2A24, value: "imp004m" },
      // The URL of the agent, where the device has one.
      { uuid: 0x2A23, value: "null" },
      { uuid: 0x2A26, value: "blimp" }
    ]
  };

  bt = blimp.open(hal, firmware, {
    name: "imp004m",
    onready: function () {
      print("BlinkUp is on the air");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  bt.setsecurity(1);
  // More services of your own go into the same array.
  bt.servegatt([service, dis]);
  bt.onconnect(function (conn) {
    print("Device " + conn.address() + " has connected, security level " + conn.security());
    conn.onclose(function () {
      print("Device " + conn.address() + " has disconnected");
    });
  });
  // Once is enough: the app connects, disconnects and connects again, and the advert comes back by itself each time.
  bt.startadvertise(
    "\x02\x01\x06" + // Flags, which the library's advert lacks
      "\x11\x07\x19\xD7\x68\xF3\x7C\xAF\xF2\xA5\xC9\x48\x55\xC4\xBE\x47\xDA\xFA" + // the service, its last byte first
      "\x08\x09imp004m", // the complete name
    100,
    100
  );
  return bt;
}

if (typeof module == "object") module.exports = blinkup;
