// The Wi-Fi refresh service of Electric Imp's Bluetooth guide: a phone connects, writes the name of a network and its password, and by a third
// characteristic has them applied.
//
// Espruino  require("wifi-refresh")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    wifiRefresh(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      wifiRefresh(blimp, hal, firmware, print);
// Node      require("./wifi-refresh.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the peripheral script. Node without hardware: node examples/run.mjs wifi-refresh
// A fifth argument, apply(ssid, password), is what sets the Wi-Fi: byte strings, UTF-8 as a rule. Without it they are only told.

function wifiRefresh(blimp, hal, firmware, print, apply) {
  var data = { ssid: "", pwd: "", updated: false };
  var bt;

  /** What is written comes as bytes. */
  function stringOf(bytes) {
    var text = "";
    for (var i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
    return text;
  }

  /** Anybody may write anything: what could move a cursor is not printed as it is. */
  function harmless(text) {
    var shown = "";
    for (var i = 0; i < text.length; i++) shown += text.charCodeAt(i) < 32 || text.charCodeAt(i) > 126 ? "?" : text.charAt(i);
    return shown;
  }

  function update(conn) {
    var hashes = "";
    for (var i = 0; i < data.pwd.length; i++) hashes += "#";
    print("Switching to SSID: " + harmless(data.ssid) + ", PSK: " + hashes);
    data.updated = false;
    if (apply) apply(data.ssid, data.pwd);
    // The answer to the write goes out first. Who closes hears no onclose.
    conn.close();
  }

  var service = {
    // UUIDs are written as everywhere, the most significant digit first.
    uuid: "FADA47BEC45548C9A5F2AF7CF368D719",
    chars: [
      {
        // The SSID. A characteristic with a write handler can be written; a handler that returns nothing has succeeded.
        uuid: "5EBA195632D347C681A6A7E59F18DAC0",
        write: function (conn, v) {
          data.ssid = stringOf(v);
          data.updated = true;
          print("Written SSID");
        }
      },
      {
        // The password.
        uuid: "ED694AB947564528AA3A799A4FD11117",
        write: function (conn, v) {
          data.pwd = stringOf(v);
          data.updated = true;
          print("Written PWD");
        }
      },
      {
        // The trigger: that it is written counts, not what.
        uuid: "F299C3428A8A4544AC4208C841737B1B",
        write: function (conn) {
          if (data.updated) update(conn);
        }
      }
    ]
  };

  bt = blimp.open(hal, firmware, {
    onready: function (info) {
      print("BLE initialized after " + Math.round(info.ms) + " ms");
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  // No pairing: whoever is near may write, and listen to the password. Level 4 is what open() begins with.
  bt.setsecurity(1);
  bt.servegatt([service]);
  print("Serving GATT...");
  // Called when the connection is there; to refuse it call conn.close(). As long as nobody is to be told there are no connections.
  bt.onconnect(function (conn) {
    print(conn.address() + " connected");
    // Each connection has its own: its address can still be had when it has gone.
    conn.onclose(function () {
      print(conn.address() + " disconnected");
    });
  });
  print("Awaiting connections...");
  bt.startadvertise(
    "\x02\x01\x06" + // Flags, which the guide's advert lacks: general discoverable, no BR/EDR
      // 17 bytes: complete list of 128-bit services. On the air a UUID goes with its last byte first.
      "\x11\x07\x19\xD7\x68\xF3\x7C\xAF\xF2\xA5\xC9\x48\x55\xC4\xBE\x47\xDA\xFA",
    100,
    100
  );
  print("Advertising services...");
  return bt;
}

if (typeof module == "object") module.exports = wifiRefresh;
