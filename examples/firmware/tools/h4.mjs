// H4 packets out of a stream of bytes.

/** By indicator: bytes of the header, indicator included; where the length stands in it, and in how many bytes. */
const FORMS = {
  1: { header: 4, at: 3, size: 1 },
  2: { header: 5, at: 3, size: 2 },
  3: { header: 4, at: 3, size: 1 },
  4: { header: 3, at: 2, size: 1 },
};

/** Returns a function that takes chunks and calls `packet` with each whole packet, indicator first. What cannot begin one is skipped. */
export function assemble(packet) {
  let bytes = Buffer.alloc(0);
  return (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length) {
      const form = FORMS[bytes[0]];
      if (!form) {
        bytes = bytes.subarray(1);
        continue;
      }
      if (bytes.length < form.header) return;
      const end = form.header + bytes.readUIntLE(form.at, form.size);
      if (bytes.length < end) return;
      packet(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
  };
}
