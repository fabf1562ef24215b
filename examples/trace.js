// Every packet between the stack and its chip as btsnoop, which Wireshark, tshark and btmon read; of a beacon here, and of any other program in the same way.
//
// Espruino  require("trace")(require("blimp"), require("blimp").hal({ serial: Serial1, regon: B3, lpo: B4 }), require("blimp").firmware("bt.hcd"), print);
// Kaluma    trace(blimp, blimp.hal({ uart: 0, tx: 0, rx: 1, ctspin: 2, rtspin: 3, regon: 4, lpo: 5 }), firmware, console.log);
// bare      trace(blimp, hal, firmware, print);
// Node      require("./trace.js")(require("blimp"), require("blimp").createNodeHal("serial:/dev/ttyAMA0", { flow: true }), require("fs").readFileSync("BCM43430A1.hcd"), console.log);
// On small engines `blimp` is the beacon script. Node without hardware: node examples/run.mjs trace
// It prints lines of hex digits. Out of what a console has caught: sed -n 's/.*btsnoop: //p' console.log | xxd -r -p > trace.btsnoop
// A fifth argument takes the bytes of the file instead, piece by piece. Into Espruino's Storage:
// var file = require("Storage").open("trace", "w"); trace(blimp, hal, firmware, print, function (bytes) { file.write(E.toString(bytes)); });

function trace(blimp, hal, firmware, print, write) {
  // "btsnoop", a zero, version 1, datalink 1002: H4 packets with their indicator.
  var HEADER = [0x62, 0x74, 0x73, 0x6E, 0x6F, 0x6F, 0x70, 0, 0, 0, 0, 1, 0, 0, 0x03, 0xEA];
  // The year 1970 in the microseconds that the format counts from the year 0: its halves of 32 bits.
  var EPOCH_HIGH = 0x00DCDDB3;
  // A static snapshot of JerryScript holds no larger numbers than these.
  var EPOCH_LOW = 0x0F2F * 65536 + 0x8000;
  var HALF = 65536 * 65536;
  var RECEIVED = 1;
  var COMMAND_OR_EVENT = 2;
  var dropped = 0;
  var bt;

  function printHex(bytes) {
    var line = "";
    for (var i = 0; i < bytes.length; i++) line += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
    print("btsnoop: " + line);
  }

  // 32 bits, the highest first.
  function put32(bytes, at, value) {
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  // The records of a firmware download, and their answers: thousands of bytes that nobody wants to see.
  function isDownload(bytes, at) {
    var opcode = bytes[at] == 1 ? at + 1 : at + 4;
    return (bytes[at] == 1 || bytes[at + 1] == 0x0E) && bytes[opcode] == 0x4C && bytes[opcode + 1] == 0xFC;
  }

  function show(sent, bytes, at, length) {
    var microseconds = Math.floor(hal.timer.now() * 1000);
    var low = EPOCH_LOW + (microseconds % HALF);
    var high = EPOCH_HIGH + Math.floor(microseconds / HALF) + (low >= HALF ? 1 : 0);
    var isControl = bytes[at] == 1 || bytes[at] == 4;
    var record = new Uint8Array(24 + length);
    if (isDownload(bytes, at)) {
      dropped++;
      return;
    }
    // Original and included length, flags, packets dropped so far, time.
    put32(record, 0, length);
    put32(record, 4, length);
    put32(record, 8, (sent ? 0 : RECEIVED) + (isControl ? COMMAND_OR_EVENT : 0));
    put32(record, 12, dropped);
    put32(record, 16, high);
    put32(record, 20, low >= HALF ? low - HALF : low);
    // The packet holds until this returns, so it is copied.
    for (var i = 0; i < length; i++) record[24 + i] = bytes[at + i];
    (write || printHex)(record);
  }

  bt = blimp.open(hal, firmware, {
    onready: function (info) {
      print("Tracing " + info.address);
    },
    onerror: function (error) {
      print("BLE failed: " + error.message);
    }
  });
  (write || printHex)(new Uint8Array(HEADER));
  // Keys are zeroed, unless a second argument is true.
  bt.trace(show);
  bt.startadvertise("\x02\x01\x06", 100, 100);
  return bt;
}

if (typeof module == "object") module.exports = trace;
