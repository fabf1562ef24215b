import ts from "typescript";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CHARACTERS = `${LETTERS}0123456789`;

/** The name of the nth place: `$a` to `$Z`, `$aa` and so on. Up to four characters a name has room in its own variable. */
function nameOf(n) {
  const more = n - LETTERS.length;
  return more < 0 ? `$${LETTERS[n]}` : nameOf(Math.floor(more / CHARACTERS.length)) + CHARACTERS[more % CHARACTERS.length];
}

/** The names that a function, or the script, declares: `var` and functions in it, but not in functions inside. */
function declaredIn(body, names = new Set()) {
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) || ts.isFunctionDeclaration(node)) names.add(node.name.text);
    if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
  };
  ts.forEachChild(body, visit);
  return names;
}

/** Whether an identifier is a variable's, and not that of a property or a label. */
function isVariable(node) {
  const { parent } = node;
  return !((ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) && parent.name === node);
}

/**
 * Gives the variables at the top level of an ES5 script names of their own, `$` and letters, the most frequent the shortest: evaluated at the top level of a
 * program on Espruino they stand beside the program's. In a module, which has a scope of its own, each function costs one variable more, and each
 * closure three.
 * @param text an ES5 module without imports, with one `export {...}` at most
 * @returns the script without the export; of what was exported: pairs of the name outside and the variable
 */
export function nameTopLevel(text) {
  const file = ts.createSourceFile("script.js", text, ts.ScriptTarget.ES5, true);
  const top = declaredIn(file);
  /** Where each of them is written, by its name. */
  const places = new Map([...top].map((name) => [name, []]));
  const visit = (node, hidden) => {
    if (ts.isExportDeclaration(node)) return;
    if (ts.isIdentifier(node) && isVariable(node) && !hidden.has(node.text)) places.get(node.text)?.push(node);
    let inner = hidden;
    if (ts.isFunctionLike(node)) {
      inner = declaredIn(node.body, new Set([...hidden, ...node.parameters.map(({ name }) => name.text)]));
      // The name of a function expression is known only within it.
      if (ts.isFunctionExpression(node) && node.name) inner.add(node.name.text);
    } else if (ts.isCatchClause(node)) inner = new Set([...hidden, node.variableDeclaration.name.text]);
    // The name of a declaration stands in the scope around it.
    ts.forEachChild(node, (child) => visit(child, ts.isFunctionDeclaration(node) && child === node.name ? hidden : inner));
  };
  visit(file, new Set());
  const renamed = new Map([...places].sort((a, b) => b[1].length - a[1].length).map(([name], n) => [name, nameOf(n)]));
  const exported = file.statements.find(ts.isExportDeclaration);
  const edits = [...places.values()].flat().map((node) => [node.getStart(), node.end, renamed.get(node.text)]);
  if (exported) edits.push([exported.getStart(), exported.end, ""]);
  let script = text;
  for (const [start, end, name] of edits.sort((a, b) => b[0] - a[0])) script = script.slice(0, start) + name + script.slice(end);
  const names = exported ? exported.exportClause.elements.map(({ name, propertyName }) => [name.text, renamed.get((propertyName ?? name).text)]) : [];
  return { script, names };
}
