/**
 * Finds assignments to exports where no program means one: within a class, a function or another expression. A tool that
 * turns ES modules into CommonJS by their words, not by their meaning, writes `#name = exports.name = …`.
 */
import ts from 'typescript';

/** What is wrong with the text of a CommonJS file, one line for each place. */
export function checkCommonJs(text, fileName) {
  const file = ts.createSourceFile(fileName, text, ts.ScriptTarget.ESNext, true);
  const misplaced = [];
  const visit = (node) => {
    if (isExportAssignment(node) && !standsAlone(node)) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      misplaced.push(`${fileName}:${line + 1}: ${node.getText(file).slice(0, 80)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return misplaced;
}

/** `exports.name = …`, or any other operator that assigns. */
function isExportAssignment(node) {
  return (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
    node.operatorToken.kind <= ts.SyntaxKind.LastAssignment &&
    ts.isPropertyAccessExpression(node.left) &&
    ts.isIdentifier(node.left.expression) &&
    node.left.expression.text === 'exports'
  );
}

/** A statement of the file itself. */
function standsAlone({ parent }) {
  return ts.isExpressionStatement(parent) && ts.isSourceFile(parent.parent);
}
