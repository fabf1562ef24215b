import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkScript, RULES, type Rule, type ScriptKind } from "./guard.js";

/** What is refused, by rule: scripts of which each breaks that rule and no other. */
const REFUSED: Record<Rule, readonly (string | [ScriptKind, string])[]> = {
  syntax: [
    "var a = ;",
    "let a = 1;",
    "const a = 1;",
    "class A {}",
    "var f = () => 1;",
    "var s = `text`;",
    "var s = `${1}`;",
    "var a = [...'ab'];",
    "var o = {...{}};",
    "String(...'ab');",
    "function f(a = 1) {}",
    "function f(...a) {}",
    "function f({a}) {}",
    "var [a] = [1];",
    "var a, b; [a, b] = [1, 2];",
    "var a, o = {a};",
    "var o = {f() {}};",
    "var o = {['a' + 'b']: 1};",
    "async function f() {}",
    "function* f() {}",
    "var o = {}, a = o?.a;",
    "var o = {}, a = o?.();",
    "var a = 1 ?? 2;",
    "var a = 2 ** 3;",
    "var a = 2; a **= 3;",
    "var a; a ??= 3;",
    "var a; a ||= 3;",
    "var a = 10n;",
    "var a = 0b11;",
    "var a = 0o17;",
    "var a = 1_000;",
    "var a = '\\u{41}';",
    "function f(a,) {}",
    "String(1,);",
    "try {} catch {}",
    "function f() { for (var a of []); }",
    "function F() { return new.target; }",
    "export var a = 1;",
    "import './a';",
  ],
  label: ["function f() { a: for (;;) break a; }"],
  "default-last": ["function f(a) { switch (a) { default: return 1; case 2: return 2; } }"],
  "early-function": [
    "f(); function f() {}",
    "var g = f; function f() {}",
    "var a = f(); function f() { return g(); } function g() {}",
    "function f() { return g(); function g() {} }",
    "function f() { g(); function g() {} g(); }",
    // Two calls away, through a callback, an immediate function, a function in a variable, a method.
    "function f() { g(); } function g() { h(); } f(); function h() {}",
    "function run(f) { f(); } run(function () { g(); }); function g() {}",
    "(function () { g(); })(); function g() {}",
    "(function () { function f() { g(); } f(); function g() {} })();",
    "var f = function () { g(); }; f(); function g() {}",
    "var o = {f: function () { g(); }}; o.f(); function g() {}",
    "var o = {}; o.f = function () { g(); }; o.f(); function g() {}",
    "function F() { g(); } new F(); function g() {}",
    "function make() { return {f: function () { g(); }}; } var o = make(); o.f(); function g() {}",
  ],
  "early-variable": [
    "function f() { a = 1; var a; return a; }",
    "a = 1; var a;",
    "function f() { for (a = 0; a < 2; a++); var a; }",
    "function f() { return a; } f(); var a = 1;",
    "function f() { do { a = 1; } while (!a); var a; }",
    "typeof a == 'number'; var a;",
    "function f(a) { for (; b; ) { var b = a; } }",
  ],
  "branch-variable": [
    "function f(a) { if (a) { var b = 1; } return b; }",
    "function f(a) { if (a) { var b = 1; } else { b = 2; } return 3; }",
    "function f(a) { if (a) var b = 1; return function () { return b; }; }",
    "function f(a) { switch (a) { case 1: var b = 1; break; case 2: b = 2; } }",
    "function f(a) { while (a--) { var b = 1; } return b; }",
    "function f(a) { for (var i in a) { var b = 1; } return b; }",
    "function f(a) { for (var i = 0; i < a; i++) { var b = 1; } return b; }",
    "function f(a) { try { var b = a(); } catch (e) { b = 1; } }",
    "function f(a) { do { if (a) break; var b = 1; } while (!b); }",
  ],
  "block-function": ["if (1) { function f() {} }", "function f(a) { if (a) { function g() {} g(); } }"],
  regexp: ["var a = /a/;", "var a = new RegExp('a');", "function f(a) { return 'a'.match(a); }", "function f(a) { return a.search('b'); }"],
  library: [
    "new Map();",
    "var a = typeof Symbol;",
    "new Set();",
    "new WeakMap();",
    "new Promise(function () {});",
    "new Proxy({}, {});",
    "Reflect.ownKeys({});",
    "BigInt(1);",
    "typeof BigInt == 'function' || BigInt(1);",
    ["espruino", "var a = typeof BigInt == 'function' ? BigInt : null;"],
    "new RangeError('a');",
    "Math.imul(1, 2);",
    "Math.clz32(1);",
    "Math.pow(2, 3);",
    "Math.trunc(15);",
    "Math['pow'](2, 3);",
    "Array.from('ab');",
    "Array.of(1);",
    "Uint8Array.from([1]);",
    "Object.freeze({});",
    "Object.entries({});",
    "Number.isInteger(1);",
    "Number.EPSILON;",
    "String.fromCodePoint(1);",
    "ArrayBuffer.isView(1);",
    "function f(a) { return a.padStart(3); }",
    "function f(a) { return a.find(f); }",
    "function f(a) { a.fill(0); }",
    "function f(a) { return a.includes(1); }",
    "[1].lastIndexOf(1);",
    "[1].at(0);",
    "(15).toPrecision(1);",
    "new ArrayBuffer(2).copyWithin(0, 1);",
  ],
  prototype: ["function f() { return Array.prototype.slice.call(arguments); }", "var a = String.prototype.trim;"],
  length: [
    "var a = [1]; a.length = 0;",
    "function f(a) { a.length = 0; }",
    "function f(o) { o.list.length = 0; }",
    "function f(a) { a.length--; }",
    "function f(a) { a['length'] -= 1; }",
  ],
  "typed-array": [
    "new Uint8Array(2).slice(1);",
    "var a = new Uint8Array(2); a.indexOf(1);",
    "function f(o) { o.a = new Uint16Array(2); return o.a.map(f); }",
    "var o = {a: new Uint8Array(2)}; o.a.join();",
    "function make() { return new Uint8Array(2); } make().forEach(make);",
    "function last(a) { return a.slice(-1); } last(new Uint8Array(2));",
    "function f(a) { return a.subarray(1).slice(1); }",
    "var a = new Uint8Array(2); a.own = 1;",
    "new Uint8Array(2).buffer.slice(1);",
  ],
  global: [
    "var a = atob('AAEC');",
    "console.log(1);",
    "print(1);",
    "setTimeout(function () {}, 1);",
    "setInterval(function () {}, 1);",
    "process.exit();",
    "new Buffer(1);",
    "require('a');",
    "Date.now();",
    "new Date();",
    "globalThis.a;",
    "window.a;",
    "queueMicrotask(function () {});",
    "new TextEncoder();",
    "nowhere;",
    "module.exports = 1;",
    "typeof module == 'undefined' && (module.exports = 1);",
    "typeof module == 'object' || (module.exports = 1);",
    "typeof print == 'function' && (module.exports = 1);",
    ["espruino", "console.log(1);"],
    ["espruino", "setInterval(function () {}, 1);"],
    ["espruino", "millis();"],
    ["kaluma", "getTime();"],
    ["kaluma", "module.exports = 1;"],
    ["engine-check", "print(1);"],
    ["engine-check", "console.log(1);"],
    ["engine-check", "Date.now();"],
    ["engine-check", "setTimeout(function () {}, 1);"],
    ["engine-check", "typeof print == 'function' ? console.log(1) : print(1);"],
  ],
  undeclared: ["a = 1;", "function f() { a = 1; }", "function f() { a++; }", "function f() { for (a in {}); }", "print = 1;"],
  octal: ["var a = 010;", "var a = 09;", "var a = '\\1';", "var a = '\\01';"],
  number: ["var a = 0.5;", "var a = 1e-3;", "var a = 134217728;", "var a = 1e9;", "var a = 0x8000000;"],
  strict: [
    "function f(a) { with (a) {} }",
    "function f() { return arguments.callee; }",
    "function f(a, a) {}",
    "var a; delete a;",
    "var o = {a: 1, a: 2};",
    "function f() { arguments = 1; }",
    "var static = 1;",
    "function f(eval) {}",
  ],
  loop: ["for (var i = 0; i < 2; i++);", "var i = 2; while (i--);", "(function () { for (var i = 0; i < 2; i++); })();", "if (1) { do {} while (0); }"],
  helper: [
    "var __extends = function (a, b) {};",
    "function __spreadArray(a, b) {}",
    "function f(a) { __assign(a); }",
    "function e(d, b) { throw new TypeError('Class extends value ' + String(b) + ' is not a constructor or null'); }",
  ],
  inheritance: ["Object.create(null);", "Object.create({}, {});", "Object.setPrototypeOf({}, {});", "function f(a) { return a.__proto__; }"],
  eval: ["eval('1');", "new Function('1');", "var f = Function('1');"],
  characters: ["var a = 'é';", "var a = '\\u20ac';", ["espruino", "var a = '\u0003';"], ["espruino", "var a =\t1;"]],
};

/** What lies next to it and is allowed. */
const ALLOWED: Record<Rule, readonly (string | [ScriptKind, string])[]> = {
  syntax: [
    "var a = 1, f = function () { return a; };",
    "var o = {get a() { return 1; }, set a(b) {}};",
    "var o = {default: 1, 'b c': 2, 3: 4,}, a = [1, , 2,];",
    "var a = 0x1f, b = 1e3, c = 5, d = '\\u0041';",
    "try {} catch (e) {}",
    "function f(a) { for (var b in a); return a ? a.b : a[b]; }",
    "var a = void 0, b = !0, c = typeof a, d = (1, 2);",
    "function F() {} F.prototype.f = function () { return this; };",
  ],
  label: ["function f(a) { for (;;) { if (a) break; continue; } }", "var o = {a: 1};"],
  "default-last": ["function f(a) { switch (a) { case 1: return 1; case 2: default: return 2; } }"],
  "early-function": [
    "function f() {} f();",
    // Each other, as long as nobody calls before both are there.
    "function f(a) { return a ? g(a - 1) : 0; } function g(a) { return f(a); } f(2);",
    "function f() { return g(); } var o = {f: f}; function g() {}",
    "function f() { return function () { return g(); }; } function g() {} f();",
    "function f() { function g() {} return g(); }",
    "function f(a) { if (a) return f(a - 1); }",
    "var f = function g(a) { return a ? g(a - 1) : 0; };",
    "(function () { function f() { return g(); } function g() {} f(); })();",
  ],
  "early-variable": [
    "function f() { var a; a = 1; return a; }",
    "function f() { return a; } var a = 1; f();",
    "function f(a) { a = 1; return arguments[0]; }",
    "function f(start) { var stop = start(function () { stop(); }); }",
    "function f() { try {} catch (e) { e = 1; } }",
    "var a = a || 1;",
  ],
  "branch-variable": [
    "function f(a) { if (a) { var b = 1; return b; } return 2; }",
    "function f(a) { var b; if (a) b = 1; return b; }",
    "function f(a) { if (a) { var b = 1; return function () { return b; }; } }",
    "function f(a) { switch (a) { case 1: var b = 1; return b; } }",
    "function f(a) { for (var b = 0, c; b < a; b += c) { c = b; } return b; }",
    "function f(a) { for (;; c++) { var c = a; } }",
    "function f(a) { for (var b in a); return b; }",
    "function f(a) { do { var b = a; } while (b); return b; }",
    "function f(a) { try { a(); } finally { var b = 1; } return b; }",
    "function f(a) { if (a) { var b = 1; b++; } else { var b = 2; b--; } }",
  ],
  "block-function": ["function f(a) { if (a) { var g = function () {}; g(); } }"],
  regexp: ["function f(a, b) { return a / b / 2; }", "'a/b'.split('/');", "'a'.replace('a', 'b');", "var o = {match: function () {}}; o.match();"],
  library: [
    "var a = typeof BigInt == 'function' ? BigInt : null;",
    "Math.floor(Math.max(15, Math.abs(-2)));",
    "var a = Math.PI * Math.random();",
    "String.fromCharCode(65);",
    "Object.keys({}); Object.defineProperty({}, 'a', {value: 1}); Object.assign({}, {});",
    "Array.isArray([]);",
    "JSON.stringify(JSON.parse('1'));",
    "function f(a) { return a.push(1), a.splice(0), a.concat([1]), a.charCodeAt(0), a.toFixed(1), a.indexOf(1), a.slice(1); }",
    "'ab'.includes('a'); 'ab'.lastIndexOf('b');",
    "var o = {find: function () {}, at: 1}; o.find(o.at);",
    "function F() {} F.prototype.fill = function () {}; new F().fill();",
    "var Map = {}; Map.a = 1;",
  ],
  prototype: ["var a = Object.prototype.hasOwnProperty.call({}, 'a');", "var a = [].slice.call([1], 1);", "function F() {} F.prototype.f = 1;"],
  length: ["var o = {length: 1}; o.length = 2;", "function f(a) { return a.length == 0; }", "function make() { return {length: 1}; } var o = make(); o.length = 2;", "var a = []; a.splice(0);"],
  "typed-array": [
    "var a = new Uint8Array([1, 2]); a.set([1], 1); a.subarray(1); a[0] = a.length + a.byteOffset + a.buffer.byteLength;",
    "'ab'.slice(1); [1].slice(0); 'ab'.indexOf('b');",
    "function f(a) { return a.subarray ? a.subarray(1) : a.substr(1); } f(new Uint8Array(2)); f('ab');",
    "function f(a) { return a.split('').map(f); } f('ab');",
  ],
  global: [
    "typeof module == 'object' && (module.exports = 1);",
    "typeof module != 'undefined' ? module.exports = 1 : 2;",
    "if (typeof module !== 'undefined' && module.exports) module.exports = 1;",
    "typeof module < 'u' && (module.exports = 1);",
    "typeof module > 'u' || (module.exports = 1);",
    "!(typeof module == 'object') || (module.exports = 1);",
    "var a = typeof window;",
    "function f(print) { print(1); }",
    "var a = [undefined, NaN, Infinity, isNaN(1), parseInt('1'), new Error('a'), new DataView(new ArrayBuffer(1))];",
    ["espruino", "var a = require('Storage').read('a'); setTimeout(function () { digitalWrite(B3, digitalRead(D4)); }, getTime()); E.hwRand(); Serial1.setup(1);"],
    ["espruino", "var a = atob('AAEC'), b = peek32(process.env.EXPTR);"],
    ["kaluma", "var UART = require('uart').UART; pinMode(1, OUTPUT); setTimeout(function () {}, millis());"],
    ["kaluma", "typeof module == 'object' && (module.exports = 1);"],
    ["engine-check", "function say(a) { typeof print == 'function' ? print(a) : typeof console == 'object' && console && console.log(a); }"],
    ["engine-check", "function now() { return typeof Date == 'function' ? Date.now() : getTimeOr(0); } function getTimeOr(a) { if (typeof getTime == 'function') return getTime(); return a; }"],
    ["engine-check", "var a = typeof process == 'object' ? process.memory().usage : 0;"],
  ],
  undeclared: ["var a; a = 1;", "function f(a) { a = 1; }", "var o = {}; o.a = 1;", "function f() { var a; return function () { a++; }; }"],
  number: ["var a = 134217727, b = 1e3, c = -5, d = 0x7ffffff;", ["espruino", "var a = 0.5, b = 1e9;\n"]],
  octal: ["var a = 0, b = 5, c = '\\0', d = '\\x001', e = '\\\\1', f = 0x10;"],
  strict: ["var o = {a: 1, b: 2}; delete o.a;", "function f(a, b) { return arguments.length; }", "var o = {static: 1}; o.public = 2;"],
  loop: ["function f() { for (;;) break; } f();", "(function () { (function () { for (;;) break; })(); })();", "[1].forEach(function () { for (;;) break; });"],
  helper: ["function extend(a, b) {}", "function f(__a) { return __a; }"],
  inheritance: ["function A() {} function B() {} B.prototype = Object.create(A.prototype);", "function A() {} function B() {} B.prototype = new A();"],
  eval: ["var o = {eval: 1}; o.eval = 2;", "var o = {Function: 1};"],
  characters: ["var a = '\\xe9\\u00ff\\x03';", "var a = '\u0003';", ["espruino", "var a = '\\x03';\n"]],
};

const KINDS: readonly ScriptKind[] = ["bare", "espruino", "kaluma", "engine-check"];

const check = (one: string | [ScriptKind, string]) => (typeof one === "string" ? checkScript(one) : checkScript(one[1], one[0]));

describe("the language guard", () => {
  for (const rule of Object.keys(RULES) as Rule[]) {
    it(`bites: ${rule}`, () => {
      for (const script of REFUSED[rule]) {
        const rules = [...new Set(check(script).map((finding) => finding.rule))];
        assert.deepEqual(rules, [rule], String(script));
      }
    });

    it(`does not bite its neighbours: ${rule}`, () => {
      for (const script of ALLOWED[rule]) assert.deepEqual(check(script), [], String(script));
    });
  }

  it("says what, where and why", () => {
    const text = "var first = 1;\nvar second = Math.pow(2, first);\n";
    const [finding] = checkScript(text);
    assert.deepEqual(finding, {
      rule: "library",
      offset: text.indexOf("Math.pow"),
      why: "Math.pow: an engine lacks it, or has it wrong",
      excerpt: "t = 1; var second = Math.pow(2, first); ",
    });
  });

  it("tells every finding, in the order of the text", () => {
    assert.deepEqual(
      checkScript("f(); var a = `1`; function f() { return 1 ** b.padStart(2); }").map(({ rule }) => rule),
      ["early-function", "syntax", "syntax", "library", "global"],
    );
  });

  for (const kind of KINDS) {
    const folder = join("dist", kind);
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
      it(`finds nothing in ${kind}/${basename(file)}`, () => {
        const findings = checkScript(readFileSync(join(folder, file), "utf8"), kind);
        assert.equal(findings.map(({ rule, offset, why, excerpt }) => `${rule} at ${offset}: ${why}\n    ${excerpt}`).join("\n"), "");
      }).timeout(60_000);
    }
  }
});
