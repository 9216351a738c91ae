/**
 * The conditions a mapping may put on a row: columns, literals, `IS [NOT] NULL`, `=`, `<>`, `AND`, `OR`, `NOT`, parentheses.
 * No text of a spec reaches a statement as it stands. Threads that render have no Effect.
 */
export type Operand =
  | { readonly _tag: "Column"; readonly name: string }
  | { readonly _tag: "Text"; readonly value: string }
  | { readonly _tag: "Integer"; readonly value: bigint };

export type Predicate =
  | { readonly _tag: "And" | "Or"; readonly left: Predicate; readonly right: Predicate }
  | { readonly _tag: "Not"; readonly of: Predicate }
  | { readonly _tag: "IsNull" | "IsNotNull"; readonly of: Operand }
  | { readonly _tag: "Equal" | "Unequal"; readonly left: Operand; readonly right: Operand };

/** The columns it names, each as often as it stands there. */
export const columns = (predicate: Predicate): ReadonlyArray<string> => {
  switch (predicate._tag) {
    case "And":
    case "Or":
      return [...columns(predicate.left), ...columns(predicate.right)];
    case "Not":
      return columns(predicate.of);
    case "IsNull":
    case "IsNotNull":
      return named(predicate.of);
    case "Equal":
    case "Unequal":
      return [...named(predicate.left), ...named(predicate.right)];
  }
};

const named = (operand: Operand): ReadonlyArray<string> => operand._tag === "Column" ? [operand.name] : [];

/** Its text for one statement; `column` quotes and qualifies. Literals are standard SQL: text in single quotes, quotes doubled. */
export const render = (predicate: Predicate, column: (name: string) => string): string => {
  const operand = (of: Operand): string =>
    of._tag === "Column"
      ? column(of.name)
      : of._tag === "Text"
      ? `'${of.value.replaceAll("'", "''")}'`
      : String(of.value);
  switch (predicate._tag) {
    case "And":
      return `(${render(predicate.left, column)} AND ${render(predicate.right, column)})`;
    case "Or":
      return `(${render(predicate.left, column)} OR ${render(predicate.right, column)})`;
    case "Not":
      return `(NOT ${render(predicate.of, column)})`;
    case "IsNull":
      return `${operand(predicate.of)} IS NULL`;
    case "IsNotNull":
      return `${operand(predicate.of)} IS NOT NULL`;
    case "Equal":
      return `${operand(predicate.left)} = ${operand(predicate.right)}`;
    case "Unequal":
      return `${operand(predicate.left)} <> ${operand(predicate.right)}`;
  }
};
