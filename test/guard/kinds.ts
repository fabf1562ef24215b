/**
 * What a value of a script may be, as far as that can be told without running it: enough to tell a typed array, which lacks methods on some
 * engines, from an array or a text, which has them.
 */
import ts from "typescript";
import { bare, isAssignment, isFunction, type Analysis, type Name } from "./scopes.js";

export type Kind = "typed" | "array" | "text" | "object" | "other";

const TYPED = /^(Uint8|Int8|Uint16|Int16|Uint32|Int32|Float32|Float64|Uint8Clamped)Array$/;

/** Methods that give a text whatever they are called on, or an array. */
const TEXTS = new Set("fromCharCode substr substring toString join charAt toLowerCase toUpperCase trim toFixed replace".split(" "));
const ARRAYS = new Set("split splice keys map filter concat".split(" "));

export class Kinds {
  private readonly _analysis: Analysis;
  private readonly _names = new Map<Name, Set<Kind>>();
  private readonly _properties = new Map<string, Set<Kind>>();
  /** What a function gives back. */
  private readonly _results = new Map<ts.Node, Set<Kind>>();
  private _changed = true;

  constructor(source: ts.SourceFile, analysis: Analysis) {
    this._analysis = analysis;
    const names = new Set<Name>();
    for (const scope of analysis.scopes) for (const name of scope.names.values()) names.add(name);
    while (this._changed) {
      this._changed = false;
      for (const name of names) for (const value of name.own) this._add(this._names, name, this.of(value));
      this._visit(source);
    }
  }

  /** What an expression may be; empty where nothing is known. */
  of(expression: ts.Expression): ReadonlySet<Kind> {
    const node = bare(expression);
    if (ts.isStringLiteralLike(node) || ts.isTypeOfExpression(node)) return new Set(["text"]);
    if (ts.isArrayLiteralExpression(node)) return new Set(["array"]);
    if (ts.isObjectLiteralExpression(node)) return new Set(["object"]);
    if (ts.isConditionalExpression(node)) return union(this.of(node.whenTrue), this.of(node.whenFalse));
    if (ts.isIdentifier(node)) {
      const name = this._analysis.resolve(node);
      return (name && this._names.get(name)) ?? new Set();
    }
    if (ts.isPropertyAccessExpression(node)) return this._properties.get(node.name.text) ?? new Set();
    if (ts.isNewExpression(node)) {
      const made = ts.isIdentifier(node.expression) ? node.expression.text : "";
      return new Set([TYPED.test(made) ? "typed" : made === "Array" ? "array" : "object"]);
    }
    if (ts.isCallExpression(node)) return this._ofCall(node);
    if (ts.isBinaryExpression(node)) return this._ofBinary(node);
    if (isFunction(node) || ts.isNumericLiteral(node) || ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) return new Set(["other"]);
    return new Set();
  }

  private _ofCall(node: ts.CallExpression): ReadonlySet<Kind> {
    const callee = bare(node.expression);
    if (ts.isPropertyAccessExpression(callee)) {
      const method = callee.name.text;
      if (method === "subarray") return new Set(["typed"]);
      if (TEXTS.has(method)) return new Set(["text"]);
      if (method === "slice" || method === "concat") return this.of(callee.expression);
      if (ARRAYS.has(method)) return new Set(["array"]);
    }
    if (ts.isIdentifier(callee) && callee.text === "String") return new Set(["text"]);
    return this._functions(callee).reduce<ReadonlySet<Kind>>((all, one) => union(all, this._results.get(one) ?? new Set()), new Set());
  }

  private _ofBinary(node: ts.BinaryExpression): ReadonlySet<Kind> {
    const [left, right] = [node.left, node.right];
    switch (node.operatorToken.kind) {
      case ts.SyntaxKind.BarBarToken:
        return union(this.of(left), this.of(right));
      case ts.SyntaxKind.EqualsToken:
      case ts.SyntaxKind.CommaToken:
      case ts.SyntaxKind.AmpersandAmpersandToken:
        return this.of(right);
      case ts.SyntaxKind.PlusToken:
      case ts.SyntaxKind.PlusEqualsToken:
        return this.of(left).has("text") || this.of(right).has("text") ? new Set(["text"]) : new Set(["other"]);
    }
    return new Set(["other"]);
  }

  /** The functions that an expression stands for, where the script says so. */
  private _functions(callee: ts.Expression): ts.Node[] {
    if (isFunction(callee)) return [callee];
    const name = ts.isIdentifier(callee) ? this._analysis.resolve(callee) : null;
    return name ? [...name.functions, ...name.own.map(bare).filter(isFunction)] : [];
  }

  private _visit(node: ts.Node): void {
    if (isAssignment(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      const target = bare(node.left);
      if (ts.isPropertyAccessExpression(target)) this._add(this._properties, target.name.text, this.of(node.right));
    } else if (ts.isPropertyAssignment(node) && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name))) {
      this._add(this._properties, node.name.text, this.of(node.initializer));
    } else if (ts.isReturnStatement(node) && node.expression) {
      let function_: ts.Node = node;
      while (function_.parent && !isFunction(function_)) function_ = function_.parent;
      this._add(this._results, function_, this.of(node.expression));
    } else if (ts.isCallExpression(node)) {
      for (const function_ of this._functions(bare(node.expression))) {
        const scope = this._analysis.scopes.find((one) => one.node === function_);
        (function_ as ts.FunctionLikeDeclaration).parameters.forEach((parameter, i) => {
          const name = ts.isIdentifier(parameter.name) ? scope?.names.get(parameter.name.text) : undefined;
          if (name && node.arguments[i]) this._add(this._names, name, this.of(node.arguments[i]));
        });
      }
    }
    node.forEachChild((child) => this._visit(child));
  }

  private _add<Key>(map: Map<Key, Set<Kind>>, key: Key, kinds: ReadonlySet<Kind>): void {
    let known = map.get(key);
    if (!known) map.set(key, (known = new Set()));
    const before = known.size;
    for (const kind of kinds) known.add(kind);
    if (known.size > before) this._changed = true;
  }
}

function union(a: ReadonlySet<Kind>, b: ReadonlySet<Kind>): ReadonlySet<Kind> {
  return new Set([...a, ...b]);
}
