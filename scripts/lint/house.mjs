/** The house rules that no built-in rule expresses (an oxlint plugin): who may import whom, what only the edges do, names. */
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../../src", import.meta.url));

const component = { folders: ["core", "formats", "sql"], packages: ["effect", "node:crypto"] };

/** First path segment under src → the folders and packages it may import. `*` is any. */
const boundaries = {
  core: { folders: [], packages: ["effect"] },
  formats: { folders: [], packages: ["effect"] },
  spec: { folders: ["core"], packages: ["effect", "yaml"] },
  engine: { folders: ["core", "spec"], packages: ["effect", "node:crypto"] },
  sql: { folders: ["core"], packages: ["effect"] },
  sources: component,
  transforms: component,
  sinks: component,
  poststeps: component,
  drivers: { folders: ["core", "sql"], packages: ["*"] },
  cli: {
    folders: ["core", "spec", "engine"],
    packages: ["effect", "@effect/cli", "@effect/platform", "node:path", "yaml"],
  },
  "builtins.ts": { folders: ["core", "formats", "sources", "transforms", "sinks", "poststeps"], packages: ["effect"] },
  "bin.ts": { folders: ["*"], packages: ["*"] },
};

const allows = (list, name) => list.includes("*") || list.includes(name);

/** `@effect/platform/FileSystem` → `@effect/platform`; `node:fs/promises` stays whole. */
const packageOf = (specifier) =>
  specifier.startsWith("node:")
    ? specifier
    : specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");

/** Why `file` must not import `specifier`, or undefined. */
const violation = (file, specifier) => {
  const [area, ...rest] = relative(src, file).split("/");
  const boundary = boundaries[area];
  if (boundary === undefined) return `src/${area} has no import rule: place it in the table of scripts/lint/house.mjs.`;
  if (!specifier.startsWith(".")) {
    const name = packageOf(specifier);
    return allows(boundary.packages, name)
      ? undefined
      : `src/${area} may import ${boundary.packages.join(", ")} only, not ${name}.`;
  }
  const target = relative(src, resolve(dirname(file), specifier));
  const [targetArea] = target.split("/");
  if (target.startsWith("core/internal/") && area !== "engine" && !file.includes("/core/internal/")) {
    return "Invariant 1: only the engine mints receipts.";
  }
  if (targetArea === "..") {
    return area === "bin.ts" ? undefined : `Only bin.ts reaches outside src (${specifier}).`;
  }
  if (targetArea !== area) {
    return allows(boundary.folders, targetArea)
      ? undefined
      : `src/${area} may import ${boundary.folders.join(", ") || "nothing else"} of src, not ${targetArea}.`;
  }
  // Component files are camelCase, the modules that one is split into are PascalCase.
  const isComponentFile = boundary === component && /^[a-z]/.test(target.split("/").at(-1) ?? "");
  return isComponentFile && rest.length > 0 ? `A component never imports another (${specifier}).` : undefined;
};

const imports = {
  create: (context) => {
    const check = (node) => {
      if (typeof node.source?.value !== "string") return;
      const message = violation(context.filename, node.source.value);
      if (message !== undefined) context.report({ node: node.source, message });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
      TSImportType: check,
    };
  },
};

const edgesOnly = {
  create: (context) => ({
    TryStatement: (node) =>
      context.report({
        node,
        message: "Use Effect.try, Either.try or Effect.tryPromise: try/catch belongs in drivers and bin.ts.",
      }),
    NewExpression: (node) => {
      if (node.callee.name === "Date" && node.arguments.length === 0) {
        context.report({ node, message: "Use Clock or DateTime.now, so that TestClock governs it." });
      }
    },
  }),
};

const noAsAny = {
  create: (context) => ({
    TSAsExpression: (node) => {
      if (node.typeAnnotation.type === "TSAnyKeyword") {
        context.report({ node, message: "Decode the value with a Schema, or narrow it; `as any` hides what it is." });
      }
    },
  }),
};

const fileName = {
  create: (context) => ({
    Program: (node) => {
      const path = relative(join(src, ".."), context.filename);
      if (path.split("/").some((part) => /^(utils?|helpers?|common|misc)(\.|$)/i.test(part))) {
        context.report({ node, message: `Name ${path} for what it holds, not utils, helpers or common.` });
      }
    },
  }),
};

export default {
  meta: { name: "house" },
  rules: { imports, "edges-only": edgesOnly, "no-as-any": noAsAny, "file-name": fileName },
};
