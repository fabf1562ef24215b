// Duktape 2.7 out of Debian's source package.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { give, out } from "./paths.mjs";
import { attempt, run } from "./run.mjs";

const VERSION = "2.7.0";
const PACKAGE = `duktape=${VERSION}-2`;
const SOURCES = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main\n";

/** Where the release's duk_config.h lets itself be overridden. */
const OVERRIDES = "/* __OVERRIDE_DEFINES__ */";

/** Unpacks the package, by the machine's own lists if there are sources in them, else by lists that are thrown away afterwards. */
function download() {
  const folder = join(out, "apt");
  const options = ["-q", "-o", "APT::Sandbox::User=root"];
  if (attempt("apt-get", [...options, "source", PACKAGE], { limit: 120, cwd: out })) return;
  options.push("-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Acquire::Languages=none");
  const places = { "Dir::Etc::SourceList": "sources.list", "Dir::State::Lists": "lists", "Dir::Cache": "cache" };
  for (const [name, part] of Object.entries(places)) options.push("-o", `${name}=${join(folder, part)}`);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, "sources.list"), SOURCES);
  run("apt-get", [...options, "update"], { limit: 120, cwd: out });
  run("apt-get", [...options, "source", PACKAGE], { limit: 120, cwd: out });
  rmSync(folder, { recursive: true, force: true });
}

/**
 * The folder with duktape.c, duktape.h and a duk_config.h that takes in src/engine.h; fetched if it is not there.
 * The environment's DUKTAPE may name an unpacked release instead.
 */
export function duktape() {
  const target = join(out, "duktape");
  const marker = join(target, "duk_config.h");
  if (existsSync(marker)) return target;
  const release = process.env.DUKTAPE ?? join(out, `duktape-${VERSION}`);
  if (!existsSync(join(release, "src", "duktape.c"))) {
    if (process.env.DUKTAPE) give(`DUKTAPE is ${release}, and there is no src/duktape.c in it`);
    console.error("fetching the source of duktape");
    download();
  }
  const config = readFileSync(join(release, "src", "duk_config.h"), "utf8");
  if (!config.includes(OVERRIDES)) give(`the duk_config.h of ${release} is not that of version ${VERSION}`);
  mkdirSync(target, { recursive: true });
  for (const name of ["duktape.c", "duktape.h"]) writeFileSync(join(target, name), readFileSync(join(release, "src", name)));
  writeFileSync(marker, config.replace(OVERRIDES, '#include "engine.h"'));
  return target;
}
