// The Wi-Fi refresh of ../wifi-refresh.js, unchanged, on dist/bare/secure.min.js: but whoever wants to write has to have typed the code.
var bt = wifiRefresh(
  {
    open: function (hal, firmware, options) {
      if (typeof store == "object") options.store = store;
      // On a board: a display. A log is none.
      options.onpairing = function (conn, state) {
        print(state == "passkey" ? "Type " + String(1000000 + bt.getsecuritycode()).substr(1) : "Pairing: " + state);
      };
      return blimp.open(hal, firmware, options);
    }
  },
  hal,
  null,
  print
);
bt.setsecurity(4);
onexit(bt.close);
