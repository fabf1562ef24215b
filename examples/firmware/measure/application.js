// A device that a phone pairs with at level 4, reads, writes and subscribes to: the application of what is counted on the board (scenes.js, secure.js) and of what
// is written down for it beforehand (tools/record.mjs).

// How often a phone reads and writes, so that a mean can be taken.
var TIMES = 10;

// As many as wait in a connection's queue.
var NOTIFICATIONS = 4;

var bt = null;

// Called with the state of each pairing.
var pairing = function () {};

// Opens the preset; `options`: further ones.
function application(options) {
  var kept = null;
  var value = [0];
  options.store = {
    load: function () {
      return kept;
    },
    save: function (bytes) {
      kept = new Uint8Array(bytes);
      return true;
    },
  };
  options.onpairing = function (connection, state) {
    pairing(state);
  };
  bt = blimp.open(hal, null, options);
  bt.setsecurity(4, 123456);
  bt.servegatt([
    {
      uuid: 0x0b00,
      chars: [
        { uuid: 0x0b01, value: "Blimp Hangar" },
        {
          uuid: 0x0b02,
          read: function () {
            return value;
          },
          write: function (connection, written) {
            value = written;
          },
        },
        { uuid: 0x0b03, flags: 0x10 },
      ],
    },
  ]);
  bt.onconnect(function () {});
  bt.startadvertise("\x02\x01\x06", 100, 100);
}

function notifyAll() {
  for (var i = 0; i < NOTIFICATIONS; i++) bt.notify(0x0b03, "20 bytes of a value.");
}
