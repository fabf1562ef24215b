import { START_BAUD, VirtualChip, type ChipOptions, type ChipParts } from "./chip.js";
import { PLAIN } from "./identity.js";
import { deviceAddress } from "./pdu.js";

export interface PlainOptions extends ChipOptions {
  /** Rate of its UART, which never changes, bit/s; default 115200. */
  baud?: number;
}

/** A standard H4 controller without power pin, firmware download or vendor commands. It listens from the first moment on. */
export class PlainController extends VirtualChip {
  /** Without `options.address` it has a public address drawn from the seed. */
  constructor(parts: ChipParts, options: PlainOptions = {}) {
    const address = options.address === undefined ? drawPublicAddress(parts) : deviceAddress(options.address).bytes;
    super(parts, { ...PLAIN, ...options.identity }, address, options);
    this._end.setBaud(options.baud ?? START_BAUD);
    this._end.rts = 0;
  }

  /** Starts anew, as a controller does that crashed: all state is lost, nothing is told to the host. */
  restart(): void {
    this._die();
  }

  protected _perform(_opcode: number, packet: Uint8Array): void {
    this.controller.receive(packet);
  }
}

function drawPublicAddress(parts: ChipParts): Uint8Array {
  const bytes = new Uint8Array(6);
  parts.random.fill(bytes);
  // Neither a group address nor a locally administered one.
  bytes[5] &= 0xfc;
  return bytes;
}
