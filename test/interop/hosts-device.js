// The device of hosts-btvirt.mjs, for an engine behind a host: a value that is echoed, and one that is notified each time that the first is written.
// Prints a JSON object a line.
var ECHO = "3C2A0002B5D14E0F9C7A5D1F6E8B2A40";
var NOTIFIER = "3C2A0003B5D14E0F9C7A5D1F6E8B2A40";
var value = [];

function say(event, values) {
  values.event = event;
  print(JSON.stringify(values));
}

function hex(bytes) {
  var text = "";
  for (var i = 0; i < bytes.length; i++) text += (256 + bytes[i]).toString(16).substr(1);
  return text;
}

var bt = blimp.open(hal, null, {
  name: "host",
  mtu: 100,
  prepare: 1024,
  onready: function (info) {
    say("ready", { address: info.address });
  },
  onrecover: function (info) {
    say("recover", { address: info.address });
  },
  onerror: function (error) {
    say("error", { code: error.code, text: error.message, final: !!error.final });
  }
});
bt.setsecurity(1);
bt.servegatt([
  {
    uuid: "3C2A0001B5D14E0F9C7A5D1F6E8B2A40",
    chars: [
      {
        uuid: ECHO,
        flags: 0x02 | 0x04 | 0x08,
        read: function () {
          return value;
        },
        write: function (conn, v) {
          value = v;
          say("write", { address: conn.address(), value: hex(v) });
          bt.notify(NOTIFIER, [v.length >> 8, v.length & 255]);
        }
      },
      { uuid: NOTIFIER, flags: 0x10 }
    ]
  }
]);
bt.onconnect(function (conn) {
  say("connect", { address: conn.address() });
  conn.onclose(function (reason) {
    say("close", { reason: reason });
  });
});
bt.startadvertise("\x02\x01\x06", 100, 100);
onexit(function () {
  var counters = bt.counters();
  say("counters", { exceptions: counters.exceptions, dropped: counters.dropped, overruns: counters.overruns });
  bt.close();
});
