/**
 * Who means whom in an ES5 script, and when: scopes, names, references, and the order in which the statements of a function run. Espruino
 * makes a name when it runs the declaration, not before.
 */
import ts from "typescript";

/** What may or may not run inside a function: from the outside in, the branches and bodies around a place. */
export type Chain = readonly ts.Node[];

/** A place in the run of one function. */
export interface Moment {
  readonly scope: Scope;
  /** Counts up in the order in which the parts of the function run. */
  readonly order: number;
  readonly chain: Chain;
}

/** A script or a function. */
export interface Scope {
  readonly node: ts.SourceFile | ts.FunctionLikeDeclaration;
  /** Where its function is made; null for the script. */
  readonly made: Moment | null;
  readonly names: Map<string, Name>;
  readonly parent: Scope | null;
}

/** A name of a scope. */
export interface Name {
  readonly text: string;
  readonly scope: Scope;
  /** Parameters, `arguments`, caught errors, a function expression's own name: there from the beginning. */
  always: boolean;
  /** Where it is declared with `var` or as a function. */
  readonly declared: Moment[];
  /** The functions that are declared under it. */
  readonly functions: ts.Node[];
  /** What it is given, by declaration or assignment, whole or to a property of it. */
  readonly values: ts.Expression[];
  /** The same, only what is given to the name itself. */
  readonly own: ts.Expression[];
}

export interface Reference {
  readonly node: ts.Identifier;
  readonly at: Moment;
  /** Assigned to (also `++`, `for (x in ...)`). */
  readonly written: boolean;
  /** Null: no scope of the script has such a name. */
  name: Name | null;
}

/** A call or `new` at some moment. */
export interface Call {
  readonly node: ts.CallExpression | ts.NewExpression;
  readonly at: Moment;
}

export interface Analysis {
  /** By their place in the text. */
  readonly references: readonly Reference[];
  readonly calls: readonly Call[];
  readonly scopes: readonly Scope[];
  resolve(node: ts.Identifier): Name | null;
}

export function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && "body" in node;
}

/** The expression without parentheses around it. */
export function bare(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? bare(node.expression) : node;
}

/** The name at the left end of `a.b[c].d`, or null. */
export function root(node: ts.Expression): ts.Identifier | null {
  const inner = bare(node);
  if (ts.isIdentifier(inner)) return inner;
  if (ts.isPropertyAccessExpression(inner) || ts.isElementAccessExpression(inner)) return root(inner.expression);
  return null;
}

export function isAssignment(node: ts.Node): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment && node.operatorToken.kind <= ts.SyntaxKind.LastAssignment;
}

/** Whether an identifier stands for a variable, not for a property, a label or a declaration. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isBreakOrContinueStatement(parent) || ts.isLabeledStatement(parent) || ts.isMetaProperty(parent)) return false;
  if (ts.isMethodDeclaration(parent) || ts.isAccessor(parent) || ts.isPropertyDeclaration(parent)) return false;
  if (ts.isFunctionDeclaration(parent) || ts.isFunctionExpression(parent) || ts.isClassLike(parent)) return false;
  return true;
}

/** Whether a `do` body may be left before its end. */
function jumps(body: ts.Node): boolean {
  let found = false;
  (function look(node: ts.Node, loop: boolean, breakable: boolean): void {
    if (isFunction(node)) return;
    if (ts.isContinueStatement(node) && !loop) found = true;
    if (ts.isBreakStatement(node) && !breakable) found = true;
    const inner = ts.isIterationStatement(node, false);
    node.forEachChild((child) => look(child, loop || inner, breakable || inner || ts.isSwitchStatement(node)));
  })(body, false, false);
  return found;
}

class Analyser implements Analysis {
  readonly references: Reference[] = [];
  readonly calls: Call[] = [];
  readonly scopes: Scope[] = [];
  private readonly _resolved = new Map<ts.Node, Name | null>();
  private _scope!: Scope;
  private _order = 0;
  private _chain: Chain = [];

  constructor(source: ts.SourceFile) {
    this._enter(source, null);
    this.references.sort((a, b) => a.node.pos - b.node.pos);
    for (const reference of this.references) {
      reference.name = this._find(reference.at.scope, reference.node.text);
      this._resolved.set(reference.node, reference.name);
    }
    this._values(source);
  }

  resolve(node: ts.Identifier): Name | null {
    return this._resolved.get(node) ?? null;
  }

  private _find(scope: Scope | null, text: string): Name | null {
    for (; scope !== null; scope = scope.parent) {
      const name = scope.names.get(text);
      if (name) return name;
    }
    return null;
  }

  private _now(): Moment {
    return { scope: this._scope, order: this._order++, chain: this._chain };
  }

  private _name(text: string): Name {
    let name = this._scope.names.get(text);
    if (!name) this._scope.names.set(text, (name = { text, scope: this._scope, always: false, declared: [], functions: [], values: [], own: [] }));
    return name;
  }

  /** Goes through a script or a function. */
  private _enter(node: Scope["node"], made: Moment | null): void {
    const outside = [this._scope, this._order, this._chain] as const;
    this._scope = { node, made, names: new Map(), parent: made && made.scope };
    this.scopes.push(this._scope);
    this._order = 0;
    this._chain = [];
    if (ts.isSourceFile(node)) {
      node.statements.forEach((statement) => this._visit(statement));
    } else {
      if (ts.isFunctionExpression(node) && node.name) {
        const own = this._name(node.name.text);
        own.always = true;
        own.functions.push(node);
      }
      if (!ts.isArrowFunction(node)) this._name("arguments").always = true;
      for (const parameter of node.parameters) {
        this._bind(parameter.name, true);
        if (parameter.initializer) this._visit(parameter.initializer);
      }
      if (node.body) node.body.forEachChild((child) => this._visit(child));
      // The body of an arrow function may be a name.
      if (node.body && ts.isIdentifier(node.body)) this._visit(node.body);
    }
    [this._scope, this._order, this._chain] = outside;
  }

  private _bind(name: ts.BindingName, always: boolean): void {
    if (ts.isIdentifier(name)) {
      const known = this._name(name.text);
      if (always) known.always = true;
      else known.declared.push(this._now());
    } else {
      for (const element of name.elements) {
        if (ts.isOmittedExpression(element)) continue;
        this._bind(element.name, always);
        if (element.initializer) this._visit(element.initializer);
      }
    }
  }

  /** Visits what may not run, or not to its end. */
  private _perhaps(node: ts.Node | undefined): void {
    if (!node) return;
    const chain = this._chain;
    this._chain = [...chain, node];
    this._visit(node);
    this._chain = chain;
  }

  private _visit(node: ts.Node): void {
    if (isFunction(node)) {
      const made = this._now();
      if (ts.isFunctionDeclaration(node) && node.name) {
        const name = this._name(node.name.text);
        name.declared.push(made);
        name.functions.push(node);
      }
      this._enter(node, made);
    } else if (ts.isClassLike(node)) {
      if (node.name) this._bind(node.name, false);
      node.forEachChild((child) => {
        if (child !== node.name) this._visit(child);
      });
    } else if (ts.isVariableDeclaration(node)) {
      this._bind(node.name, ts.isCatchClause(node.parent));
      if (node.initializer) this._visit(node.initializer);
    } else if (ts.isIfStatement(node)) {
      this._visit(node.expression);
      this._perhaps(node.thenStatement);
      this._perhaps(node.elseStatement);
    } else if (ts.isForStatement(node)) {
      if (node.initializer) this._visit(node.initializer);
      if (node.condition) this._visit(node.condition);
      const chain = this._chain;
      this._chain = [...chain, node.statement];
      this._visit(node.statement);
      // It runs behind the body, and not without it.
      if (node.incrementor) this._visit(node.incrementor);
      this._chain = chain;
    } else if (ts.isForInStatement(node) || ts.isForOfStatement(node)) {
      this._visit(node.initializer);
      this._visit(node.expression);
      this._perhaps(node.statement);
    } else if (ts.isWhileStatement(node)) {
      this._visit(node.expression);
      this._perhaps(node.statement);
    } else if (ts.isDoStatement(node)) {
      if (jumps(node.statement)) this._perhaps(node.statement);
      else this._visit(node.statement);
      this._visit(node.expression);
    } else if (ts.isCaseOrDefaultClause(node)) {
      if (ts.isCaseClause(node)) this._visit(node.expression);
      const chain = this._chain;
      this._chain = [...chain, node];
      node.statements.forEach((statement) => this._visit(statement));
      this._chain = chain;
    } else if (ts.isTryStatement(node)) {
      this._perhaps(node.tryBlock);
      this._perhaps(node.catchClause);
      if (node.finallyBlock) this._visit(node.finallyBlock);
    } else if (ts.isIdentifier(node)) {
      if (isReference(node)) this.references.push({ node, at: this._now(), written: isWritten(node), name: null });
    } else {
      if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
        node.forEachChild((child) => this._visit(child));
        this.calls.push({ node, at: this._now() });
      } else {
        node.forEachChild((child) => this._visit(child));
      }
    }
  }

  /** Collects what names are given. */
  private _values(node: ts.Node): void {
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isIdentifier(node.name)) {
      const name = this._declared(node);
      name?.values.push(node.initializer);
      name?.own.push(node.initializer);
    } else if (isAssignment(node)) {
      const target = root(node.left);
      const name = target && this.resolve(target);
      name?.values.push(node.right);
      // `x += 1` makes a number or a text of anything.
      if (name && bare(node.left) === target) name.own.push(node.operatorToken.kind === ts.SyntaxKind.EqualsToken ? node.right : node);
    }
    node.forEachChild((child) => this._values(child));
  }

  private _declared(node: ts.VariableDeclaration): Name | null {
    let function_: ts.Node = node;
    while (!isFunction(function_) && !ts.isSourceFile(function_)) function_ = function_.parent;
    return this.scopes.find((scope) => scope.node === function_)?.names.get((node.name as ts.Identifier).text) ?? null;
  }
}

function isWritten(node: ts.Identifier): boolean {
  let inner: ts.Node = node;
  while (ts.isParenthesizedExpression(inner.parent)) inner = inner.parent;
  const parent = inner.parent;
  if (isAssignment(parent)) return parent.left === inner;
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) {
    return parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken;
  }
  return ts.isForInStatement(parent) && parent.initializer === inner;
}

export function analyse(source: ts.SourceFile): Analysis {
  return new Analyser(source);
}

/** Whether a declaration has run wherever `at` runs: it comes before, in no branch but those around `at`. */
export function covers(declared: Moment, at: Moment): boolean {
  return declared.order < at.order && encloses(declared, at);
}

/** Whether `at` is in every branch in which the declaration is. */
export function encloses(declared: Moment, at: Moment): boolean {
  return declared.chain.every((node, i) => at.chain[i] === node);
}

/** The moment in `scope` at which what runs at `at` was made: `at` itself, or that of the function around it. */
export function lift(at: Moment, scope: Scope): Moment | null {
  let moment: Moment | null = at;
  while (moment !== null && moment.scope !== scope) moment = moment.scope.made;
  return moment;
}
