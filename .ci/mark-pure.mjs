/**
 * Tells bundlers that what a module of `src/` computes while it loads may be left out if nobody uses it: every call in
 * an initialiser of the top level gets a `@__PURE__` mark. Without marks a bundler keeps all tables, and whatever they name.
 *
 * Invariant: this holds because no module of `src/` acts on anything but its own constants while it loads, which is
 * what `sideEffects: false` in package.json says as well. Calls that stand alone, and bodies of functions, stay unmarked.
 */
import ts from 'typescript';

const MARK = '/* @__PURE__ */ ';

/** The text of a TypeScript module, marked. */
export function markPure(text) {
  const positions = new Set();
  const file = ts.createSourceFile('module.ts', text, ts.ScriptTarget.ESNext, true);
  const visit = (node) => {
    if (ts.isFunctionLike(node)) return;
    // Of a chain of calls, the first position stands for all.
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) positions.add(node.getStart(file));
    ts.forEachChild(node, visit);
  };
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { initializer } of statement.declarationList.declarations) if (initializer) visit(initializer);
    }
    if (!ts.isClassDeclaration(statement)) continue;
    for (const member of statement.members) {
      const isStatic = ts.isPropertyDeclaration(member) && ts.hasStaticModifier(member);
      if (isStatic && member.initializer) visit(member.initializer);
    }
  }
  let marked = text;
  for (const at of [...positions].sort((a, b) => b - a)) marked = marked.slice(0, at) + MARK + marked.slice(at);
  return marked;
}
