import assert from "node:assert/strict";
import { parseTransport, readTransport } from "../../targets/node/transport.js";

describe("transport", () => {
  it("is read in each of its forms", () => {
    assert.deepEqual(readTransport("mock"), { kind: "mock" });
    assert.deepEqual(readTransport("unix:/tmp/bt-server-le"), { kind: "unix", path: "/tmp/bt-server-le" });
    assert.deepEqual(readTransport("unix:a:b"), { kind: "unix", path: "a:b" });
    assert.deepEqual(readTransport("tcp:localhost:1234"), { kind: "tcp", host: "localhost", port: 1234 });
    assert.deepEqual(readTransport("tcp:[::1]:65535"), { kind: "tcp", host: "::1", port: 65535 });
    assert.deepEqual(readTransport("serial:/dev/ttyAMA0"), { kind: "serial", device: "/dev/ttyAMA0" });
    assert.deepEqual(readTransport("serial:/dev/ttyAMA0@1000000"), { kind: "serial", device: "/dev/ttyAMA0", baud: 1000000 });
    assert.deepEqual(readTransport("serial:/dev/by@home"), { kind: "serial", device: "/dev/by@home" });
  });

  it("is refused in any other, with what is allowed", () => {
    const others = "mock: mock:1 unix: unix tcp:host tcp:host: tcp::1 tcp:host:0 tcp:host:65536 tcp:a:b:1 serial: serial:@115200 usb:1 Mock";
    for (const text of ["", "serial:/dev/ttyS0@9599", "serial:/dev/ttyS0@4000001", ...others.split(" ")]) {
      assert.equal(readTransport(text), null, text);
    }
    assert.throws(() => parseTransport("usb:1"), { code: "argument", message: /transport is usb:1.*mock.*unix.*tcp.*serial/ });
    assert.throws(() => parseTransport(undefined as unknown as string), { code: "argument" });
  });
});
