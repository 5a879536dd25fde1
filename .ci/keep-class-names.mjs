/**
 * Lets classes keep their names in the bundle. A bundler makes `var Graph = class _Graph` of a class whose body names the
 * class, as `new Graph()` in a static method does; consoles and messages would print `_Graph`. Such a class gets a
 * static getter `name`, which costs a bundler's user nothing if the class is left out.
 */
import ts from 'typescript';

/** The text of a TypeScript module, in which every class of the top level that names itself says its name. */
export function keepClassNames(text) {
  const file = ts.createSourceFile('module.ts', text, ts.ScriptTarget.ESNext, true);
  let kept = text;
  for (const { name, members } of file.statements.filter(namesItself).reverse()) {
    kept = `${kept.slice(0, members.pos)} static get name() { return '${name.text}'; }${kept.slice(members.pos)}`;
  }
  return kept;
}

/** Whether a statement is a class with its own name in its body, as a value. */
function namesItself(statement) {
  if (!ts.isClassDeclaration(statement) || statement.name === undefined) return false;
  const isItself = (node) => ts.isIdentifier(node) && node.text === statement.name.text;
  const isFound = (node) => !ts.isTypeNode(node) && (isItself(node) || ts.forEachChild(node, isFound) === true);
  return statement.members.some(isFound);
}
