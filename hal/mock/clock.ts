/** What `VirtualClock.after` returns, to be given back to `cancel`. */
export interface Handle {
  /** When it fires, in milliseconds of virtual time. */
  readonly time: number;
}

interface Event extends Handle {
  /** Insertion number: the order of events that share a time. */
  readonly sequence: number;
  readonly callback: () => void;
  /** Place in the heap, -1 once it has fired or was cancelled. */
  index: number;
}

/**
 * Virtual time: an event queue whose clock jumps from one event to the next. Nothing happens between two calls of `run`, `until` or
 * `step`, and what happens inside them depends on nothing but the events.
 */
export class VirtualClock {
  private _now = 0;
  private _sequence = 0;
  private _running = false;
  /** Binary min-heap by time, then by insertion. */
  private readonly _heap: Event[] = [];

  /** Milliseconds of virtual time since the clock was made; fractions are kept. */
  get now(): number {
    return this._now;
  }

  /** How many events are still to come. */
  get pending(): number {
    return this._heap.length;
  }

  /**
   * Calls `callback` once, `ms` from now; events of the same time fire in the order in which they were asked for.
   * @param ms milliseconds, 0 or more, fractions allowed
   */
  after(ms: number, callback: () => void): Handle {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`VirtualClock.after: ms is ${ms}, not a number from 0`);
    const event: Event = { time: this._now + ms, sequence: this._sequence++, callback, index: this._heap.length };
    this._heap.push(event);
    this._rise(event);
    return event;
  }

  /**
   * Takes an event back. One that has fired or was cancelled before is no error.
   * @returns true if it was still to come
   */
  cancel(handle: Handle): boolean {
    const event = handle as Event;
    if (this._heap[event.index] !== event) return false;
    this._remove(event);
    return true;
  }

  /** Fires the next event, whenever it is due. Returns false if there is none. */
  step(): boolean {
    if (this._heap.length === 0) return false;
    this._enter("step");
    try {
      this._fire();
    } finally {
      this._running = false;
    }
    return true;
  }

  /**
   * Lets `ms` milliseconds pass and fires what is due in them, the last instant included.
   * @param ms milliseconds, 0 or more
   */
  run(ms: number): void {
    this.until(never, ms);
  }

  /**
   * Lets time pass, event by event, until `predicate` holds. The clock then stands at the event that made it true.
   * @param predicate asked before the first event and after each
   * @param limitms milliseconds after which to give up; the clock then stands exactly there
   * @returns what the predicate said last
   */
  until(predicate: () => boolean, limitms: number): boolean {
    if (!(limitms >= 0 && limitms < Infinity)) throw new RangeError(`VirtualClock: ${limitms} is not a number of milliseconds from 0`);
    const end = this._now + limitms;
    this._enter("run and until");
    try {
      if (predicate()) return true;
      while (this._heap.length > 0 && this._heap[0].time <= end) {
        this._fire();
        if (predicate()) return true;
      }
      this._now = end;
      return false;
    } finally {
      this._running = false;
    }
  }

  /** An event that ran the clock would move it under the feet of the run that fired the event. */
  private _enter(what: string): void {
    if (this._running) throw new Error(`VirtualClock: ${what} may not be called from inside an event`);
    this._running = true;
  }

  private _fire(): void {
    const event = this._heap[0];
    this._remove(event);
    this._now = event.time;
    event.callback();
  }

  private _remove(event: Event): void {
    const heap = this._heap;
    const last = heap.pop()!;
    if (last !== event) {
      heap[event.index] = last;
      last.index = event.index;
      this._rise(last);
      this._sink(last);
    }
    event.index = -1;
  }

  private _rise(event: Event): void {
    const heap = this._heap;
    let index = event.index;
    while (index > 0) {
      const parent = heap[(index - 1) >> 1];
      if (!before(event, parent)) break;
      heap[index] = parent;
      const up = parent.index;
      parent.index = index;
      index = up;
    }
    heap[index] = event;
    event.index = index;
  }

  private _sink(event: Event): void {
    const heap = this._heap;
    let index = event.index;
    for (;;) {
      let down = 2 * index + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1], heap[down])) down++;
      const child = heap[down];
      if (!before(child, event)) break;
      heap[index] = child;
      child.index = index;
      index = down;
    }
    heap[index] = event;
    event.index = index;
  }
}

function before(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}

function never(): boolean {
  return false;
}
