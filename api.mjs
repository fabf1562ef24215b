#!/usr/bin/env node
// The API reference, docs/api.md and docs/api-mock.md, out of the docstrings: `node api.mjs` writes it, `node api.mjs --check` says whether it is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Whose exports are told of. */
const NODE = "targets/node/index.ts";
const MOCK = "hal/mock/index.ts";
/** Where limits are set out, as texts of names and numbers with a comment in front of each. */
const LIMITS = ["core/options.ts", "core/gap/links.ts", "core/gatt/client.ts", "core/smp/security.ts"];

process.chdir(fileURLToPath(new URL(".", import.meta.url)));

/**
 * The pages and their chapters: what they say first, and their names in their order. `call` is what stands before a method. An exported name that is in
 * no chapter is an error, so that none is forgotten.
 */
const CHAPTERS = [
  {
    title: "open",
    text: "Every build exports `open`; what the instance can do depends on the build's parts ([the presets](../README.md#where-it-runs)).",
    names: ["Open", "FirmwareSource", "FirmwareReader", "ReadyInfo", "BlimpError"],
  },
  {
    title: "bt",
    text: "What `open()` returns. Each part of a build adds its methods; on Node, and in the preset `full`, all are there but the direct test mode, which only Node has.",
    call: "bt.",
    names: ["Bluetooth", "Core", "Advertising", "Scanning", "Linking", "Serving", "Connecting", "Securing", "Resetting", "DirectTesting"],
  },
  {
    title: "conn",
    text: "A connection, as `onconnect`, handlers and `connect` get it. Asking and pairing come with the parts that do it.",
    call: "conn.",
    names: ["FullConnection", "Connection", "AskingConnection", "Asking", "Pairable"],
  },
  { title: "options", text: "The third argument of `open()`.", names: ["Options", "Store"], limits: true },
  {
    title: "What is handed over",
    text: "",
    names: [
      "Bytes", "Advert", "ScanRule", "Service", "Characteristic", "Attribute", "ReadHandler", "WriteHandler", "Done", "RemoteService", "RemoteCharacteristic", "RemoteDescriptor",
      "RemoteTable", "BondInfo", "Counters", "Memory", "TraceSink", "ReportCallback",
    ],
  },
  { title: "Adverts", text: "Builders and readers of AD structures, plain functions.", from: "core/gap/ad.ts" },
  {
    title: "hal",
    text: "What a board gives to the stack ([how to write one](bare.md)).",
    names: ["Hal", "Uart", "Gpio", "Timer", "Crypto", "Session"],
  },
  {
    title: "Node",
    text: "`import { ... } from \"blimp\"`: beside `open` and the builders of adverts.",
    names: ["createNodeHal", "NodeHalOptions", "NodeHal", "createFileStore", "createSnoopWriter", "SnoopOptions", "SnoopWriter", "parseTransport", "Transport"],
  },
];

const PAGES = [
  {
    target: "docs/api.md",
    entry: NODE,
    title: "API reference",
    text: "[README.md](../README.md) is the way in, and the examples beside it; [api-mock.md](api-mock.md) has the board without hardware.",
    chapters: CHAPTERS,
  },
  {
    target: "docs/api-mock.md",
    entry: MOCK,
    title: "API reference: blimp/mock",
    text: "`import { ... } from \"blimp/mock\"`: a board without hardware; [mock.md](mock.md) says what it is and does.",
    chapters: [
      { title: "Board and clock", folder: ["board", "clock", "random", "wire"] },
      { title: "Air", folder: ["air", "pdu", "testpdu", "beacon", "observer", "link", "linkcontrol"] },
      { title: "Phone", folder: ["central", "phone", "phonegatt", "phonesmp", "phonetask"] },
      { title: "Chip", folder: ["chip", "cyw43438", "plain", "controller", "connections", "commands", "table", "identity", "events", "status", "h4", "aes", "image"] },
    ],
  },
];

/** Names of the package that other chapters stand for: presets' own open. */
const ELSEWHERE = ["open"];

const { config } = ts.readConfigFile("tsconfig.json", (path) => readFileSync(path, "utf8"));
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ".");
const program = ts.createProgram([NODE, MOCK, ...LIMITS], options);
const checker = program.getTypeChecker();

/** The exports of a module: symbols by their names, in their order. */
function exportsOf(path) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(path));
  return new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]));
}

/** Text that stands in a table or a paragraph: on one line. */
function line(text) {
  return text.replace(/\s+/g, " ").trim();
}

function cell(text) {
  return line(text).replaceAll("|", "\\|");
}

/** What a docstring says in front of its tags. Lines that begin with a dash stay lists. */
function textOf(symbol) {
  return line(ts.displayPartsToString(symbol.getDocumentationComment(checker)));
}

/** The tags of a signature or symbol as list items. */
function tagsOf(owner) {
  const items = [];
  for (const tag of owner.getJsDocTags(checker)) {
    const text = line(ts.displayPartsToString(tag.text));
    const [, name, rest] = /^(\w+)\s*(.*)$/.exec(text) ?? [null, "", text];
    if (tag.name === "param") items.push(`- \`${name}\`: ${rest}`);
    else if (tag.name === "returns") items.push(`- returns ${text}`);
    else if (tag.name === "throws") items.push(`- throws ${text}`);
  }
  return items;
}

function isPrivate(declaration) {
  const name = declaration.name?.getText() ?? "";
  const hidden = ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
  return name.startsWith("_") || name.startsWith("#") || hidden !== 0 || ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === "internal");
}

/** The head of a function or method, without its body, `export` and `readonly`. */
function headOf(declaration) {
  const body = declaration.body;
  const text = body ? declaration.getText().slice(0, body.getStart() - declaration.getStart()) : declaration.getText();
  return line(text).replace(/^export\s+/, "").replace(/^function\s+/, "").replace(/;$/, "").trim();
}

/** A call of a name, as its declaration has the parameters: `name(a, b[, c])`. */
function callOf(prefix, name, declaration) {
  let text = "";
  let open = 0;
  for (const parameter of declaration.parameters) {
    if (parameter.name.getText() === "this") continue;
    const optional = parameter.questionToken !== undefined || parameter.initializer !== undefined;
    const comma = text === "" ? "" : ", ";
    // Once one may be left out all that follow may.
    if (optional) open++;
    const word = ts.isIdentifier(parameter.name) ? parameter.name.text : "options";
    text += `${optional ? "[" : ""}${comma}${parameter.dotDotDotToken ? "..." : ""}${word}`;
  }
  return `${prefix}${name}(${text}${"]".repeat(open)})`;
}

/** Sections of what can be called, of which there may be several forms. */
function callable(prefix, name, declarations, level) {
  // The implementation of several forms is none of them.
  const forms = declarations.length > 1 ? declarations.filter(({ body }) => body === undefined) : declarations;
  const documented = forms.find((form) => ts.getJSDocCommentsAndTags(form).length > 0) ?? forms[0];
  const signature = checker.getSignatureFromDeclaration(documented);
  const said = line(ts.displayPartsToString(signature.getDocumentationComment(checker)));
  const items = tagsOf(signature);
  const sections = [`${"#".repeat(level)} \`${callOf(prefix, name, forms.at(-1))}\``, "```ts\n" + forms.map(headOf).join("\n") + "\n```"];
  if (said !== "") sections.push(said);
  if (items.length > 0) sections.push(items.join("\n"));
  return sections;
}

/** The members of an interface or class: a table of properties, then a section for each method. */
function membersOf(declarations, prefix, level) {
  const rows = [];
  const sections = [];
  const done = new Set();
  for (const member of declarations.flatMap(({ members }) => [...members])) {
    if (isPrivate(member)) continue;
    const symbol = member.name && checker.getSymbolAtLocation(member.name);
    const name = member.name?.getText() ?? "";
    if (ts.isMethodSignature(member) || ts.isMethodDeclaration(member)) {
      if (done.has(name)) continue;
      done.add(name);
      const same = declarations.flatMap(({ members }) => [...members]).filter((other) => other.name?.getText() === name && (ts.isMethodSignature(other) || (ts.isMethodDeclaration(other) && !isPrivate(other))));
      sections.push(...callable(prefix, name, same, level));
    } else if (ts.isCallSignatureDeclaration(member)) {
      sections.push(...callable("", "open", [member], level));
    } else if (ts.isIndexSignatureDeclaration(member)) {
      rows.push(`| \`${line(member.parameters[0].getText())}\` | \`${cell(member.type.getText())}\` | ${cell(ts.getJSDocCommentsAndTags(member).map(({ comment }) => String(comment ?? "")).join(" "))} |`);
    } else if (ts.isPropertySignature(member) || ts.isPropertyDeclaration(member) || ts.isGetAccessor(member)) {
      const type = member.type?.getText() ?? checker.typeToString(checker.getTypeOfSymbol(symbol));
      rows.push(`| \`${name}${member.questionToken ? "?" : ""}\` | \`${cell(type)}\` | ${cell(textOf(symbol))} |`);
    }
  }
  return [...(rows.length > 0 ? [["| | type | |", "|---|---|---|", ...rows].join("\n")] : []), ...sections];
}

/** Everything about an exported name. */
function sectionOf(name, symbol, chapter) {
  const declarations = symbol.getDeclarations() ?? [];
  const [first] = declarations;
  const file = relative(".", first.getSourceFile().fileName);
  const where = `[${file}](../${file})`;
  const said = textOf(symbol);
  if (ts.isFunctionDeclaration(first)) return callable("", name, declarations, 3);
  const head = [`### ${name}`];
  if (ts.isInterfaceDeclaration(first) || ts.isClassDeclaration(first)) {
    const heritage = first.heritageClauses?.flatMap(({ types }) => types.map((type) => `\`${type.getText()}\``)).join(", ");
    const parts = [...head, [said, heritage ? `What ${heritage} has, it has too.` : "", `(${where})`].filter((text) => text !== "").join(" ")];
    const [construct] = ts.isClassDeclaration(first) ? first.members.filter((member) => ts.isConstructorDeclaration(member) && !isPrivate(member)) : [];
    if (construct) parts.push(...callable("new ", name, [construct], 4).map((text) => text.replace(/```ts\nconstructor/, `\`\`\`ts\nnew ${name}`)));
    return [...parts, ...membersOf(declarations, chapter.call ?? (ts.isInterfaceDeclaration(first) ? "" : `${name.charAt(0).toLowerCase()}${name.slice(1)}.`), 4)];
  }
  const text = ts.isTypeAliasDeclaration(first) ? first.getText().replace(/^export\s+/, "") : ts.isVariableDeclaration(first) ? `const ${name}: ${first.type?.getText() ?? shapeOf(symbol)};` : first.getText();
  return [...head, [said, `(${where})`].filter((part) => part !== "").join(" "), "```ts\n" + text.replace(/\n\s*\/\*\*[^]*?\*\//g, "") + "\n```"];
}

/** The type of a constant without one: values and all. */
function shapeOf(symbol) {
  return line(checker.typeToString(checker.getTypeOfSymbol(symbol), undefined, ts.TypeFormatFlags.NoTruncation));
}

/** The limits: of each its name, numbers, and the comment in front of it. */
function limitRows() {
  const rows = [];
  for (const path of LIMITS) {
    const source = program.getSourceFile(path);
    const visit = (node) => {
      if (ts.isStringLiteral(node) && /^[a-z]+ \d+ \d+ \d+( |$)/.test(node.text)) {
        const comments = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
        const above = comments.map(({ pos, end }) => source.text.slice(pos, end).replace(/^\/\/\s?/, "")).join(" ");
        const words = node.text.trim().split(" ");
        for (let i = 0; i < words.length; i += 4) rows.push(`| \`${words[i]}\` | ${words[i + 1]} | ${words[i + 2]} to ${words[i + 3]} | ${i === 0 ? cell(above) : ""} |`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return rows;
}

function write({ entry, title, text, chapters }) {
  const source = exportsOf(entry);
  const told = new Set(ELSEWHERE);
  const parts = [
    `# ${title}`,
    `Made of the docstrings by \`node api.mjs\`; do not edit. ${text}`,
    chapters.map((chapter) => `- [${chapter.title}](#${chapter.title.toLowerCase().replace(/ /g, "-")})`).join("\n"),
  ];
  const fileOf = (name) => relative(".", source.get(name).getDeclarations()[0].getSourceFile().fileName);
  for (const chapter of chapters) {
    const files = chapter.from ? [chapter.from] : chapter.folder?.map((name) => `hal/mock/${name}.ts`);
    const names = chapter.names ?? files.flatMap((file) => [...source.keys()].filter((name) => fileOf(name) === file));
    parts.push(`## ${chapter.title}`);
    if (chapter.text) parts.push(chapter.text);
    for (const name of names) {
      if (!source.has(name)) throw new Error(`api.mjs: the chapter ${chapter.title} names ${name}, which is not exported`);
      told.add(name);
      parts.push(...sectionOf(name, source.get(name), chapter));
    }
    if (chapter.limits) {
      parts.push("### Limits", "Whole numbers: milliseconds, bytes, bit/s or how many. The defaults are those of the scripts for small engines; `sizes` and the build may have others.");
      parts.push(["| | default | bounds | |", "|---|---|---|---|", ...limitRows()].join("\n"));
    }
  }
  const forgotten = [...source.keys()].filter((name) => !told.has(name));
  if (forgotten.length > 0) throw new Error(`api.mjs: in no chapter: ${forgotten.join(", ")}`);
  return parts.join("\n\n") + "\n";
}

for (const page of PAGES) {
  const text = write(page);
  if (!process.argv.includes("--check")) writeFileSync(page.target, text);
  else if (readFileSync(page.target, "utf8") !== text) {
    console.error(`${page.target} is not what the docstrings say: node api.mjs`);
    process.exitCode = 1;
  }
}
