import { runInNewContext } from "node:vm";
import * as esbuild from "esbuild";

/** A module of a small target, as its engine would load it: what it takes from its surroundings is given. */
export async function load(entry: string, surroundings: { [name: string]: unknown }): Promise<any> {
  const built = await esbuild.build({ entryPoints: [entry], bundle: true, write: false, format: "cjs", target: "es2020", define: { require: "engineRequire" } });
  const module = { exports: {} as any };
  runInNewContext(built.outputFiles[0].text, { module, exports: module.exports, Uint8Array, Error, Object, ...surroundings });
  return module.exports;
}
