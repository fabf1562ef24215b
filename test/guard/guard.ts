/**
 * A language guard: parses a script for small engines and says what one of them does not have or does otherwise. What is asked for is
 * what JerryScript (es.next), Espruino and duktape have in common, and strict mode, in which Kaluma runs what it is given.
 */
import ts from "typescript";
import { Kinds } from "./kinds.js";
import { analyse, bare, covers, encloses, isAssignment, isFunction, lift, root, type Analysis, type Name, type Reference } from "./scopes.js";

/** What a script is for: which names of its host it may use. */
export type ScriptKind = "bare" | "espruino" | "kaluma" | "engine-check";

export interface Finding {
  readonly rule: Rule;
  /** Place in the text, from 0. */
  readonly offset: number;
  /** What is wrong there, in words. */
  readonly why: string;
  /** The text around it. */
  readonly excerpt: string;
}

/** Each rule, with its reason. */
export const RULES = {
  syntax: "not ES5",
  label: "Espruino has no labels",
  "default-last": "Espruino has no case behind default",
  "early-function": "Espruino makes a function when its declaration runs, not before",
  "early-variable": "Espruino makes a variable when its declaration runs, not before: it would be a global one until then",
  "branch-variable": "Espruino does not know a variable whose declaration has not run: it would be a global one",
  "block-function": "no ES5: strict mode refuses a function declared in a block",
  regexp: "Espruino understands too little of regular expressions",
  library: "an engine lacks it, or has it wrong",
  prototype: "Espruino cannot read methods from the prototypes of its own types",
  length: "Espruino cannot set the length of an array; splice does it",
  "typed-array": "typed arrays have only set and subarray everywhere, and no properties of their own",
  global: "no name of the language, nor one that this kind of script may use of its host",
  undeclared: "strict mode refuses to make a global variable by assignment",
  octal: "strict mode refuses octal numbers",
  strict: "strict mode refuses it",
  loop: "no loops outside of functions: a bundler may move their variables behind them",
  helper: "TypeScript's helpers do not work on Espruino",
  inheritance: "Espruino has one kind of inheritance: a prototype that is an instance",
  eval: "no code from text",
  number: "a static snapshot of JerryScript holds integers below 2^27 and no other numbers",
  characters: "a character that does not survive on its way to the board",
} as const;

export type Rule = keyof typeof RULES;

/** Names of a host: those that may be used as they are, and those behind a `typeof` that has found them. */
interface Host {
  readonly free: RegExp;
  readonly guarded: RegExp;
}

const NONE = /^$/;

const HOSTS: Record<ScriptKind, Host> = {
  bare: { free: NONE, guarded: /^(module|BigInt)$/ },
  espruino: {
    free: /^(require|E|getTime|getSerial|setTimeout|clearTimeout|digitalRead|digitalWrite|pinMode|process|peek32|atob|Serial[1-6]|LED[1-3]?|BTN[1-5]?|[A-K]\d{1,2})$/,
    guarded: /^module$/,
  },
  kaluma: { free: /^(require|pinMode|digitalRead|digitalWrite|millis|micros|setTimeout|clearTimeout|INPUT|INPUT_PULLUP|OUTPUT)$/, guarded: /^(module|BigInt)$/ },
  "engine-check": { free: NONE, guarded: /^(print|console|Date|getTime|process|BigInt)$/ },
};

const words = (text: string) => new Set(text.split(" "));

/** What each engine has of ES5, and typed arrays. Measured. */
const GLOBALS = words(
  "Object Array String Number Boolean Error TypeError SyntaxError ReferenceError Math JSON parseInt parseFloat isNaN isFinite undefined NaN Infinity " +
    "encodeURIComponent decodeURIComponent ArrayBuffer DataView Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray",
);

/** Names of the language that an engine does not know. */
const MISSING = words(
  "Symbol Map Set WeakMap WeakSet WeakRef Promise Proxy Reflect BigInt BigInt64Array BigUint64Array SharedArrayBuffer Atomics Intl RangeError EvalError URIError " +
    "encodeURI decodeURI escape unescape btoa structuredClone FinalizationRegistry AggregateError Iterator",
);

/** What there is of each object of the language, on all engines. Math.pow is there and wrong (2^31 is 2147483648.000002 on Espruino). */
const STATICS: Record<string, ReadonlySet<string>> = {
  Object: words("create defineProperty defineProperties getOwnPropertyDescriptor getOwnPropertyNames getPrototypeOf keys assign prototype"),
  Math: words("abs acos asin atan atan2 ceil cos exp floor log max min random round sin sqrt tan E LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2"),
  Number: words("MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY"),
  String: words("fromCharCode"),
  Array: words("isArray"),
  JSON: words("parse stringify"),
  Date: words("now"),
};

/** Methods that an engine lacks, whatever they are called on. */
const METHODS = words(
  "padStart padEnd trimStart trimEnd replaceAll normalize matchAll codePointAt localeCompare at find findIndex findLast findLastIndex fill flat flatMap " +
    "values entries copyWithin reduceRight toSorted toSpliced toReversed isPrototypeOf propertyIsEnumerable toLocaleString toPrecision toExponential " +
    "getBigInt64 setBigInt64 getBigUint64 setBigUint64 __defineGetter__ __lookupGetter__",
);

/** Methods that texts have everywhere, and arrays do not. */
const TEXT_METHODS = words("includes lastIndexOf");

/** Methods of texts that take a regular expression. */
const PATTERN_METHODS = words("match search");

/** Methods of arrays and texts that typed arrays do not have everywhere, some of them nowhere. */
const NOT_TYPED = words(
  "slice fill indexOf lastIndexOf forEach map filter every some reduce reduceRight join reverse sort find findIndex copyWithin includes at keys values entries " +
    "toString concat push pop shift unshift splice BYTES_PER_ELEMENT",
);

const RESERVED = words("implements interface let package private protected public static yield");
const HELPERS = /^__(extends|assign|rest|decorate|param|metadata|awaiter|generator|exportStar|values|read|spread|spreadArrays|spreadArray|await|makeTemplateObject|importStar|importDefault|esDecorate|publicField)$/;

/** What the parser says of octal numbers, which a rule of its own knows: numbers, escapes, decimals that begin with 0. */
const OCTAL_DIAGNOSTICS = new Set([1121, 1487, 1488, 1489]);

/** What only comes from the helper for classes that extend others, however short its name has become. */
const HELPER_TEXT = "Class extends value ";

/**
 * Looks for what a small engine would not run, or not in the same way.
 * @param text the script
 * @param kind what it is for; default the bare script, which has no host
 */
export function checkScript(text: string, kind: ScriptKind = "bare"): Finding[] {
  return new Guard(text, kind).findings.sort((a, b) => a.offset - b.offset);
}

class Guard {
  readonly findings: Finding[] = [];
  private readonly _text: string;
  private readonly _kind: ScriptKind;
  private readonly _analysis: Analysis;
  private readonly _kinds: Kinds;
  /** Names of properties that the script itself defines: methods of its own. */
  private readonly _defined = new Set<string>();
  private readonly _seen = new Set<string>();

  constructor(text: string, kind: ScriptKind) {
    const source = ts.createSourceFile("script.js", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
    this._text = text;
    this._kind = kind;
    this._analysis = analyse(source);
    this._kinds = new Kinds(source, this._analysis);
    const { parseDiagnostics } = source as unknown as { parseDiagnostics: readonly ts.DiagnosticWithLocation[] };
    for (const { code, start, messageText } of parseDiagnostics) {
      if (!OCTAL_DIAGNOSTICS.has(code)) this._find("syntax", start, ts.flattenDiagnosticMessageText(messageText, " "));
    }
    this._characters();
    this._collect(source);
    this._visit(source);
    this._analysis.references.forEach((reference) => this._reference(reference));
    this._analysis.calls.forEach(({ node, at }) => this._early(node, at));
    for (const { names } of this._analysis.scopes) for (const name of names.values()) this._name(name);
  }

  private _find(rule: Rule, where: number | ts.Node, why: string): void {
    const offset = typeof where === "number" ? where : where.getStart();
    const key = `${rule} ${offset} ${why}`;
    if (this._seen.has(key)) return;
    this._seen.add(key);
    const excerpt = this._text.slice(Math.max(0, offset - 20), offset + 60).replace(/\s+/g, " ");
    this.findings.push({ rule, offset, why: `${why}: ${RULES[rule]}`, excerpt });
  }

  private _characters(): void {
    for (let i = 0; i < this._text.length; i++) {
      const code = this._text.charCodeAt(i);
      if (code > 126) this._find("characters", i, `U+${code.toString(16)} as it is`);
      // What is sent to Espruino's console: Ctrl-C interrupts, Ctrl-A and others change its mode.
      if (this._kind === "espruino" && code < 32 && code !== 10) this._find("characters", i, `control character ${code} as it is`);
    }
  }

  private _collect(node: ts.Node): void {
    if ((ts.isPropertyAssignment(node) || ts.isMethodDeclaration(node)) && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name))) this._defined.add(node.name.text);
    if (isAssignment(node)) {
      const property = propertyOf(bare(node.left));
      if (property !== null) this._defined.add(property);
    }
    node.forEachChild((child) => this._collect(child));
  }

  private _visit(node: ts.Node): void {
    this._syntax(node);
    this._strict(node);
    this._types(node);
    node.forEachChild((child) => this._visit(child));
  }

  /** What is no ES5, or no ES5 as Espruino understands it. */
  private _syntax(node: ts.Node): void {
    const what = newSyntax(node);
    if (what !== null) this._find("syntax", node, what);
    if (ts.isLabeledStatement(node)) this._find("label", node, "a label");
    if (ts.isCaseBlock(node)) {
      const last = node.clauses.findIndex(ts.isDefaultClause);
      if (last >= 0 && last < node.clauses.length - 1) this._find("default-last", node.clauses[last + 1], "a case behind default");
    }
    if (ts.isFunctionDeclaration(node) && !ts.isSourceFile(node.parent) && !isFunction(node.parent.parent)) this._find("block-function", node, node.name?.text ?? "a function");
    if (ts.isRegularExpressionLiteral(node)) this._find("regexp", node, node.text);
    if (ts.isIterationStatement(node, false) && this._isTop(node)) this._find("loop", node, "a loop");
    if (ts.isStringLiteral(node) && node.text.includes(HELPER_TEXT)) this._find("helper", node, "a class that extends another");
    if (ts.isNumericLiteral(node)) {
      const digits = node.getText();
      if (/^0[0-9]/.test(digits)) this._find("octal", node, digits);
      if (/^0[bo]|_/i.test(digits)) this._find("syntax", node, digits);
      const value = Number(node.text);
      if (this._kind === "bare" && (!Number.isInteger(value) || value >= 2 ** 27)) this._find("number", node, digits);
    }
    if (ts.isStringLiteral(node)) {
      for (const [escape] of node.getText().matchAll(/\\(?:u\{|[0-9]+|[^0-9])/g)) {
        if (escape === "\\u{") this._find("syntax", node, escape);
        else if (/\d/.test(escape) && escape !== "\\0") this._find("octal", node, escape);
      }
      if (/[\u0100-\uffff]/.test(node.text)) this._find("characters", node, "a character above U+FF, of which Espruino keeps a byte");
    }
  }

  /** Outside of all functions but the one around the whole script. */
  private _isTop(node: ts.Node): boolean {
    let around: ts.Node = node.parent;
    while (!isFunction(around) && !ts.isSourceFile(around)) around = around.parent;
    if (ts.isSourceFile(around)) return true;
    let call: ts.Node = around.parent;
    while (ts.isParenthesizedExpression(call)) call = call.parent;
    if (!ts.isCallExpression(call) || bare(call.expression) !== around) return false;
    while (!isFunction(call) && !ts.isSourceFile(call)) call = call.parent;
    return ts.isSourceFile(call);
  }

  private _strict(node: ts.Node): void {
    if (ts.isWithStatement(node)) this._find("strict", node, "with");
    if (ts.isDeleteExpression(node) && ts.isIdentifier(bare(node.expression))) this._find("strict", node, "delete of a name");
    if (isFunction(node)) {
      const names = node.parameters.map(({ name }) => name.getText());
      names.forEach((name, i) => {
        if (names.indexOf(name) < i) this._find("strict", node.parameters[i], `parameter ${name} twice`);
      });
    }
    if (ts.isObjectLiteralExpression(node)) {
      const names = node.properties.filter(ts.isPropertyAssignment).map(({ name }) => (ts.isComputedPropertyName(name) ? null : name.text));
      names.forEach((name, i) => {
        if (name !== null && names.indexOf(name) < i) this._find("strict", node.properties[i], `property ${name} twice`);
      });
    }
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "arguments" && /^calle[er]$/.test(node.name.text)) {
      this._find("strict", node, node.getText());
    }
  }

  /** What is asked of objects: methods, properties, lengths. */
  private _types(node: ts.Node): void {
    if (isAssignment(node)) this._assigned(node.left);
    if ((ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) && /\+\+|--/.test(ts.tokenToString(node.operator)!)) this._assigned(node.operand);
    if (ts.isCallExpression(node) && node.expression.getText() === "Object.create") {
      if (node.arguments.length > 1) this._find("inheritance", node, "Object.create with properties");
      if (node.arguments[0]?.kind === ts.SyntaxKind.NullKeyword) this._find("inheritance", node, "Object.create(null), which inherits all the same");
    }
    const property = propertyOf(node);
    if (property === null) return;
    const object = bare((node as ts.PropertyAccessExpression | ts.ElementAccessExpression).expression);
    if (property === "__proto__") this._find("inheritance", node, property);
    const builtin = ts.isIdentifier(object) && this._analysis.resolve(object) === null ? object.text : null;
    if (builtin !== null && (GLOBALS.has(builtin) || builtin === "Date")) {
      if (builtin === "Object" && property === "setPrototypeOf") this._find("inheritance", node, node.getText());
      else if (property === "prototype" && builtin !== "Object") this._find("prototype", node, node.getText());
      else if (!STATICS[builtin]?.has(property)) this._find("library", node, `${builtin}.${property}`);
      return;
    }
    // A host's own objects have what they have.
    const host = root(object);
    if (host && this._analysis.resolve(host) === null && HOSTS[this._kind].free.test(host.text)) return;
    const kinds = this._kinds.of(object);
    if (kinds.has("typed") && NOT_TYPED.has(property)) this._find("typed-array", node, `${property} of a typed array`);
    if (property === "slice" && propertyOf(object) === "buffer") this._find("typed-array", node, "slice of a buffer");
    if (this._defined.has(property)) return;
    if (METHODS.has(property)) this._find("library", node, property);
    if (TEXT_METHODS.has(property) && !(kinds.size === 1 && kinds.has("text"))) this._find("library", node, `${property} of anything but a text`);
    if (PATTERN_METHODS.has(property)) this._find("regexp", node, property);
  }

  private _assigned(target: ts.Expression): void {
    const node = bare(target);
    const property = propertyOf(node);
    if (property === null) return;
    const kinds = this._kinds.of((node as ts.PropertyAccessExpression).expression);
    if (property === "length") {
      if (kinds.size === 0 || kinds.has("array") || kinds.has("typed") || kinds.has("text")) this._find("length", node, "length is set");
    } else if (kinds.has("typed")) this._find("typed-array", node, `property ${property} of a typed array`);
  }

  private _name({ text, declared, functions, scope }: Name): void {
    const where = functions[0] ?? scope.node;
    if (RESERVED.has(text)) this._find("strict", where, `${text} is reserved`);
    if (text === "eval" || (text === "arguments" && declared.length > 0)) this._find("strict", where, `${text} as a name`);
    if (HELPERS.test(text)) this._find("helper", where, text);
  }

  private _reference(reference: Reference): void {
    const { node, at, name, written } = reference;
    if (written && node.text === "arguments") this._find("strict", node, "arguments is assigned to");
    if (name === null) return this._free(reference);
    if (name.always) return;
    const declared = name.declared;
    if (at.scope === name.scope) {
      if (declared.some((moment) => covers(moment, at))) return;
      const early = declared.every((moment) => moment.order > at.order);
      this._find(!early ? "branch-variable" : name.functions.length > 0 ? "early-function" : "early-variable", node, name.text);
    } else {
      const made = lift(at, name.scope);
      if (made && !declared.some((moment) => encloses(moment, made))) this._find("branch-variable", node, name.text);
    }
  }

  /** A name that the script does not declare. */
  private _free({ node, written }: Reference): void {
    const text = node.text;
    const { free, guarded } = HOSTS[this._kind];
    if (HELPERS.test(text)) this._find("helper", node, text);
    else if (written) this._find("undeclared", node, text);
    else if (text === "eval" || text === "Function") this._find("eval", node, text);
    else if (text === "RegExp") this._find("regexp", node, text);
    else if (free.test(text) || (guarded.test(text) && (ts.isTypeOfExpression(node.parent) || isGuarded(node)))) return;
    else if (MISSING.has(text)) this._find("library", node, text);
    else if (!GLOBALS.has(text) && !ts.isTypeOfExpression(node.parent)) this._find("global", node, text);
  }

  /** A call that may run a function which means something that is declared only behind the call. */
  private _early(call: ts.Node, at: Reference["at"]): void {
    for (const { node, name } of this._reached(call)) {
      if (name === null || name.always || name.scope !== at.scope || name.declared.some(({ order }) => order < at.order)) continue;
      const own = this._analysis.references.find((reference) => reference.node === node)!.at.scope === at.scope;
      if (!own) this._find(name.functions.length > 0 ? "early-function" : "early-variable", call, `${name.text}, which this call may need,`);
    }
  }

  /** All references in the functions that a call may run: in it, under its names, and so on. */
  private _reached(call: ts.Node): Set<Reference> {
    const reached = new Set<Reference>();
    const names = new Set<Name>();
    const nodes: ts.Node[] = [call];
    for (let node = nodes.pop(); node; node = nodes.pop()) {
      for (const reference of this._within(node)) {
        reached.add(reference);
        const name = reference.name;
        if (name === null || names.has(name)) continue;
        names.add(name);
        nodes.push(...name.functions, ...name.values);
      }
    }
    return reached;
  }

  private *_within(node: ts.Node): Iterable<Reference> {
    const all = this._analysis.references;
    let low = 0;
    for (let high = all.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (all[middle].node.pos < node.pos) low = middle + 1;
      else high = middle;
    }
    for (; low < all.length && all[low].node.end <= node.end; low++) yield all[low];
  }
}

/** What of the language came after ES5, in words, or null. */
function newSyntax(node: ts.Node): string | null {
  const kind = ts.SyntaxKind;
  if (ts.isVariableDeclarationList(node) && node.flags & ts.NodeFlags.BlockScoped) return "let or const";
  if (ts.isParameter(node)) return node.initializer ? "a default of a parameter" : node.dotDotDotToken ? "rest of the parameters" : ts.isIdentifier(node.name) ? null : "destructuring";
  if (ts.isVariableDeclaration(node) && !ts.isIdentifier(node.name)) return "destructuring";
  if (isAssignment(node)) {
    const operator = node.operatorToken.kind;
    if (operator === kind.AsteriskAsteriskEqualsToken) return "**=";
    if (operator === kind.QuestionQuestionEqualsToken || operator === kind.BarBarEqualsToken || operator === kind.AmpersandAmpersandEqualsToken) return node.operatorToken.getText();
    const left = bare(node.left);
    return ts.isArrayLiteralExpression(left) || ts.isObjectLiteralExpression(left) ? "destructuring" : null;
  }
  if (ts.isBinaryExpression(node)) {
    const operator = node.operatorToken.kind;
    return operator === kind.AsteriskAsteriskToken || operator === kind.QuestionQuestionToken ? node.operatorToken.getText() : null;
  }
  if (isFunction(node) && node.asteriskToken) return "a generator";
  if (isFunction(node) && node.modifiers?.length) return "async";
  if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && node.arguments?.hasTrailingComma) return "a comma behind the last argument";
  if (isFunction(node) && node.parameters.hasTrailingComma) return "a comma behind the last parameter";
  if (ts.isCatchClause(node) && !node.variableDeclaration) return "catch without a name";
  if (ts.isOptionalChain(node)) return "?.";
  switch (node.kind) {
    case kind.ArrowFunction:
      return "an arrow function";
    case kind.ClassDeclaration:
    case kind.ClassExpression:
      return "a class";
    case kind.NoSubstitutionTemplateLiteral:
    case kind.TemplateExpression:
    case kind.TaggedTemplateExpression:
      return "a template";
    case kind.SpreadElement:
    case kind.SpreadAssignment:
      return "spread";
    case kind.ComputedPropertyName:
      return "a computed name";
    case kind.ShorthandPropertyAssignment:
    case kind.MethodDeclaration:
      return "a shorthand";
    case kind.ForOfStatement:
      return "for of";
    case kind.YieldExpression:
    case kind.AwaitExpression:
      return "yield or await";
    case kind.BigIntLiteral:
      return "a BigInt";
    case kind.MetaProperty:
      return "a meta property";
    case kind.PrivateIdentifier:
      return "a private name";
    case kind.ImportDeclaration:
    case kind.ExportDeclaration:
    case kind.ExportAssignment:
    case kind.ImportKeyword:
    case kind.ExportKeyword:
      return "a module";
  }
  return null;
}

/** The name of the property that a node is, or null. */
function propertyOf(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  return ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression) ? node.argumentExpression.text : null;
}

/** Whether a name stands where a `typeof` before it has found something under that name. */
function isGuarded(node: ts.Identifier): boolean {
  for (let inner: ts.Node = node, outer = node.parent; outer && !isFunction(inner); inner = outer, outer = outer.parent) {
    if (ts.isConditionalExpression(outer)) {
      if (inner !== outer.condition && found(outer.condition, node.text, inner === outer.whenTrue)) return true;
    } else if (ts.isIfStatement(outer)) {
      if (inner !== outer.expression && found(outer.expression, node.text, inner === outer.thenStatement)) return true;
    } else if (ts.isBinaryExpression(outer) && inner === outer.right) {
      const operator = outer.operatorToken.kind;
      if (operator === ts.SyntaxKind.AmpersandAmpersandToken && found(outer.left, node.text, true)) return true;
      if (operator === ts.SyntaxKind.BarBarToken && found(outer.left, node.text, false)) return true;
    }
  }
  return false;
}

/** Whether a condition that has come out as `truth` says that there is something under a name. */
function found(condition: ts.Expression, name: string, truth: boolean): boolean {
  const node = bare(condition);
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) return found(node.operand, name, !truth);
  if (!ts.isBinaryExpression(node)) return false;
  const { left, right } = node;
  switch (node.operatorToken.kind) {
    case ts.SyntaxKind.AmpersandAmpersandToken:
      return truth && (found(left, name, true) || found(right, name, true));
    case ts.SyntaxKind.BarBarToken:
      return !truth && (found(left, name, false) || found(right, name, false));
  }
  const asked = bare(left);
  if (!ts.isTypeOfExpression(asked) || !ts.isStringLiteral(right) || asked.expression.getText() !== name) return false;
  switch (node.operatorToken.kind) {
    case ts.SyntaxKind.EqualsEqualsToken:
    case ts.SyntaxKind.EqualsEqualsEqualsToken:
      return truth === (right.text !== "undefined");
    case ts.SyntaxKind.ExclamationEqualsToken:
    case ts.SyntaxKind.ExclamationEqualsEqualsToken:
      return truth === (right.text === "undefined");
    // The short forms of comparing with "undefined".
    case ts.SyntaxKind.LessThanToken:
      return truth && right.text === "u";
    case ts.SyntaxKind.GreaterThanToken:
      return !truth && right.text === "u";
  }
  return false;
}
