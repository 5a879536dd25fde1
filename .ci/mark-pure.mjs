/**
 * Tells bundlers that what a module of `src/` computes while it loads may be left out if nobody uses it: an initialiser of
 * the top level that calls, spreads or reads a property becomes one call with a `@__PURE__` mark. Without marks a bundler
 * keeps all tables, and whatever they name.
 *
 * Invariant: this holds because no module of `src/` acts on anything but its own constants while it loads, which is
 * what `sideEffects: false` in package.json says as well. Calls that stand alone, and bodies of functions, stay unmarked.
 */
import ts from 'typescript';

/** The text of a TypeScript module, marked. */
export function markPure(text) {
  const file = ts.createSourceFile('module.ts', text, ts.ScriptTarget.ESNext, true);
  let marked = text;
  for (const { pos, end } of initialisersOf(file).filter(mayAct).reverse()) {
    marked = `${marked.slice(0, pos)} /* @__PURE__ */ (() => (${marked.slice(pos, end)}))()${marked.slice(end)}`;
  }
  return marked;
}

/** What the module computes while it loads, in order. */
function initialisersOf(file) {
  const declarations = file.statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) return [...statement.declarationList.declarations];
    if (!ts.isClassDeclaration(statement)) return [];
    return statement.members.filter((member) => ts.isPropertyDeclaration(member) && ts.hasStaticModifier(member));
  });
  return declarations.flatMap(({ initializer }) => initializer ?? []);
}

/** Whether a bundler must take it that the expression does more than to yield a value. */
function mayAct(node) {
  if (ts.isFunctionLike(node)) return false;
  const acts = [
    ts.isCallExpression,
    ts.isNewExpression,
    ts.isSpreadAssignment,
    ts.isSpreadElement,
    ts.isPropertyAccessExpression,
    ts.isElementAccessExpression,
  ];
  return acts.some((is) => is(node)) || ts.forEachChild(node, mayAct) === true;
}
