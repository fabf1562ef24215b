import { TextReport } from "./text.js";

/** For people at a prompt: what is told stands above the line on which they are typing. */
export class PromptReport extends TextReport {
  /** Shows that line again; null: there is none. */
  redraw: (() => void) | null = null;

  protected override _above(tell: () => void): void {
    if (this.redraw === null) return tell();
    this._out.write("\r\x1b[J");
    tell();
    this.redraw();
  }
}
