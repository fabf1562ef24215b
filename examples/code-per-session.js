// The third of the four ways to choose a pairing code, and what open() does by itself: a new one each time the program starts. The device has to show it.
// Strength: good, as long as sessions are short. What was learned of a code is worth nothing after a restart. Within a session it is as strong as a code for ever:
// one that has served a pairing is known to whoever listened to it, and who guesses needs half an hour as a rule, two at most (the stack makes him wait). A device that runs for
// months shows the same code for months: then let it change, as code-rotating does.
// Level 4 keeps what is said secret from a listener; pairing without Secure Connections, which level 3 lets pass, does not.
//
// Espruino  require("code-per-session")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    codePerSession(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      codePerSession(blimp, hal, firmware, print);
// Node      require("./code-per-session.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the secure script. Node without hardware: node examples/run.mjs code-per-session

function codePerSession(blimp, hal, firmware, print) {
  var brightness = 0;
  var bt;

  /** A code as people see it: six digits. */
  function digits(code) {
    var text = String(code);
    while (text.length < 6) text = "0" + text;
    return text;
  }

  // Nothing is said of security: level 4, and a code that is drawn by chance.
  bt = blimp.open(hal, firmware, {
    onready: function () {
      // Where the user can see it and the neighbour cannot: print() stands for a display, it should be no log.
      print("Type " + digits(bt.getsecuritycode()));
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

if (typeof module == "object") module.exports = codePerSession;
