import type { Service } from "../../core/gatt/database.js";

/** What the values of a device are, by the number of its table. */
export function textOf(table: number): string {
  return `value ${table}`;
}

/** A value of several packets. */
export function longOf(table: number): string {
  return Array.from({ length: 70 }, (_, i) => String.fromCharCode(32 + ((i * 7 + table) % 90))).join("");
}

export interface Handlers {
  read(connection: any, reply: any): any;
  write(connection: any, value: Uint8Array, reply: any): any;
  subscribe(connection: any, on: number): void;
}

/** The services of a device; each number is another table, and has a value that changes what comes behind it. */
export function makeTable(table: number, handlers: Handlers): Service[] {
  const more: Service[] = table % 3 === 0 ? [] : [{ uuid: 0xbb00 + table, chars: [{ uuid: 0xbb01, value: "more" }] }];
  return [
    ...more,
    {
      uuid: 0xaa00,
      chars: [
        { uuid: 0xaa01, flags: 0x3a, read: (c, reply) => handlers.read(c, reply), write: (c, v, reply) => handlers.write(c, v, reply), subscribe: (c, on) => handlers.subscribe(c, on) },
        { uuid: 0xaa02, value: longOf(table) },
        { uuid: 0xaa03, flags: 0x0c, write: (c, v, reply) => handlers.write(c, v, reply) },
        { uuid: 0xaa04, value: "shown to some", level: 3 },
      ],
    },
  ];
}
