/** The store in the real interpreter's Storage: killed while it saves, where flash is full, and where flash is cleared up while code runs in it. */
import { readFileSync } from "node:fs";
import { sleep } from "./air.mjs";
import { check } from "./beacon.mjs";
import { Espruino, flash, LIMIT, preset, START, store, written } from "./espruino-board.mjs";

/** How often the interpreter is killed. */
const KILLS = 25;

const LOAD = 'eval(require("Storage").read("blimp"));var s=blimp.store("kept"),b,i,n;';
const STAY = "setInterval(function(){},1000);";

/** What a run finds in the store, told as FOUND n: each of its bytes has to be n. */
const FIND = 'b=s.load();n=b?b[0]:-1;if(b)for(i=0;i<b.length;i++)if(b[i]!=n)n="torn at "+i;print("FOUND "+n);';

async function app(text) {
  await store([["app", written("app.js", LOAD + text)]], true);
}

/** Saves one thing after another until it is killed; what it finds then is what was saved last, or what was being saved. */
async function killed() {
  await app(`${FIND}n=b?b[0]:0;function go(){for(var j=0;j<20;j++){n=(n+1)%250;b=new Uint8Array(60+n);b.fill(n);print("BEGIN "+n);if(s.save(b))print("DONE "+n);else print("FULL "+n);}setTimeout(go,1);}go();`);
  let expected = null;
  let saves = 0;
  let between = 0;
  for (let i = 0; i < KILLS; i++) {
    const espruino = new Espruino(START);
    const found = Number(await espruino.wait("FOUND"));
    if (expected) {
      if (!expected.includes(found)) throw new Error(`killed for the ${i}th time: found ${espruino.said("FOUND")[0]}, not one of ${expected}`);
    } else if (found !== -1) throw new Error(`there should be nothing, and is ${found}`);
    await sleep(100 + Math.random() * 150);
    await espruino.end();
    const [begun, done] = [espruino.said("BEGIN"), espruino.said("DONE")].map((list) => list.map(Number));
    if (espruino.said("FULL").length || espruino.wrong) throw new Error(`it cannot save: ${espruino.wrong ?? espruino.said("FULL")}`);
    saves += done.length;
    if (begun.length > done.length) between++;
    // What it has printed last may not have come out: it is ahead of what is known by some saves.
    const last = begun.at(-1) ?? found;
    expected = Array.from({ length: 30 }, (_, k) => (last + k - 1 + 250) % 250);
  }
  check(`killed ${KILLS} times while it saved (${saves} saves, ${between} of them begun and not ended): always whole, the last or the one under way`, saves > KILLS * 4, saves);
}

/** How often each page of flash has been written, seen by its bytes: nothing changes where nothing is new. */
async function wear() {
  await app(`b=new Uint8Array(70);b.fill(9);print("SAVED "+s.save(b));${STAY}`);
  let espruino = new Espruino(START);
  await espruino.wait("SAVED");
  await espruino.end();
  const before = readFileSync(flash);
  espruino = new Espruino(START);
  await espruino.wait("SAVED");
  await espruino.end();
  check("saving what is there writes nothing: flash is the same, byte for byte", readFileSync(flash).equals(before));
}

/** A full flash: a store that has its file goes on in it, one without says no; what was stays. */
async function full() {
  const fill = 'var S=require("Storage"),k=0;while(S.getFree()>3000){try{if(S.write("fill"+k,"x",0,2000)!==true)break}catch(e){break}k++;}';
  await app(`S0=require("Storage");S0.erase("kept0");S0.erase("kept1");S0.compact();b=new Uint8Array(70);b.fill(1);print("FIRST "+s.save(b));${fill}while(1){try{S.write("last"+k,"x",0,Math.max(S.getFree()-64,1));k++;}catch(e){break}}print("FREE "+S.getFree());
n=1;for(i=2;i<60;i++){b=new Uint8Array(70);b.fill(i);if(!s.save(b))break;n=i;}print("KEPT "+n);b=s.load();print("STILL "+b[0]);
var t=blimp.store("new");b.fill(1);print("NEW "+t.save(b)+" "+t.load());for(i=0;i<=k;i++)S.erase("fill"+i);b=new Uint8Array(70);b.fill(99);print("AGAIN "+s.save(b)+" "+s.load()[0]);${STAY}`);
  const espruino = new Espruino(START);
  await espruino.wait("AGAIN", LIMIT);
  const [free, kept, still, made, again] = ["FREE", "KEPT", "STILL", "NEW", "AGAIN"].map((word) => espruino.said(word)[0]);
  check(`in a full flash (${free} bytes free) it goes on in its own file for ${kept} saves, then says no and keeps the last`, Number(kept) >= 10 && Number(kept) < 59 && still === kept, espruino.output);
  check("a store without a file says no", made === "false null", made);
  check("once there is room, flash that has to be cleared up first while code runs in it, it saves", again === "true 99" && !espruino.wrong, `${again} ${espruino.wrong}`);
  await espruino.end();
  const next = new Espruino(`${LOAD}${FIND}${STAY}`);
  check("and has it after a restart", (await next.wait("FOUND")) === "99", next.output);
  await next.end();
}

export async function storage() {
  console.log("-- the store in Storage");
  await store([["blimp", preset("secure")]]);
  await killed();
  await wear();
  await full();
}
