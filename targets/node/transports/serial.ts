import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { sleep } from "../time.js";
import { drainLine, releaseLine, setLine } from "./stty.js";
import type { Fault, FaultingUart, Receive } from "./uart.js";

/** How long a change of rate, and closing, wait for the system to take what is in the queue, ms. */
const PATIENCE = 1000;

/** A port that is open. */
interface Port {
  readonly descriptor: number;
  /** Reads on a descriptor of its own for the same open file. */
  readonly stream: ReadStream;
  /** What the system has not taken yet, oldest first. */
  readonly queue: Uint8Array[];
  timer: NodeJS.Timeout | null;
}

/**
 * A UART on a serial line: settings by `stty`, bytes through a file descriptor. Between two packets there is nothing left to be sent, so
 * that a change of rate, which waits for the last byte, returns at once.
 */
export class SerialUart implements FaultingUart {
  readonly flow: boolean;
  private readonly _device: string;
  private _port: Port | null = null;
  private _receive: Receive | null = null;
  private _fault: Fault | null = null;
  private _obeyed = false;

  /**
   * @param device path of the line
   * @param flow RTS and CTS are wired
   */
  constructor(device: string, flow: boolean) {
    this._device = device;
    this.flow = flow;
  }

  open(baud: number, flow: boolean, receive: Receive, fault: Fault): void {
    // A line that was lost is given up, and taken anew.
    if (this._port !== null && this._fault === null) this.close();
    if (this._port === null) {
      this._port = this._take(baud, flow);
    } else {
      this._flush(this._port);
      setLine(this._device, baud, flow);
    }
    this._obeyed = flow;
    this._receive = receive;
    this._fault = fault;
  }

  write(buffer: Uint8Array, offset: number, length: number): void {
    const port = this._port;
    if (port === null) throw new Error("uart.write: the port is not open");
    if (this._fault === null) return;
    const sent = port.queue.length > 0 ? 0 : this._send(port, buffer, offset, length);
    if (sent === length) return;
    // A copy: the stack builds its next packet in the same buffer.
    port.queue.push(Uint8Array.prototype.slice.call(buffer, offset + sent, offset + length));
    this._later(port);
  }

  close(): void {
    const port = this._port;
    const alive = this._fault !== null;
    this._port = null;
    this._receive = this._fault = null;
    if (port === null) return;
    if (alive && !(this._flush(port) && drainLine(this._device, this._obeyed))) releaseLine(this._device);
    if (port.timer !== null) clearTimeout(port.timer);
    port.stream.destroy();
    closeSync(port.descriptor);
  }

  fail(reason: string): void {
    const fault = this._fault;
    this._receive = this._fault = null;
    fault?.(reason);
  }

  private _take(baud: number, flow: boolean): Port {
    // Not to become the controlling terminal; and without waiting for a carrier, which the settings then do away with.
    const descriptor = openSync(this._device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    try {
      setLine(this._device, baud, flow);
      discard(descriptor);
      const port: Port = { descriptor, stream: new ReadStream(descriptor), queue: [], timer: null };
      port.stream.on("data", (data: Buffer) => {
        if (this._port === port) this._receive?.(data);
      });
      port.stream.on("error", (error) => this._lost(port, error.message));
      port.stream.on("end", () => this._lost(port, "the line has been hung up"));
      return port;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  private _lost(port: Port, reason: string): void {
    if (this._port === port) this.fail(`${this._device}: ${reason}`);
  }

  /** Gives the system what it takes without waiting; returns how many bytes that were. */
  private _send(port: Port, buffer: Uint8Array, offset: number, length: number): number {
    let sent = 0;
    try {
      while (sent < length) sent += writeSync(port.descriptor, buffer, offset + sent, length - sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
    return sent;
  }

  private _later(port: Port): void {
    port.timer ??= setTimeout(() => {
      port.timer = null;
      try {
        this._advance(port);
        if (port.queue.length > 0) this._later(port);
      } catch (error) {
        this._lost(port, (error as Error).message);
      }
    }, 1);
  }

  /** Gives the system what it takes of the queue. */
  private _advance(port: Port): void {
    while (port.queue.length > 0) {
      const bytes = port.queue[0];
      const sent = this._send(port, bytes, 0, bytes.length);
      if (sent < bytes.length) {
        port.queue[0] = bytes.subarray(sent);
        return;
      }
      port.queue.shift();
    }
  }

  /** Gives the system the whole queue; false where it does not take it, and what is left is forgotten. */
  private _flush(port: Port): boolean {
    try {
      for (let waited = 0; port.queue.length > 0 && waited < PATIENCE; waited++) {
        if (waited > 0) sleep(1);
        this._advance(port);
      }
    } catch {
      // Who waits for the line to be free does not mind that it is gone.
    }
    const all = port.queue.length === 0;
    port.queue.length = 0;
    return all;
  }
}

/** Reads and forgets what came in before: it may hold an answer to someone else's question. */
function discard(descriptor: number): void {
  const bytes = new Uint8Array(4096);
  try {
    while (readSync(descriptor, bytes) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  }
}
