// The second of the four ways to choose a pairing code: one for each device, for ever, as it is printed on its label.
// Strength: limited. Who has not seen the label has to guess. Each failed attempt tells an attacker who takes part one of twenty bits at least, two as a rule, and the
// stack makes him wait longer and longer: half an hour as a rule, two hours at most, once, and then the device is his until somebody changes the code. A code that has served one
// pairing is known to whoever listened to that pairing, at level 4 too, and here it stays valid: with it he can pair, or stand between the two, next time. What
// was said before stays secret at level 4; a phone that pairs without Secure Connections (level 3) has no secrecy against a listener at all.
// Draw the code by chance. Never make it of a serial number or an address: those are no secrets.
//
// Espruino  require("code-per-device")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    codePerDevice(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      codePerDevice(blimp, hal, firmware, print);
// Node      require("./code-per-device.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the secure script. Node without hardware: node examples/run.mjs code-per-device
// A fifth argument, shelf: `{ load: function () {...}, save: function (code) {...} }`, keeps the code: load gives it, or null the first time, at the factory, where it
// is drawn, kept, and told once, for the label.

function codePerDevice(blimp, hal, firmware, print, shelf) {
  var code = shelf ? shelf.load() : null;
  var brightness = 0;
  var bt;

  /** A code as people see it: six digits. */
  function digits(code) {
    var text = String(code);
    while (text.length < 6) text = "0" + text;
    return text;
  }

  bt = blimp.open(hal, firmware, {
    onready: function () {
      if (code === null) {
        // What the stack has drawn for this session becomes the device's own; there is none before it is ready.
        code = bt.getsecuritycode();
        if (shelf) shelf.save(code);
        print("Label of this device: " + digits(code));
      }
      print("Ready, the code is the one on the label");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  // Level 4, with a code that is drawn, is what open() begins with.
  if (code !== null) bt.setsecurity(4, code);
  bt.servegatt([
    {
      uuid: "F0A1B2C300004D5E8F900123456789AB",
      chars: [
        {
          // Nobody reads or writes it who has not typed the code: the stack answers nothing before.
          uuid: "F0A1B2C300014D5E8F900123456789AB",
          read: function () {
            return [brightness];
          },
          write: function (conn, v) {
            if (v.length != 1) return 0x0d;
            brightness = v[0];
            print("Brightness " + brightness);
          }
        }
      ]
    }
  ]);
  bt.onconnect(function (conn) {
    print(conn.address() + " connected, security level " + conn.security());
    conn.onclose(function () {
      print(conn.address() + " disconnected");
    });
  });
  // Flags, and the service; on the air a UUID goes with its last byte first.
  bt.startadvertise("\x02\x01\x06\x11\x07\xAB\x89\x67\x45\x23\x01\x90\x8F\x5E\x4D\x00\x00\xC3\xB2\xA1\xF0", 100, 100);
  return bt;
}

if (typeof module == "object") module.exports = codePerDevice;
