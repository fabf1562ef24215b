import assert from "node:assert/strict";
import { Rig, rig } from "../support/rig.js";
import { device } from "../support/links.js";
import type { AskingConnection, RemoteTable } from "../../core/gatt/client.js";
import { hex } from "../support/rig.js";

const LONG = "0123456789".repeat(30);

/** A device that serves, and another on its air that has connected to it. */
function pair(options = {}): { server: Rig<any>; client: Rig<any>; connection: AskingConnection; written: string[] } {
  const written: string[] = [];
  const { rig: server } = device(
    [
      {
        uuid: "FADA47BEC45548C9A5F2AF7CF368D719",
        chars: [
          { uuid: 0x2a25, value: LONG },
          { uuid: "5EBA1111C45548C9A5F2AF7CF368D719", flags: 0x0c, write: (_, value) => void written.push(hex(value)) },
          { uuid: 0x2a19, value: [50], flags: 0x12, descriptors: [{ uuid: 0x2901, value: "level" }] },
        ],
      },
    ],
    options,
  );
  const client = rig({ board: { air: server.board.air } as any });
  client.up();
  client.bt.setsecurity(1);
  let connection: AskingConnection | undefined;
  const address = server.bt.address()!;
  client.bt.connect(address, parseInt(address[0], 16) >= 12 ? 1 : 0, (error, made) => {
    assert.equal(error, null);
    connection = made;
  });
  client.run(1000);
  assert.ok(connection, "connected");
  return { server, client, connection, written };
}

describe("the GATT client", () => {
  it("discovers, reads a long value, writes a short one and a long one, subscribes", () => {
    const { server, client, connection, written } = pair();
    let table: RemoteTable | undefined;
    connection.discover((error, services, made) => {
      assert.equal(error, null);
      assert.deepEqual(services!.map(({ uuid, chars }) => `${uuid}: ${chars.map((one) => `${one.uuid} ${one.descriptors.map((each) => each.uuid)}`)}`), [
        "1800: 2a00 ,2a01 ,2a04 ",
        "1801: 2a05 2902,2b29 ,2b2a ",
        "fada47bec45548c9a5f2af7cf368d719: 2a25 ,5eba1111c45548c9a5f2af7cf368d719 ,2a19 2902,2901",
      ]);
      table = made;
    });
    client.run(10000);
    assert.ok(table, "discovered");
    assert.match(table.hash, /^[0-9a-f]{32}$/);
    const heard: string[] = [];
    const done: string[] = [];
    connection.read(0x2a25, (error, value) => done.push(`${error} ${Buffer.from(value!).toString()}`));
    connection.write("5eba1111c45548c9a5f2af7cf368d719", "hello", (error) => done.push(`${error}`));
    connection.write("5eba1111c45548c9a5f2af7cf368d719", LONG + LONG.slice(0, 200), (error) => done.push(`${error}`));
    connection.subscribe(0x2a19, (value) => heard.push(hex(value)), (error) => done.push(`${error}`));
    client.run(3000);
    assert.deepEqual(done, [`null ${LONG}`, "null", "null", "null"]);
    assert.deepEqual(written, [hex(Buffer.from("hello")), hex(Buffer.from(LONG + LONG.slice(0, 200)))]);
    server.bt.notify(0x2a19, [51]);
    assert.equal(connection.send("5eba1111c45548c9a5f2af7cf368d719", "now"), true);
    client.run(200);
    assert.deepEqual(heard, ["33"]);
    assert.equal(written.at(-1), hex(Buffer.from("now")));
    const before = client.bt.counters().sent;
    let again = 0;
    connection.discover((error) => (again += error ? 100 : 1), table);
    client.run(500);
    assert.equal(again, 1);
    assert.equal(client.bt.counters().sent - before, 1, "one request");
  });
});
