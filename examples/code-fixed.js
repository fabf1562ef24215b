// The first of the four ways to choose a pairing code: one code for all devices, for ever.
// Strength: none. Whoever has one such device, its manual or its firmware knows the code of all of them. It keeps out who connects by mistake, and no attacker. At
// level 4 somebody who merely listens cannot read what is said afterwards; somebody who puts himself between the two, code in hand, can. At level 3 with a phone
// that has no Secure Connections not even the first holds.
// Take it for a device that needs a code only because phones ask for one.
//
// Espruino  require("code-fixed")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    codeFixed(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      codeFixed(blimp, hal, firmware, print);
// Node      require("./code-fixed.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the secure script. Node without hardware: node examples/run.mjs code-fixed

function codeFixed(blimp, hal, firmware, print) {
  // The same in every device that has this program.
  var CODE = 123456;
  var brightness = 0;
  var bt = blimp.open(hal, firmware, {
    onready: function () {
      print("Ready, the code is the one in the manual");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  bt.setsecurity(4, CODE);
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

if (typeof module == "object") module.exports = codeFixed;
