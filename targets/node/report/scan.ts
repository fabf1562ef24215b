import { addressTypeName, describe, eventName, formatDistance, type Hearing } from "./hearing.js";
import { fit } from "./printable.js";
import { colons, TextReport, WIDTH } from "./text.js";

/** How often the table is drawn at the most, ms. */
const REFRESH = 100;

/** Rows that are remembered; then the one that was heard the longest ago leaves. */
const MOST = 512;

/** Lines of a terminal that does not tell, and those that are not for rows: head, foot, the cursor's. */
const LINES = 24;
const OTHER_LINES = 3;

const HEAD = row("ADDRESS", "TYPE", "EVENT", "DBM", "RULE", "SEEN", "DISTANCE");

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const ERASE_BELOW = "\x1b[J";
const ERASE_TO_RIGHT = "\x1b[K";

/** One kind of advert of one device. */
interface Row {
  last: Hearing;
  seen: number;
  /** Number of the advert that was heard last. */
  order: number;
}

/** What is heard, for people: a table that is kept up to date on a terminal, a line for each advert elsewhere. */
export class ScanReport extends TextReport {
  private readonly _rows = new Map<string, Row>();
  private _total = 0;
  /** Lines of the table on the screen; -1 before there is one. */
  private _lines = -1;
  private _timer: NodeJS.Timeout | null = null;

  override heard(hearing: Hearing): void {
    if (!this._terminal) return this._tell(hearing);
    this._note(hearing);
    if (this._lines < 0) this._begin();
    this._timer ??= setTimeout(() => this._draw(), REFRESH);
  }

  override end(ms: number): void {
    if (this._lines >= 0) this._finish();
    super.end(ms);
  }

  /** The table makes room for what is told besides, and comes back below it. */
  protected override _above(tell: () => void): void {
    const shown = this._lines >= 0;
    if (shown) this._out.write(this._home() + ERASE_BELOW);
    if (shown) this._lines = 0;
    tell();
    if (shown) this._draw();
  }

  private _tell(hearing: Hearing): void {
    const { ms, advert, rssi, distance } = hearing;
    const what = describe(hearing, false);
    const strength = (rssi === null ? "unknown" : `${rssi} dBm`).padStart(8);
    const head = `${colons(advert.address)} ${addressTypeName(advert)} ${eventName(advert).padEnd(15)} ${strength}  rule ${advert.rule}`;
    const about = distance === null ? "" : `, about ${formatDistance(distance)}`;
    this._put(`${this._time(ms)} ${head}${what === "" ? "" : `  ${what}`}${about}`);
  }

  private _note(hearing: Hearing): void {
    const { address, addresstype, type } = hearing.advert;
    const key = `${address} ${addresstype} ${type}`;
    const known = this._rows.get(key);
    this._total++;
    if (known !== undefined) {
      known.last = hearing;
      known.seen++;
      known.order = this._total;
      return;
    }
    if (this._rows.size >= MOST) this._forgetOldest();
    this._rows.set(key, { last: hearing, seen: 1, order: this._total });
  }

  private _forgetOldest(): void {
    let oldest = "";
    let order = Infinity;
    for (const [key, row] of this._rows) {
      if (row.order < order) [oldest, order] = [key, row.order];
    }
    this._rows.delete(oldest);
  }

  private _begin(): void {
    this._lines = 0;
    this._out.write(HIDE_CURSOR);
    process.on("exit", this._showCursor);
  }

  private _finish(): void {
    this._draw();
    this._lines = -1;
    process.off("exit", this._showCursor);
    this._showCursor();
  }

  private readonly _showCursor = (): void => {
    this._out.write(SHOW_CURSOR);
  };

  private _draw(): void {
    if (this._timer !== null) clearTimeout(this._timer);
    this._timer = null;
    const lines = this._table();
    const home = this._home();
    this._lines = lines.length;
    this._out.write(`${home}${lines.map((line) => `${line}${ERASE_TO_RIGHT}\n`).join("")}${ERASE_BELOW}`);
  }

  /** Takes the cursor to the first line of the table. */
  private _home(): string {
    return this._lines > 0 ? `\r\x1b[${this._lines}A` : "";
  }

  /** The lines of the table as they are to be seen: as many rows as there is room for, the nearest if not all. */
  private _table(): string[] {
    // The last column stays free: some terminals go on to the next line when it is written.
    const width = Math.min(this._out.columns || WIDTH, WIDTH) - 1;
    const room = (this._out.rows || LINES) - OTHER_LINES;
    const shown = this._choose(room);
    const lines = [this._style("bold", fit(HEAD, width))];
    for (const { last, seen } of shown) {
      const { advert, rssi, distance } = last;
      lines.push(
        fit(
          row(
            colons(advert.address),
            addressTypeName(advert),
            eventName(advert),
            rssi === null ? "unknown" : String(rssi),
            String(advert.rule),
            String(seen),
            distance === null ? "" : formatDistance(distance),
          ),
          width,
        ),
      );
      const what = describe(last, this._unicode);
      if (what !== "") lines.push(this._style("green", fit(`  ${what}`, width)));
    }
    const hidden = this._rows.size - shown.length;
    lines.push(this._style("dim", fit(`${this._total} adverts${hidden > 0 ? `; no room for ${hidden} rows more` : ""}`, width)));
    return lines;
  }

  /** The rows that fit into so many lines, in the order in which they were first heard. */
  private _choose(room: number): Row[] {
    const nearest = [...this._rows.values()].sort((a, b) => (b.last.rssi ?? -Infinity) - (a.last.rssi ?? -Infinity));
    const chosen = new Set<Row>();
    let left = room;
    for (const row of nearest) {
      left -= describe(row.last, this._unicode) === "" ? 1 : 2;
      if (left < 0) break;
      chosen.add(row);
    }
    return [...this._rows.values()].filter((row) => chosen.has(row));
  }
}

function row(address: string, type: string, event: string, rssi: string, rule: string, seen: string, distance: string): string {
  const start = `${address.padEnd(17)} ${type.padEnd(6)} ${event.padEnd(15)}`;
  return `${start} ${rssi.padStart(7)} ${rule.padStart(4)} ${seen.padStart(8)} ${distance.padStart(8)}`.trimEnd();
}
