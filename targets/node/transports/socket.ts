import { connect, type Socket } from "node:net";
import type { Transport } from "../transport.js";
import type { Fault, FaultingUart, Receive } from "./uart.js";

/** How long the other end may take to accept a connection that is ended already, and then to close it, ms. */
const PARTING = 500;

/**
 * A UART over a stream socket on which the other end speaks H4. It has no rate: to open it at another one changes nothing. What is written
 * before the connection is there goes out once it is.
 */
export class SocketUart implements FaultingUart {
  /** The socket has flow control of its own, but it is not that of the chip's line. */
  readonly flow = false;
  private readonly _address: { path: string } | { host: string; port: number };
  private readonly _name: string;
  private _socket: Socket | null = null;
  private _receive: Receive | null = null;
  private _fault: Fault | null = null;

  constructor(where: Extract<Transport, { kind: "unix" | "tcp" }>) {
    this._address = where.kind === "unix" ? { path: where.path } : { host: where.host, port: where.port };
    this._name = where.kind === "unix" ? `unix:${where.path}` : `tcp:${where.host}:${where.port}`;
  }

  open(_baud: number, _flow: boolean, receive: Receive, fault: Fault): void {
    this._receive = receive;
    this._fault = fault;
    if (this._socket === null || this._socket.destroyed) this._connect();
  }

  write(buffer: Uint8Array, offset: number, length: number): void {
    if (this._socket === null) throw new Error("uart.write: the port is not open");
    // A copy: the socket keeps what it cannot send at once, and the stack builds its next packet in the same buffer.
    if (this._fault !== null) this._socket.write(Uint8Array.prototype.slice.call(buffer, offset, offset + length));
  }

  close(): void {
    const socket = this._socket;
    this._socket = null;
    this._receive = this._fault = null;
    if (socket === null || socket.destroyed) return;
    // What still comes in is read and dropped: a socket that is closed over unread bytes may take back what was sent last.
    const part = () => void setTimeout(() => socket.destroy(), PARTING).unref();
    if (socket.connecting) part();
    socket.end(part);
  }

  fail(reason: string): void {
    const fault = this._fault;
    this._receive = this._fault = null;
    this._socket?.destroy();
    fault?.(reason);
  }

  private _connect(): void {
    const socket = connect({ ...this._address, noDelay: true });
    this._socket = socket;
    socket.on("data", (data) => {
      if (this._socket === socket) this._receive?.(data);
    });
    socket.on("error", (error) => this._lost(socket, describe(error)));
    socket.on("close", () => this._lost(socket, "the other end has closed the connection"));
  }

  /** Errors of a connection that was given up concern nobody. */
  private _lost(socket: Socket, reason: string): void {
    if (this._socket === socket) this.fail(`${this._name}: ${reason}`);
  }
}

/** An error in words; that of a host with several addresses has none of its own. */
function describe(error: Error): string {
  return error instanceof AggregateError && error.message === "" ? error.errors.map((each: Error) => each.message).join("; ") : error.message;
}
