import { clearTimer, Slot } from "./clock.js";
import { closeChip } from "./chip/supervisor.js";
import { use, type Host } from "./host.js";
import { attempt } from "./records.js";

/** The method that the factory reset adds to the instance. */
export interface Resetting {
  /**
   * Makes the device what it was when it left the factory: nothing of its owner is left, neither in `options.store` (bonds with their keys, the address that was
   * drawn) nor in memory, and the instance is closed. Connections end, phones that were paired are strangers. The next `open()` draws a new code and, where
   * the device has neither an address of its own nor one that follows from `hal.uniqueid`, a new address. What the application keeps is the application's.
   * @returns true; false where the store has refused: `onerror` is told, and nothing has changed
   * @throws BlimpError "closed"
   */
  factoryreset(): boolean;
}

/** Adds the factory reset, for builds that keep something. */
export function addFactoryReset(host: Host, instance: Resetting): void {
  instance.factoryreset = function () {
    const method = "factoryreset";
    const store = host._options.store;
    use(host, method);
    if (
      store &&
      !attempt(host, method, function () {
        return store.erase ? store.erase() : store.save(new Uint8Array(0));
      })
    ) {
      return false;
    }
    // Nobody is to save anything any more, neither a link that ends nor a pairing that succeeds in the last moment.
    clearTimer(host, Slot.Save);
    host._bonds = null;
    for (let i = 0; host._links && i < host._links.length; i++) host._links[i]._bond = null;
    host._session.address = null;
    closeChip(host);
    return true;
  };
}
