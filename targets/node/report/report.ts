import type { ReadyInfo } from "../../../core/options.js";
import type { ScanRule } from "../../../core/gap/rules.js";
import type { IBeacon } from "../ibeacon.js";
import type { Happening, Passkey, Peer, Served, Word } from "./happening.js";
import type { Explored } from "./explored.js";
import type { Hearing } from "./hearing.js";
import type { Reset } from "./reset.js";
import type { Tested, Testing } from "./testing.js";

/** An iBeacon that is on the air by our doing. */
export interface Broadcast {
  readonly beacon: IBeacon;
  /** ms */
  readonly interval: number;
  /** Its bytes. */
  readonly advert: Uint8Array;
}

/** How adverts are listened for. */
export interface Search {
  readonly active: boolean;
  /** ms */
  readonly interval: number;
  readonly window: number;
  readonly rules: readonly ScanRule[];
}

/** What a command tells of its doings. Times are in ms since power-up, by the clock of the HAL. */
export interface Report {
  /** What is about to be done, in a line. Programs are not told. */
  title(text: string): void;
  step(step: string, ms: number): void;
  /** Bytes of the firmware done, of all. */
  progress(done: number, total: number): void;
  ready(info: ReadyInfo): void;
  recovered(info: ReadyInfo): void;
  advertising(broadcast: Broadcast): void;
  scanning(search: Search): void;
  heard(hearing: Hearing): void;
  serving(served: Served): void;
  happened(happening: Happening): void;
  /** A code, for the eyes of the user: nothing else that is told has it in it. */
  passkey(passkey: Passkey): void;
  said(word: Word): void;
  connecting(peer: Peer): void;
  /** What a device has, with the values that could be read. */
  explored(explored: Explored): void;
  reset(reset: Reset): void;
  testing(testing: Testing): void;
  tested(tested: Tested): void;
  warning(error: Error): void;
  error(error: Error): void;
  /** The last word. */
  end(ms: number): void;
}
