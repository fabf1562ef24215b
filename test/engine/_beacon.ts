import { open } from "../../targets/jerryscript/beacon.js";
import { createBench, type Bench } from "./_chip.js";

/** A beacon that is ready, on a chip that runs its patch; what it has sent so far is forgotten. */
export interface Ready {
  bench: Bench;
  bt: any;
  errors: any[];
}

export function createReady(options?: any): Ready {
  const bench = createBench({ revision: 508 });
  const errors: any[] = [];
  const given = options || {};
  given.onerror = function (error: any) {
    errors.push(error.code);
  };
  const bt = open(bench.hal, null, given);
  bench.run(1000);
  bench.sent.splice(0);
  return { bench: bench, bt: bt, errors: errors };
}
