// The Wi-Fi refresh of examples/wifi-refresh.js, unchanged, for whoever has typed the code that this board shows; where LEVEL is 1 for everybody. It runs
// behind dist/bare/secure.min.js and wifi-refresh.js.

// Bonds outlive their connections, and no restart: on a board of your own a page of flash goes here.
var bonds = null;

var began = 0;

var secured = {
  open: function (hal, firmware, options) {
    var onready = options.onready;
    options.store = {
      load: function () {
        return bonds;
      },
      save: function (bytes) {
        bonds = new Uint8Array(bytes);
        return true;
      },
    };
    options.onready = function (info) {
      onready(info);
      print("address " + info.address);
    };
    options.onpairing = function (connection, state, reason) {
      // On a board: a display. A console is none.
      if (state === "passkey") print("type " + String(1000000 + bt.getsecuritycode()).substr(1));
      if (state === "started") began = hal.timer.now();
      if (state === "paired") print("paired after " + Math.round(hal.timer.now() - began) + " ms");
      if (state === "failed") print("pairing failed, reason " + reason);
    };
    return blimp.open(hal, firmware, options);
  },
};

var bt = wifiRefresh(secured, hal, null, print);
bt.setsecurity(LEVEL);
