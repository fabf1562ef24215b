// The last of the four ways to choose a pairing code: a new one after each pairing that has succeeded, after three that have failed, and every five minutes. The
// device has to show it.
// Strength: the best that six digits can give. Whoever listens to a pairing learns its code, but it is worth nothing any more; who guesses has three attempts at each
// code, and with what each of them tells he is through with one code in some thousands, waiting longer and longer: `options.onpairingfailed` tells of it, and a program
// that sees many failures may switch its advert off.
// Level 4 keeps what is said secret from a listener; pairing without Secure Connections, which level 3 lets pass, gives no secrecy against him at all: stay at 4.
//
// Espruino  require("code-rotating")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    codeRotating(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      codeRotating(blimp, hal, firmware, print);
// Node      require("./code-rotating.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the secure script. Node without hardware: node examples/run.mjs code-rotating

function codeRotating(blimp, hal, firmware, print) {
  var brightness = 0;
  var ready = false;
  var bt;

  /** A code as people see it: six digits. */
  function digits(code) {
    var text = String(code);
    while (text.length < 6) text = "0" + text;
    return text;
  }

  /** Where the user can see it and the neighbour cannot: print() stands for a display, it should be no log. */
  function show() {
    print("Type " + digits(bt.getsecuritycode()));
  }

  bt = blimp.open(hal, firmware, {
    // Minutes: long enough for somebody to type it, short enough to be worth little.
    rotatecode: 5,
    onpairing: function (conn, state) {
      // A pairing that is under way goes on with the code that it began with.
      if (state == "code" && ready) show();
    },
    onready: function () {
      ready = true;
      show();
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
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

if (typeof module == "object") module.exports = codeRotating;
