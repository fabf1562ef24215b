/** What a preset needs of a board's variables, and what it says where they are not there: the real interpreter, whose pool is filled first. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, sleep, until } from "./air.mjs";
import { check, DATA } from "./beacon.mjs";
import { CODE, Espruino, LIMIT, preset, SLOWLY, START, store, written } from "./espruino-board.mjs";
import { ask, Chip, FIRMWARE, mock, putImage } from "./espruino-chip.mjs";

/** Which presets are tried; where there are more variables than 5450, `full` too. */
const PRESETS = ["beacon", "observer", "peripheral", "secure"];
const SMALL = 5450;
/** What the interpreter has taken before anything. */
const BASE = 200;
/** How near the measured need is known. */
const NEAR = 12;
/** What is there of a script when it looks how much room there is, with what calls it. */
const BEFORE = 80;
/** How much more than the measured need a preset may ask for: a need that is too high keeps away who has room. */
const SLACK = 1.06;

const SERVICE = "180d";
const CHARACTERISTIC = "2a39";

/** What the declaration in targets/espruino/needs says: variables that the rest of the script and an instance need, and those of the instance. */
function declared(name) {
  const [, whole, instance] = /^begin\((\d+), (\d+)\);$/m.exec(readFileSync(join(ROOT, `targets/espruino/needs/${name}.ts`), "utf8"));
  return { whole: Number(whole), instance: Number(instance) };
}

/** Fills the pool, so that so many variables are free. */
function fill(free) {
  return `var ballast;ballast=new Uint8Array(process.memory().blocksize*(process.memory().free-${free}-3));`;
}

/** The smallest program of each preset. */
const PROGRAMS = {
  beacon: `bt.startadvertise("${DATA.replace(/../g, "\\x$&")}",100,100);`,
  observer: 'bt.startscan(function(a){for(var i=0;i<a.length;i++)n++;});',
  peripheral: `bt.setsecurity(1);bt.servegatt([{uuid:0x${SERVICE},chars:[{uuid:0x${CHARACTERISTIC},write:function(c,v){n++}}]}]);bt.onconnect(function(){});bt.startadvertise("\\x02\\x01\\x06\\x03\\x03\\x0d\\x18",100,100);`,
};
PROGRAMS.full = PROGRAMS.secure = PROGRAMS.peripheral.replace("setsecurity(1)", `setsecurity(3,${CODE})`);

function program(name, path, free) {
  const secure = name === "secure" || name === "full";
  return `${fill(free)}var n=0,opening=true,h,bt;eval(require("Storage").read("blimp"));
h=blimp.hal({serial:Serial1,path:${JSON.stringify(path)}});${secure ? `${SLOWLY}slowly(h);` : ""}
bt=blimp.open(h,${FIRMWARE},{baud:921600,mac:"c00000000001"${secure ? ',store:blimp.store("bonds")' : ""}});
${PROGRAMS[name]}opening=false;setInterval(function(){},1000);`;
}

/** Lets the instance do what it can. */
async function works(name, chip, espruino) {
  const told = async () => {
    espruino.type('print("N "+n)');
    await sleep(150);
    return Number(espruino.said("N").at(-1) ?? 0);
  };
  const trouble = () => espruino.wrong ?? /.*(?:New interpreter error|Execution Interrupted).*/.exec(espruino.output)?.[0];
  const see = async (condition, what) => {
    await until(async () => trouble() || (await condition()), LIMIT, () => what);
    if (trouble()) throw new Error(trouble());
  };
  if (name === "beacon") return see(() => chip.heard.length > 5, "nothing on the air");
  if (name === "observer") {
    chip.board.air.advertise({ data: Buffer.from(DATA, "hex") });
    return see(async () => (await told()) > 20, "no adverts");
  }
  const phone = new mock.Phone(chip.board.air, { pairing: { sc: false, passkey: CODE } });
  for (let round = 1; round <= 2; round++) {
    await see(() => chip.heard.some(({ type }) => type === 0), "no advert");
    await ask(phone, "connect", { service: SERVICE });
    // Longer than a packet: in prepared parts.
    await ask(phone, "write", CHARACTERISTIC, "x".repeat(60));
    await see(async () => (await told()) === round, "the write has not come");
    await ask(phone, "disconnect");
    await sleep(1200);
    await see(() => true);
  }
}

/** Whether a preset does what it can where so many variables are free before its script is loaded; `unchecked`: it is not asked. */
async function trial(name, free, unchecked) {
  const chip = await Chip.start(`memory-${name}-${free}`);
  let espruino;
  try {
    const script = readFileSync(preset(name), "latin1");
    const silenced = script.replace(/throw (\$\w+\("memory")/, "if(0)throw $1");
    if (unchecked && silenced === script) throw new Error("the check is not where it was");
    await store([["blimp", written("blimp.js", Buffer.from(unchecked ? silenced : script, "latin1"))], putImage(), ["app", written("app.js", program(name, chip.terminal.path, free))]], true);
    espruino = new Espruino(`${START}print("LOADED 1");`);
    await espruino.wait("LOADED", LIMIT);
    await works(name, chip, espruino);
    espruino.type('print("USED "+(process.memory().usage-ballast.length/process.memory().blocksize))');
    return { used: Number(await espruino.wait("USED")) };
  } catch (error) {
    return { error: error.message.split("\n")[0] };
  } finally {
    chip.close();
    await espruino?.end();
  }
}

/** The presets to be tried, and how many variables the interpreter has. */
async function candidates() {
  const espruino = new Espruino('print("TOTAL "+process.memory().total);');
  const total = Number(await espruino.wait("TOTAL"));
  await espruino.end();
  return { names: total > SMALL ? [...PRESETS, "full"] : PRESETS, total };
}

/** Finds the need of each preset by halving, and prints it. */
export async function measure() {
  const { names, total } = await candidates();
  for (const name of names) {
    const { whole } = declared(name);
    let [low, high] = [Math.round(whole * 0.8), Math.min(Math.round(whole * 1.3), total - BASE)];
    while (high - low > NEAR) {
      const middle = (low + high) >> 1;
      const { error, used } = await trial(name, middle, true);
      console.log(`   ${name} with ${middle} variables: ${error ?? `works, ${used} in use at the end`}`);
      if (error) low = middle;
      else high = middle;
    }
    console.log(`${name} needs ${high} variables, ${high - BEFORE + 10} at its beginning, where it says ${whole}`);
  }
}

/** A board without the room says so, with both figures, before half of it is there; one that just has it does all that the preset can. */
export async function memory() {
  for (const name of (await candidates()).names) {
    const { whole, instance } = declared(name);
    console.log(`-- memory: preset ${name}, which says that it needs ${whole} variables, ${instance} of them for an instance`);
    await store([["blimp", preset(name)]]);
    const attempt = (free, what) => `${fill(free)}u=process.memory().usage;try{${what}}catch(e){print("CODE "+e.code+" "+e.step+" "+e.detail);print("TEXT "+e.message);}e=undefined;print("TOOK "+(process.memory().usage-u));setInterval(function(){},1000);`;
    let espruino = new Espruino(`var u=0;${attempt(whole + BEFORE - 40, 'eval(require("Storage").read("blimp"));')}`);
    const took = Number(await espruino.wait("TOOK"));
    const [code, step, free] = (await espruino.wait("CODE")).split(" ");
    const text = `blimp load: memory: ${whole} variables needed, ${free} free`;
    check(`where too few are free: "${espruino.said("TEXT")}"`, code === "memory" && step === "load" && whole - free > 0 && whole - free < 80 && espruino.said("TEXT")[0] === text, espruino.output);
    check(`before much of it is there: ${took} variables`, took < (whole - instance) / 3 && !espruino.wrong, espruino.wrong ?? took);
    await espruino.end();

    espruino = new Espruino(`var u=0;eval(require("Storage").read("blimp"));${attempt(instance - 40, "blimp.hal({serial:Serial1});")}`);
    await espruino.wait("TOOK");
    check(`where a program takes the rest after the script: "${espruino.said("TEXT")}"`, espruino.said("TEXT")[0].startsWith(`blimp hal: memory: ${instance} variables needed, `), espruino.output);
    await espruino.end();

    const { error, used } = await trial(name, whole + BEFORE, false);
    check(`with ${whole}, ${BEFORE} for what has been there before, the smallest program it does all that it can; ${used} are in use at the end`, !error, error);
    const less = await trial(name, Math.round((whole + BEFORE) / SLACK), true);
    check(`with ${Math.round((whole + BEFORE) / SLACK)} it would not: it asks for no more than it needs`, less.error, "it does: the need that it says can be lowered");
  }
}
